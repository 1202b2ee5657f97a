/**
 * The feeds: for each owner of chats a stream that says in which of them something was kept. A feed is a signal, and the
 * chats are the truth: what was kept just before a process died is missing in it, and it is trimmed soon.
 */
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ChatNews } from '../conversation/news.ts'
import { OccasionalWarnings } from '../logging/occasional.ts'
import type { Offset } from '../protocol/offset.ts'
import type { StreamConfig } from '../streams/store.ts'
import type { StreamInfo } from '../streams/stream.ts'
import type { ChatPlace } from './history.ts'
import type { ChatSettings } from './options.ts'

/** Milliseconds for which a feed is kept that nobody follows, and to which nothing is written. */
const TTL_MS = 24 * 60 * 60 * 1000
/** Whoever is further behind asks for the list. */
const RETENTION = { age: 60 * 60, bytes: 64 * 1024 } as const
/** Most news in one append, and most that wait for one. */
const MOST = 500
/** Times that somebody else may create or remove the feed in the same moment. */
const MOST_TRIES = 3
/** Milliseconds that a shutdown waits for what is being told. */
const GRACE_MS = 1000

type FeedSettings = Pick<ChatSettings, 'store' | 'logger'>

export class ChatFeeds {
  readonly #settings: FeedSettings
  readonly #warnings: OccasionalWarnings
  /** By owner, while something is being written: what to write next, by chat. */
  readonly #waiting = new Map<string, Map<string, ChatNews>>()
  readonly #writes = new Set<Promise<void>>()
  readonly #end = new AbortController()
  #isClosed = false

  constructor(settings: FeedSettings) {
    this.#settings = settings
    this.#warnings = new OccasionalWarnings(settings.logger)
  }

  /** The feed of an owner, which is created if it is not there. Rejects as the store does. */
  async stream(owner: string, signal: AbortSignal): Promise<StreamInfo | undefined> {
    const { store } = this.#settings
    const id = feedStreamId(owner)
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const found = await store.head(id, signal, owner)
      if (found) return found
      const made = await store.create(id, configOf(owner), signal)
      if (made.outcome === 'created') return made.info
    }
    return undefined
  }

  /** Tells an owner's feed of a chat, soon. Chats without an owner have no feed. Never throws; a failure is logged. */
  tell({ owner }: ChatPlace, news: ChatNews): void {
    if (owner === undefined || this.#isClosed) return
    const waiting = this.#waiting.get(owner)
    if (waiting) return put(waiting, news)
    this.#waiting.set(owner, new Map([[news.chat, news]]))
    const write = this.#write(owner)
    this.#writes.add(write)
    void write.finally(() => this.#writes.delete(write))
  }

  /** Takes no more news. Resolves when those that there are were told, or were given up, a second later. */
  async close(): Promise<void> {
    this.#isClosed = true
    const over = new AbortController()
    const told = Promise.all(this.#writes).finally(() => over.abort())
    await Promise.race([told, sleep(GRACE_MS, undefined, { signal: over.signal }).catch(() => undefined)])
    this.#end.abort()
  }

  /** Never rejects. */
  async #write(owner: string): Promise<void> {
    for (;;) {
      const waiting = this.#waiting.get(owner)
      if (!waiting || waiting.size === 0) break
      this.#waiting.set(owner, new Map())
      try {
        await this.#append(owner, [...waiting.values()])
      } catch (err) {
        if (this.#end.signal.aborted) return
        this.#warnings.warn({ err, chats: [...waiting.keys()] }, 'feed of chats could not be written')
      }
    }
    this.#waiting.delete(owner)
  }

  async #append(owner: string, news: readonly ChatNews[]): Promise<void> {
    const { store } = this.#settings
    const { signal } = this.#end
    const id = feedStreamId(owner)
    const records = news.map((one) => JSON.stringify(one))
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const appended = await store.append(id, { records }, signal)
      if (appended.outcome === 'appended' && news.some((one) => 'deleted' in one))
        await store.trim(id, placeBefore(appended.offset, records.length), signal)
      if (appended.outcome !== 'missing') return
      const made = await store.create(id, { ...configOf(owner), records }, signal)
      if (made.outcome === 'created') return
    }
  }
}

/** Nothing of a chat that is deleted stays, so its title goes from the feed as well. */
function placeBefore({ position, stamp }: Offset, records: number): Offset {
  return { position: position - records, stamp, ahead: records }
}

/** Adds the last news of a chat behind all others. */
function put(waiting: Map<string, ChatNews>, news: ChatNews): void {
  waiting.delete(news.chat)
  waiting.set(news.chat, news)
  for (const oldest of waiting.keys()) {
    if (waiting.size <= MOST) return
    waiting.delete(oldest)
  }
}

function configOf(owner: string): StreamConfig {
  return { owner, ttlMs: TTL_MS, retention: RETENTION }
}

function feedStreamId(owner: string): string {
  return `@chat-feed/${createHash('sha256').update(owner).digest('base64url')}`
}
