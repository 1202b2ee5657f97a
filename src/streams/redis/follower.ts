/**
 * Tells this process's watchers what is appended, by whichever process: from memory what this one
 * appends, from the channel of the stream what others do, and by reading whatever is missing.
 *
 * Invariants: a stream is subscribed to before its tail is looked at, so that nothing falls between;
 * what is told is contiguous, and each record is told once, by its position; whoever is told to look,
 * or hears of a gap, reads from where its watchers are, and proves by the stamp of the last record
 * told that the log still is the one they were told of; after a connection was lost nothing is told
 * before that is proved, for what appends then may follow another history.
 */
import type { Logger } from '../../logging/logger.ts'
import type { Offset } from '../../protocol/offset.ts'
import { endMember, tailOf } from '../bookkeeping/stream-state.ts'
import type { GoneReason, WatchListener, WatchResult } from '../watching.ts'
import { stopWith, Watchers } from '../bookkeeping/watchers.ts'
import { CatchUp } from './catch-up.ts'
import type { Followed, ToldRecords } from './catch-up.ts'
import { readMessage } from './live-message.ts'
import type { Servers } from './servers.ts'
import type { StreamLists } from './stream-lists.ts'
import type { RedisStreamTable } from './stream-table.ts'

/** Milliseconds between two looks at all that is watched, for what no message tells: `FLUSHALL`. */
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

  /** @param within bounds the waiting for the subscription. */
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
      // Told since it was looked at, or looked at.
      const end = joined?.end === undefined ? endMember(closedWith) : { end: joined.end }
      return { outcome: 'watching', incarnation, tail, closed, ...(closed && end), stop }
    } finally {
      followed.coming--
      this.#leave(followed)
    }
  }

  /**
   * Whether the watchers were told of what lies before a place. If the log ends before it, records are
   * lost, or about to be appended again: the watchers are told which.
   */
  hasTold(id: string, { position, stamp }: Offset): boolean {
    const followed = this.#followed.get(id)
    const watched = this.#watchers.get(id)
    if (!followed || !watched || position > watched.told) return false
    if (position === watched.told && stamp !== watched.stamp) return false
    this.#catchUp.start(followed)
    return true
  }

  /** Whether somebody watches a stream, or is about to. */
  follows(id: string): boolean {
    return this.#followed.has(id)
  }

  /** What this process appended, which is durable. */
  tellOwn(id: string, stretch: ToldRecords): void {
    const followed = this.#followed.get(id)
    if (followed) this.#hear(followed, stretch)
  }

  /** This process has deleted a stream. */
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

  /** A server is back, and is perhaps another one. */
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

  /** Stops listening when nobody watches or is about to. */
  #leave(followed: Followed): void {
    if (followed.coming + followed.watching > 0) return
    const { id, channel } = followed
    if (this.#followed.get(id) !== followed) return
    this.#followed.delete(id)
    this.#channels.delete(channel)
    this.#catchUp.forget(followed)
    this.#options.servers.unsubscribe(channel)
  }

  /** The stream as it is. Whoever watches an earlier one of its id is told first what became of that. */
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

  /** Tells of one append, unless it may follow another history than was told: then reads. */
  #hear(followed: Followed, stretch: ToldRecords): void {
    const watched = this.#watchers.get(followed.id)
    if (!watched) return
    const { from, next, stamp } = stretch
    const isDoubtful = followed.settled !== followed.doubts || followed.shortSince !== undefined
    const isAnother = from < watched.told && watched.told <= next && watched.stamp !== stamp
    if (isDoubtful || isAnother) this.#catchUp.start(followed)
    else this.#tell(followed, stretch)
  }

  /** Tells what of a stretch was not told, or reads when something before it was not. */
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

  /** @param incarnation that is gone; undefined for whichever is watched. */
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
