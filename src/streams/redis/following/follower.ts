/**
 * Tells this process's watchers what any process appends: its own appends from memory, those of others from the
 * channel of the stream, and missing ones by reading.
 *
 * Invariants: a stream is subscribed before its tail is read, so that nothing is missed. Events are contiguous, and
 * each record is told once, by its position. After a `look` message or a gap, the log is read from where the watchers
 * are, and the stamp of the last record told proves that it is still the same log. After a lost connection nothing is
 * told before this is proved, because later appends may follow another history.
 */
import type { Logger } from '../../../logging/logger.ts'
import type { Offset } from '../../../protocol/offset.ts'
import { endMember, tailOf } from '../../bookkeeping/stream-state.ts'
import type { GoneReason, WatchListener, WatchResult } from '../../watching.ts'
import { stopWith, Watchers } from '../../bookkeeping/watchers.ts'
import { CatchUp } from './catch-up.ts'
import type { Followed, ToldRecords } from './catch-up.ts'
import { readMessage } from './live-message.ts'
import type { Servers } from '../servers/servers.ts'
import type { StreamLists } from '../lists/stream-lists.ts'
import type { RedisStreamTable } from '../stream-table.ts'

/** Milliseconds between two looks at all watched streams, for changes without a message, such as `FLUSHALL`. */
const AUDIT_MS = 15_000

export interface RedisFollowerOptions {
  readonly table: RedisStreamTable
  readonly servers: Pick<Servers, 'subscribe' | 'unsubscribe'>
  readonly lists: Pick<StreamLists, 'marker'>
  readonly channelOf: (id: string) => string
  readonly logger: Logger
  readonly lossPatienceMs: number
}

export class RedisFollower {
  readonly #options: RedisFollowerOptions
  readonly #watchers: Watchers
  readonly #followed = new Map<string, Followed>()
  readonly #channels = new Map<string, Followed>()
  readonly #catchUp: CatchUp
  #audit: NodeJS.Timeout | undefined

  constructor(options: RedisFollowerOptions) {
    this.#options = options
    this.#watchers = new Watchers(options.logger)
    this.#catchUp = new CatchUp({
      ...options,
      watchers: this.#watchers,
      tell: (followed, stretch) => this.#tell(followed, stretch),
      isEmptied: async (followed) => {
        const before = await followed.marker
        return before !== '' && before !== (await options.lists.marker())
      },
      tellGone: (followed, incarnation, reason) => this.#tellGone(followed, incarnation, reason),
    })
  }

  /** @param within bounds the wait for the subscription. */
  async watch(
    id: string,
    listener: WatchListener,
    signal: AbortSignal | undefined,
    within: <T>(waiting: Promise<T>) => Promise<T>,
  ): Promise<WatchResult> {
    const followed = this.#follow(id)
    try {
      await within(followed.subscribed.promise)
      const { there, heard, doubts } = await this.#look(followed)
      signal?.throwIfAborted()
      if (!there) return { outcome: 'missing' }
      const { incarnation, closedWith } = there
      const joined = this.#watchers.get(id)
      const tail: Offset = joined ? { position: joined.told, stamp: joined.stamp } : tailOf(there)
      if (!joined) {
        followed.settled = doubts
        followed.shortSince = undefined
      }
      const closed = joined?.closed ?? there.closed
      const leave = this.#watchers.add(id, incarnation, tail, closed, listener)
      followed.watching++
      const { life } = followed
      const stop = stopWith(
        signal,
        once(() => {
          leave()
          if (followed.life !== life) return
          followed.watching--
          this.#leave(followed)
        }),
      )
      if (followed.heard !== heard || tail.position !== there.tail) this.#catchUp.start(followed)
      // Told since the read, or read.
      const end = joined?.end === undefined ? endMember(closedWith) : { end: joined.end }
      return { outcome: 'watching', incarnation, tail, closed, ...(closed && end), stop }
    } finally {
      followed.coming--
      this.#leave(followed)
    }
  }

  /**
   * Whether the watchers were told everything before a place. If the log ends before it, records are lost, or about
   * to be repeated; the watchers will be told which.
   */
  hasTold(id: string, { position, stamp }: Offset): boolean {
    const followed = this.#followed.get(id)
    const watched = this.#watchers.get(id)
    if (!followed || !watched || position > watched.told) return false
    if (position === watched.told && stamp !== watched.stamp) return false
    this.#catchUp.start(followed)
    return true
  }

  /** Whether a stream has watchers, or is about to. */
  follows(id: string): boolean {
    return this.#followed.has(id)
  }

  /** Tells a durable append of this process. */
  tellOwn(id: string, stretch: ToldRecords): void {
    const followed = this.#followed.get(id)
    if (followed) this.#hear(followed, stretch)
  }

  /** Tells that this process has deleted a stream. */
  tellDeleted(id: string, incarnation: string): void {
    const followed = this.#followed.get(id)
    if (followed) this.#tellGone(followed, incarnation, 'deleted')
  }

  readonly onMessage = (channel: string, message: Buffer): void => {
    const followed = this.#channels.get(channel)
    if (!followed) return
    followed.heard++
    const heard = readMessage(message)
    if (heard.type === 'look') this.#catchUp.start(followed)
    else if (heard.type === 'gone') this.#tellGone(followed, heard.incarnation, heard.reason)
    else if (heard.records) this.#hear(followed, { ...heard, records: heard.records })
    else this.#catchUp.start(followed)
  }

  readonly onSubscribed = (channel: string): void => {
    const followed = this.#channels.get(channel)
    if (!followed) return
    followed.heard++
    followed.doubts++
    followed.subscribed.resolve()
    this.#catchUp.start(followed)
  }

  /** A server is reachable again, and may be another one. */
  readonly onReady = (): void => {
    for (const followed of this.#followed.values()) followed.doubts++
    this.#lookAtAll()
  }

  #lookAtAll(): void {
    for (const followed of this.#followed.values()) {
      if (this.#watchers.get(followed.id)) this.#catchUp.start(followed)
    }
  }

  close(): void {
    clearInterval(this.#audit)
    this.#catchUp.close()
    this.#watchers.clear()
    this.#followed.clear()
    this.#channels.clear()
  }

  #follow(id: string): Followed {
    let followed = this.#followed.get(id)
    if (!followed) {
      const channel = this.#options.channelOf(id)
      followed = {
        id,
        channel,
        marker: this.#options.lists.marker().catch(() => ''),
        coming: 0,
        watching: 0,
        life: 0,
        subscribed: Promise.withResolvers(),
        doubts: 0,
        settled: 0,
        heard: 0,
        shortSince: undefined,
        catching: undefined,
        again: false,
      }
      this.#followed.set(id, followed)
      this.#channels.set(channel, followed)
      this.#options.servers.subscribe(channel)
      this.#audit ??= setInterval(() => this.#lookAtAll(), AUDIT_MS).unref()
    }
    followed.coming++
    return followed
  }

  /** Unsubscribes when the stream has no watchers and none are about to come. */
  #leave(followed: Followed): void {
    if (followed.coming + followed.watching > 0) return
    const { id, channel } = followed
    if (this.#followed.get(id) !== followed) return
    this.#followed.delete(id)
    this.#channels.delete(channel)
    this.#catchUp.forget(followed)
    this.#options.servers.unsubscribe(channel)
  }

  /** Reads the stream. Watchers of an earlier incarnation are told first what became of that. */
  async #look(
    followed: Followed,
  ): Promise<{ there: Awaited<ReturnType<RedisStreamTable['look']>>; heard: number; doubts: number }> {
    const { id } = followed
    for (;;) {
      const { heard, doubts } = followed
      const there = await this.#options.table.look(id)
      const watched = this.#watchers.get(id)
      if (!watched || watched.incarnation === there?.incarnation) return { there, heard, doubts }
      await this.#catchUp.whole(followed)
      if (this.#watchers.get(id) === watched) this.#tellGone(followed, watched.incarnation, 'deleted')
    }
  }

  /** Tells one append. Reads the log instead if it may belong to another history. */
  #hear(followed: Followed, stretch: ToldRecords): void {
    const watched = this.#watchers.get(followed.id)
    if (!watched) return
    const { from, next, stamp } = stretch
    const isDoubtful = followed.settled !== followed.doubts || followed.shortSince !== undefined
    const isAnother = from < watched.told && watched.told <= next && watched.stamp !== stamp
    if (isDoubtful || isAnother) this.#catchUp.start(followed)
    else this.#tell(followed, stretch)
  }

  /** Tells the records not told yet, or reads the log if earlier ones are missing. */
  #tell(followed: Followed, stretch: ToldRecords): void {
    const watched = this.#watchers.get(followed.id)
    if (!watched) return
    const { incarnation, from, next, closed, end, stamp } = stretch
    if (watched.incarnation !== incarnation || from > watched.told) {
      this.#catchUp.start(followed)
      return
    }
    if (next < watched.told || (next === watched.told && (watched.closed || !closed))) return
    // An append that only closed wrote no record.
    const place = next > watched.told ? { position: next, stamp } : { position: next, stamp: watched.stamp }
    const records = from === watched.told ? stretch.records : stretch.records.slice(watched.told - from)
    this.#watchers.tell(watched, records, place, closed, end)
  }

  /** @param incarnation the one that is gone; undefined for the watched one. */
  #tellGone(followed: Followed, incarnation: string | undefined, reason: GoneReason): void {
    const watched = this.#watchers.get(followed.id)
    if (!watched || (incarnation !== undefined && watched.incarnation !== incarnation)) return
    followed.life++
    followed.watching = 0
    this.#watchers.tellGone(followed.id, reason)
    this.#leave(followed)
  }
}

function once(end: () => void): () => void {
  let ended = false
  return () => {
    if (ended) return
    ended = true
    end()
  }
}
