/** A tab that follows a chat, at one server after the other, until all is quiet and it has been told of everything. */
import { setTimeout as sleep } from 'node:timers/promises'
import { chatStreamId } from '../../src/chats/chat-ids.ts'
import type { ChatChange } from '../../src/chats/following.ts'
import { writeEntry } from '../../src/conversation/entries.ts'
import { ChatError } from '../../src/conversation/errors.ts'
import { decodeOffset } from '../../src/protocol/offset.ts'
import type { Cluster } from './cluster.ts'
import type { ServerProcess } from './server-process.ts'

export interface ChatFollowingOptions {
  readonly cluster: Cluster
  readonly chat: string
  /** Which process is asked first. */
  readonly slot: number
  readonly name: string
}

const PAUSE_MS = 300

export class ChatFollowing {
  readonly #options: ChatFollowingOptions
  readonly #stream: string
  /** Where it goes on; undefined until it has seen the chat. */
  #offset: string | undefined
  #seen = 0

  constructor(options: ChatFollowingOptions) {
    this.#options = options
    this.#stream = chatStreamId({ chat: options.chat })
  }

  async follow(): Promise<void> {
    const { cluster, slot } = this.#options
    for (let at = slot; !this.#isOver(); at++) {
      const server = cluster.up(at % cluster.plan.processes)
      if (server) await this.#at(server)
      await sleep(PAUSE_MS)
    }
  }

  /** Follows at a server until that dies, fails or ends it, or all is told. */
  async #at(server: ServerProcess): Promise<void> {
    const over = new AbortController()
    const left = new AbortController()
    const leave = (): void => left.abort()
    server.host.onDeath(leave)
    server.host.run(() => void this.#work(server, over.signal).then(leave, leave))
    while (!left.signal.aborted && !this.#isOver()) await sleep(PAUSE_MS)
    over.abort()
  }

  /** What the server does for it. */
  async #work({ chats }: ServerProcess, signal: AbortSignal): Promise<void> {
    const { chat, name, cluster } = this.#options
    try {
      if (this.#offset === undefined) {
        const found = await chats.get(chat, { signal })
        if (!found || signal.aborted) return
        this.#offset = found.offset
        const at = decodeOffset(found.offset).position
        cluster.note({ type: 'chat-followed', stream: this.#stream, by: name, at })
      }
      for await (const change of chats.follow(chat, { offset: this.#offset, signal })) {
        if (signal.aborted) return
        this.#take(change)
      }
      // It may have been deleted, and another one be there.
      const log = cluster.checker.current.get(this.#stream)
      if (!signal.aborted && (!log || log.closed || log.removed)) this.#offset = undefined
    } catch (error) {
      if (error instanceof ChatError) this.#refused(error)
      else if (!(error instanceof Error) || !/^(Run|Store|Lost|Abort)Error$/.test(error.name)) throw error
    }
  }

  /** Nobody is, unless the chat was deleted. */
  #refused({ code }: ChatError): void {
    const { checker } = this.#options.cluster
    this.#offset = undefined
    const lives = [...checker.logs.values()].filter(({ stream }) => stream === this.#stream)
    if (lives.length === 1 && lives.every(({ closed, removed }) => !closed && !removed))
      this.#options.cluster.miss('reader-ends', `${this.#options.name} is refused: ${code}`)
  }

  #take({ offset, entry }: ChatChange): void {
    const { cluster, name } = this.#options
    this.#offset = offset
    if (cluster.planted === 'chat-entry-untold' && ++this.#seen % 3 === 0) return
    cluster.coverage.add('chatsSeen')
    const next = decodeOffset(offset).position
    cluster.note({ type: 'chat-seen', stream: this.#stream, by: name, next, entry: writeEntry(entry) })
  }

  /** Whether nothing more comes, and it was told of all that there is. */
  #isOver(): boolean {
    const { checker, isCalm } = this.#options.cluster
    if (!isCalm || checker.unfinishedChats().length > 0) return false
    const log = checker.current.get(this.#stream)
    if (!log || log.removed) return true
    return this.#offset !== undefined && decodeOffset(this.#offset).position === log.records.length
  }
}
