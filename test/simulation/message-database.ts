/**
 * The database of an application that keeps the messages of its chats itself. It is outside of all processes, slow, and
 * away now and then.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { chatStreamId } from '../../src/chats/chat-ids.ts'
import type { ChatHistory } from '../../src/chats/history.ts'
import type { ChatMessage } from '../../src/conversation/entries.ts'
import { Chance } from '../chaos/chance.ts'
import type { Cluster } from './cluster.ts'

/** How long an answer may take, in milliseconds. */
const SLOW_MS = 2_000

export class MessageDatabase {
  readonly #cluster: Cluster
  readonly #chance: Chance
  readonly #chats = new Map<string, readonly ChatMessage[]>()
  #saves = 0

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    this.#chance = new Chance(cluster.plan.seed, 'message database')
  }

  readonly history: ChatHistory = {
    load: async ({ chat }) => {
      await this.#answer()
      return this.#chats.get(chat) ?? []
    },
    save: async ({ chat, ask, after, messages }) => {
      await this.#answer()
      if (this.#cluster.planted === 'chat-save-forgotten' && ++this.#saves % 2 === 0) return
      let before = after
      for (const message of messages) {
        this.#keep(chat, message, before)
        before = message.id
      }
      const texts = messages.map((message) => JSON.stringify(message))
      this.#cluster.note({
        type: 'chat-saved',
        stream: chatStreamId({ chat }),
        run: ask.run,
        messages: texts,
      })
      this.#cluster.coverage.add('chatsSaved')
      // The answer may be lost.
      await this.#answer()
    },
  }

  #keep(chat: string, message: ChatMessage, after: string | undefined): void {
    const kept = this.#chats.get(chat) ?? []
    const known = kept.findIndex(({ id }) => id === message.id)
    const at = after === undefined ? 0 : kept.findIndex(({ id }) => id === after) + 1
    this.#chats.set(chat, known < 0 ? kept.toSpliced(at, 0, message) : kept.with(known, message))
  }

  async #answer(): Promise<void> {
    if (this.#cluster.isCalm) return
    const what = this.#chance.next()
    if (what < 0.3) await sleep(this.#chance.between(1, SLOW_MS))
    if (what > 0.9) throw Object.assign(new Error('The database is away'), { name: 'LostError' })
  }
}
