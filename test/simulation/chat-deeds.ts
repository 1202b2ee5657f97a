/** What people do in the chats of a cluster, each in a tab of a browser that asks one server, and then another. */
import { setTimeout as sleep } from 'node:timers/promises'
import { chatStreamId } from '../../src/chats/chat-ids.ts'
import type { ChatMessage } from '../../src/conversation/entries.ts'
import { ChatError } from '../../src/conversation/errors.ts'
import { ChatFollowing } from './chat-following.ts'
import type { Question } from './chat-kind.ts'
import type { Cluster } from './cluster.ts'
import type { DeedOf } from './deed.ts'
import { Host } from './host.ts'
import type { ServerProcess } from './server-process.ts'

type ChatDeed = DeedOf<'chat'>

/** Milliseconds that a tab waits for an answer before it asks again. */
const PATIENCE_MS = 15_000
const PAUSE_MS = 300

export class ChatDeeds {
  readonly #cluster: Cluster
  readonly #tabs = new Map<string, Host>()
  readonly #chats = new Set<string>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  do(deed: ChatDeed): void {
    this.#chats.add(deed.chat)
    const tab = this.#tab(deed.tab)
    this.#cluster.ask(`${deed.does} ${deed.message} in ${deed.chat}`, tab, () => this.#does(deed))
  }

  /** A process dies over one of its next calls for chats. */
  doom({ slot, calls, when }: DeedOf<'chat-doom'>): void {
    const server = this.#cluster.up(slot)
    if (!server) return
    const die = (): void => {
      this.#cluster.coverage.add('chatKills')
      server.dieAndComeBack()
    }
    server.store.calls.doom = { left: calls, when, die }
  }

  /** Somebody opens each chat: what was left undone in it is done. */
  lookAtAll(): void {
    for (const chat of this.#chats) {
      const deed = { type: 'chat', does: 'look', chat, tab: 'last', slot: 0, message: '' } as const
      this.do({ ...deed, whileBusy: 'queue', persists: true, question: undefined })
    }
  }

  async #does(deed: ChatDeed): Promise<void> {
    const { chat, does, message: name, whileBusy } = deed
    const { coverage } = this.#cluster
    switch (does) {
      case 'send':
      case 'edit': {
        const message = deed.question as Question
        const edits = does === 'edit' ? { edits: message.id } : {}
        const ask = await this.#through(deed, async (server) => {
          const sent = await this.#planted(server, deed, () =>
            server.chats.send(chat, { message, whileBusy, ...edits, ...this.#run(deed) }),
          )
          return sent
        })
        if (!ask) return
        coverage.add(ask.status === 'queued' ? 'chatsQueued' : 'chatsSent')
        this.#cluster.note({ type: 'chat-sent', stream: chatStreamId({ chat }), run: ask.run, message: name })
        return
      }
      case 'page-send':
        return this.#pageSend(deed)
      case 'regenerate': {
        const run = `again-${name}`
        await this.#through(deed, ({ chats }) => chats.regenerate(chat, { run, whileBusy }))
        return
      }
      case 'take-back':
        if (await this.#done(deed, ({ chats }) => chats.takeBack(chat, name), 'chat-taken-back'))
          coverage.add('chatsTakenBack')
        return
      case 'stop':
        await this.#through(deed, ({ chats }) => chats.stop(chat))
        return
      case 'rename':
        await this.#through(deed, ({ chats }) => chats.rename(chat, name))
        return
      case 'delete':
        if (await this.#through(deed, ({ chats }) => chats.delete(chat))) coverage.add('chatsDeleted')
        return
      case 'select':
        if (await this.#done(deed, ({ chats }) => chats.select(chat, name), 'chat-selected'))
          coverage.add('chatsSelected')
        return
      case 'remove':
        if (await this.#done(deed, ({ chats }) => chats.remove(chat, name), 'chat-removed'))
          coverage.add('chatsRemoved')
        return
      case 'follow':
        return this.#follower(deed).follow()
      case 'look':
        await this.#through(deed, ({ chats }) => chats.get(chat))
    }
  }

  /** Sends as a page does that says what came before: what it has seen of the chat, maybe without one message. */
  async #pageSend(deed: ChatDeed): Promise<void> {
    const { chat, message: name, whileBusy, leavesOut } = deed
    const message = deed.question as Question
    let page: readonly ChatMessage[] | undefined
    const ask = await this.#through(deed, async ({ chats }) => {
      const seen = page ?? ((await chats.get(chat))?.messages ?? []).map((item) => item.message)
      // It has the same when it sends again.
      page ??= seen.filter((_, index) => index !== leavesOut)
      return chats.send(chat, { message, before: page, whileBusy })
    })
    if (!ask || !page) return
    this.#cluster.coverage.add('chatsPaged')
    const before = page.map(({ id }) => id)
    const stream = chatStreamId({ chat })
    this.#cluster.note({ type: 'chat-sent', stream, run: ask.run, message: name, before })
  }

  /** Whether it is done: then it is noted. */
  async #done(
    deed: ChatDeed,
    work: (server: ServerProcess) => Promise<void>,
    type: 'chat-taken-back' | 'chat-selected' | 'chat-removed',
  ): Promise<boolean> {
    const isDone = await this.#through(deed, async (server) => {
      await work(server)
      return true
    })
    const { chat, message } = deed
    if (isDone) this.#cluster.note({ type, stream: chatStreamId({ chat }), message })
    return isDone ?? false
  }

  #follower({ chat, tab, slot }: ChatDeed): ChatFollowing {
    return new ChatFollowing({ cluster: this.#cluster, chat, slot, name: `${tab} of ${chat}` })
  }

  /** For a planted bug the run is named by whoever sends. */
  #run({ message }: ChatDeed): { readonly run?: string } {
    return this.#cluster.planted === 'chat-run-before-ask' ? { run: `early-${message}` } : {}
  }

  async #planted<T>(server: ServerProcess, { chat, message }: ChatDeed, send: () => Promise<T>): Promise<T> {
    if (this.#cluster.planted === 'chat-run-before-ask')
      await server.streams.runs.start({ id: `early-${message}`, kind: 'chat', chat, input: { chat } })
    return send()
  }

  /** Asks a server, and another one where that one dies, fails or is silent. Undefined for what is refused, or given up. */
  async #through<T>(
    { slot, persists }: ChatDeed,
    work: (server: ServerProcess) => Promise<T>,
  ): Promise<T | undefined> {
    for (let at = slot; ; at++) {
      const server = this.#cluster.up(at % this.#cluster.plan.processes)
      if (server) {
        try {
          return await this.#asked(server, work)
        } catch (error) {
          if (error instanceof ChatError && error.code !== 'chat_contended') return undefined
          if (!(error instanceof Error) || !/^(Chat|Run|Store|Lost)Error$/.test(error.name)) throw error
        }
      }
      if (!persists && !this.#cluster.isCalm) return undefined
      await sleep(PAUSE_MS)
    }
  }

  /** What the server does it does as code of its own; its answer is one to the tab. */
  async #asked<T>(server: ServerProcess, work: (server: ServerProcess) => Promise<T>): Promise<T> {
    const over = new AbortController()
    const lost = (): Error => Object.assign(new Error('No answer came'), { name: 'LostError' })
    const answer = Promise.withResolvers<T>()
    server.host.onDeath(() => answer.reject(lost()))
    server.host.run(() => void work(server).then(answer.resolve, answer.reject))
    const late = sleep(PATIENCE_MS, undefined, { signal: over.signal }).then(() => {
      throw lost()
    })
    late.catch(() => undefined)
    try {
      return await Promise.race([answer.promise, late])
    } finally {
      answer.promise.catch(() => undefined)
      over.abort()
    }
  }

  #tab(name: string): Host {
    let host = this.#tabs.get(name)
    if (!host) {
      host = new Host(`tab ${name}`, this.#cluster.plan.seed)
      this.#tabs.set(name, host)
      this.#cluster.clients.push(host)
    }
    return host
  }
}
