/**
 * Tells this process's watchers what another process wrote to the same file.
 *
 * SQLite has no notifications, but `PRAGMA data_version` changes when another process has committed,
 * and asking costs 3 us: one timer asks, and only while somebody watches. The log of changes then tells
 * where, so that the cost is by what is new and not by what is watched. Others write it for who joined them: the
 * first change of another process has everything looked at, and this one join.
 */
import type { Logger } from '../../logging/logger.ts'
import type { WatchedStream, Watchers } from '../bookkeeping/watchers.ts'
import { StoreError } from '../errors.ts'
import type { ChangeLog } from './change-log.ts'
import type { FollowerTable } from './tables/follower-table.ts'
import type { RecordTable } from './tables/record-table.ts'
import type { StreamTable } from './tables/stream-table.ts'
import type { StoredStream } from './tables/stored-stream.ts'

/** Records and bytes told in one go, before the event loop has its turn. */
const MAX_RECORDS = 1000
const MAX_BYTES = 1024 * 1024

/** Milliseconds for which streams are told one after the other, before the event loop has its turn. */
const TURN_MS = 5

/** Milliseconds after which a process that follows says again that it is there. */
const RENEW_MS = 60_000
/** Milliseconds between two attempts to join, on a full disk or while another process holds the file. */
const JOIN_MS = 1000
/** Milliseconds for which a process that ends waits to leave. */
const LEAVE_MS = 100

/** Streams that nobody watches any longer, about as many as those watched may be known beside them. */
const SPARE = 1000

export interface SqliteFollowerOptions {
  readonly intervalMs: number
  readonly logger: Logger
  /** Runs what reads, in one snapshot of the database. */
  readonly snapshot: <T>(work: () => T) => T
  /** Runs what writes, in the next transaction. */
  readonly write: <T>(work: (now: number) => T, signal?: AbortSignal) => Promise<T>
}

export class SqliteFollower {
  readonly #table: StreamTable
  readonly #records: RecordTable
  readonly #changes: ChangeLog
  readonly #followers: FollowerTable
  readonly #watchers: Watchers
  readonly #options: SqliteFollowerOptions
  /** Ids of the streams that are or were watched, by the key that names one incarnation. */
  readonly #ids = new Map<number, string>()
  /** Not told all there is. */
  readonly #behind = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined
  #version: unknown
  /** The last transaction that was looked at. */
  #seq: number | undefined
  /** When it last joined, or tried to. */
  #joinedAt = Number.NEGATIVE_INFINITY
  #failing = false
  #isBlind = false

  constructor(
    table: StreamTable,
    records: RecordTable,
    changes: ChangeLog,
    followers: FollowerTable,
    watchers: Watchers,
    options: SqliteFollowerOptions,
  ) {
    this.#table = table
    this.#records = records
    this.#changes = changes
    this.#followers = followers
    this.#watchers = watchers
    this.#options = options
  }

  /** How many streams it knows. */
  get size(): number {
    return this.#ids.size
  }

  /** Looks for what is appended to a stream that was told all it has in this snapshot, until nobody watches it. */
  follow({ key, id }: StoredStream): void {
    this.#ids.set(key, id)
    if (this.#ids.size > 2 * this.#watchers.size + SPARE) this.#prune()
    if (this.#timer) return
    // Of this very snapshot.
    this.#version = this.#table.dataVersion()
    this.#seq = this.#changes.last()
    this.#timer = setInterval(() => this.#poll(), this.#options.intervalMs)
  }

  stop(): void {
    clearInterval(this.#timer)
    clearImmediate(this.#immediate)
    this.#timer = undefined
    this.#immediate = undefined
    this.#version = undefined
    this.#behind.clear()
    this.#ids.clear()
  }

  /** Others need not write for this process any longer. Nothing waits for that: they find out by themselves. */
  leave(): void {
    if (this.#joinedAt === Number.NEGATIVE_INFINITY) return
    const soon = AbortSignal.timeout(LEAVE_MS)
    this.#options.write(() => this.#followers.leave(), soon).catch(() => undefined)
  }

  /**
   * Tells what lies between where a stream was told up to and its tail: a page now, the rest in later
   * turns. Returns whether there is a rest. Throws what SQLite throws; the next look tries again.
   */
  catchUp(id: string): boolean {
    const watched = this.#watchers.get(id)
    this.#behind.add(id)
    const hasMore = watched !== undefined && this.#tellPage(watched)
    if (hasMore) this.#continueSoon()
    else this.#behind.delete(id)
    return hasMore
  }

  /** The same; a failure is left to the next look. */
  tryToCatchUp(id: string): void {
    this.#try(() => this.catchUp(id))
  }

  /** Leaves a stream of which it is not known what was kept to the next look. */
  lookAgain(id: string): void {
    if (this.#watchers.get(id)) this.#behind.add(id)
  }

  #poll(): void {
    if (this.#watchers.size === 0) return this.stop()
    this.#try(() => {
      const version = this.#table.dataVersion()
      if (version !== this.#version) this.#findChanged()
      // Only now: should it fail, the next look tries again.
      this.#version = version
    })
    if (this.#behind.size > 0) this.#continue()
    else if (this.#version !== undefined) this.#failing = false
  }

  #findChanged(): void {
    // In this order: whoever is taken out in between finds out with the change that did so.
    const isListed = this.#followers.isListed
    const { seq, keys } = isListed ? this.#changesSince(this.#seq ?? 0) : { seq: undefined, keys: undefined }
    this.#seq = seq
    const age = performance.now() - this.#joinedAt
    if (age > (isListed ? RENEW_MS : JOIN_MS)) void this.#join()
    if (!keys) this.#lookAtAll()
    for (const key of keys ?? []) {
      const id = this.#ids.get(key)
      if (id === undefined) continue
      if (this.#watchers.get(id)) this.#behind.add(id)
      else this.#ids.delete(key)
    }
  }

  #lookAtAll(): void {
    for (const { id } of this.#watchers.all()) this.#behind.add(id)
  }

  /** What others wrote before that is in no log: everything is looked at once more. */
  async #join(): Promise<void> {
    this.#joinedAt = performance.now()
    try {
      const seq = await this.#options.write((now) => {
        // Whoever was taken out meanwhile has missed changes.
        const isListed = this.#followers.isListed
        this.#followers.join(now)
        return isListed ? undefined : this.#changes.last()
      })
      if (seq === undefined || !this.#timer) return
      this.#seq = seq
      this.#lookAtAll()
      this.#continueSoon()
    } catch (error) {
      // Until it can, each change of another process has everything looked at.
      if (!(error instanceof StoreError && error.code === 'closed')) this.#warn(error)
    }
  }

  /** Everything is looked at where the log of changes cannot be read: the watched streams may be whole. */
  #changesSince(seq: number): ReturnType<ChangeLog['since']> {
    try {
      const changes = this.#changes.since(seq)
      this.#isBlind = false
      return changes
    } catch (error) {
      if (!this.#isBlind) this.#warn(error)
      this.#isBlind = true
      return { seq, keys: undefined }
    }
  }

  #prune(): void {
    for (const [key, id] of this.#ids) if (!this.#watchers.get(id)) this.#ids.delete(key)
  }

  #continueSoon(): void {
    this.#immediate ??= setImmediate(() => this.#continue())
  }

  /** Goes through the streams that are behind for one turn. What fails is one stream's, and keeps nothing from the others. */
  #continue(): void {
    clearImmediate(this.#immediate)
    this.#immediate = undefined
    const begun = performance.now()
    let failed = 0
    for (const id of this.#behind) {
      if (performance.now() - begun > TURN_MS) break
      if (!this.#try(() => this.catchUp(id))) failed++
    }
    // What failed waits for the next look.
    if (this.#behind.size > failed) this.#continueSoon()
  }

  /** Returns whether there is more. */
  #tellPage({ id, incarnation, told, stamp, closed }: WatchedStream): boolean {
    const page = this.#options.snapshot(() => {
      const stream = this.#table.find(id)
      if (stream?.state.incarnation !== incarnation) return 'deleted'
      const place = { position: told, stamp }
      const read = this.#records.read(stream, place, MAX_RECORDS, MAX_BYTES)
      if (read.outcome === 'page') return read
      return read.outcome === 'trimmed' ? 'trimmed' : 'lost'
    })
    if (typeof page === 'string') {
      this.#watchers.tellGone(id, page)
      return false
    }
    const { records, next, end } = page
    if (records.length > 0 || page.closed !== closed) {
      this.#watchers.tell(id, records, next, page.closed, end)
    }
    return !page.upToDate
  }

  /** A look that fails is not the last one: nothing was told, and nothing is missed. False when it failed. */
  #try(look: () => void): boolean {
    try {
      look()
      return true
    } catch (error) {
      this.#version = undefined
      if (!this.#failing) this.#warn(error)
      this.#failing = true
      return false
    }
  }

  #warn(error: unknown): void {
    this.#options.logger.warn({ err: error }, 'The stream store could not be read; trying again')
  }
}
