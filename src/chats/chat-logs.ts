/** The chats that this process has read lately, so that reading one again costs only its new entries. */
import { StreamRequestError } from '../streams/errors.ts'
import type { StreamConfig } from '../streams/store.ts'
import type { Arrivals } from './arrivals.ts'
import type { ChatFeeds } from './chat-feeds.ts'
import { CHATS, chatStreamId } from './chat-ids.ts'
import { ChatLog } from './chat-log.ts'
import type { ChatEntry } from '../conversation/entries.ts'
import { writeEntry } from '../conversation/entries.ts'
import type { ChatPlace } from './history.ts'
import { listingOf, newsOf } from './listing.ts'
import type { ChatSettings } from './options.ts'

/** Most bytes of entries to hold. The chat that was read last is held whatever its size. */
const KEPT = 32 * 1024 * 1024
const MOST = 10_000

export class ChatLogs {
  readonly #settings: ChatSettings
  readonly #feeds: ChatFeeds
  readonly #arrivals: Arrivals
  /** By stream, the one that was looked at last at the end. */
  readonly #logs = new Map<string, { readonly log: ChatLog; readonly bytes: number }>()
  #bytes = 0

  constructor(settings: ChatSettings, feeds: ChatFeeds, arrivals: Arrivals) {
    this.#settings = settings
    this.#feeds = feeds
    this.#arrivals = arrivals
  }

  /**
   * Reads a chat; undefined if it does not exist. A chat that `isClosed` is being deleted. Rejects with the `ChatError`
   * `invalid_chat`, and as the store does.
   */
  async load(place: ChatPlace, signal?: AbortSignal): Promise<ChatLog | undefined> {
    const id = chatStreamId(place)
    const known = this.#logs.get(id)?.log
    if (known && (await known.refresh(signal))) return this.#keep(known)
    if (known) this.#forget(known)
    const { store } = this.#settings
    // The stream may change between the two calls.
    for (let tries = 0; tries < 3; tries++) {
      const info = await store.head(id, signal, place.owner ?? null)
      if (!info) return undefined
      const log = new ChatLog(store, place, info, this.#tell)
      if (await log.refresh(signal)) return this.#keep(log)
    }
    return undefined
  }

  /** Creates a chat with its first entries; false if it exists. Rejects as the store does. */
  async create(place: ChatPlace, entries: readonly ChatEntry[], signal?: AbortSignal): Promise<boolean> {
    const { store, retentionMs } = this.#settings
    const { owner } = place
    const config: StreamConfig = {
      records: entries.map(writeEntry),
      metadata: listingOf(place, undefined, entries),
      listed: CHATS,
      // The store's default retention must not trim it.
      retention: {},
      ...(owner !== undefined && { owner }),
      ...(retentionMs !== undefined && { ttlMs: retentionMs }),
    }
    const made = await store.create(chatStreamId(place), config, signal)
    if (made.outcome === 'retired' || made.outcome === 'no-fork')
      throw new StreamRequestError('invalid_id', 'The stream of the chat was deleted while forks of it exist')
    if (made.outcome !== 'created') return false
    this.#feeds.tell(place, newsOf(place, made.info.createdAt, undefined))
    this.#arrivals.arrived(place)
    return true
  }

  readonly #tell = ({ place, createdAt, conversation }: ChatLog): void => {
    this.#feeds.tell(place, newsOf(place, createdAt, conversation.title))
  }

  #keep(log: ChatLog): ChatLog {
    this.#forget(log)
    this.#logs.set(log.id, { log, bytes: log.bytes })
    this.#bytes += log.bytes
    for (const { log: oldest } of this.#logs.values()) {
      if ((this.#bytes <= KEPT && this.#logs.size <= MOST) || oldest === log) break
      this.#forget(oldest)
    }
    return log
  }

  #forget({ id }: ChatLog): void {
    this.#bytes -= this.#logs.get(id)?.bytes ?? 0
    this.#logs.delete(id)
  }
}
