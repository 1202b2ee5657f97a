/**
 * Tells this process's watchers what another process wrote to the same file.
 *
 * SQLite has no notifications, but `PRAGMA data_version` changes when another process commits, and reading it costs 3
 * us: one timer does, only while there are watchers. The change log then tells which streams changed, so the cost
 * depends on changes, not on watched streams. Others write it for processes that have joined: at the first change of
 * another process, this one looks at everything, and joins.
 */
import type { Logger } from '../../../logging/logger.ts'
import type { WatchedStream, Watchers } from '../../bookkeeping/watchers.ts'
import { StoreError } from '../../errors.ts'
import type { ChangeLog } from './change-log.ts'
import type { FollowerTable } from '../tables/follower-table.ts'
import type { RecordTable } from '../tables/record-table.ts'
import type { StreamTable } from '../tables/stream-table.ts'
import type { StoredStream } from '../tables/stored-stream.ts'

/** Most records and bytes told in one turn of the event loop. */
const MAX_RECORDS = 1000
const MAX_BYTES = 1024 * 1024

/** Milliseconds for which streams are told in one turn of the event loop. */
const TURN_MS = 5

/** Milliseconds after which a following process renews its row. */
const RENEW_MS = 60_000
/** Milliseconds between two attempts to join, on a full disk or while another process locks the file. */
const JOIN_MS = 1000
/** Milliseconds for which a closing process waits to leave. */
const LEAVE_MS = 100

/** Unwatched streams that may be remembered, in addition to about as many as are watched. */
const SPARE = 1000

export interface SqliteFollowerOptions {
  readonly intervalMs: number
  readonly logger: Logger
  /** Runs a read in one snapshot of the database. */
  readonly snapshot: <T>(work: () => T) => T
  /** Runs a write in the next transaction. */
  readonly write: <T>(work: (now: number) => T, signal?: AbortSignal) => Promise<T>
}

export class SqliteFollower {
  readonly #table: StreamTable
  readonly #records: RecordTable
  readonly #changes: ChangeLog
  readonly #followers: FollowerTable
  readonly #watchers: Watchers
  readonly #options: SqliteFollowerOptions
  /** Ids of streams that are or were watched, by key, which names one incarnation. */
  readonly #ids = new Map<number, string>()
  /** Streams whose watchers have not been told everything. */
  readonly #lagging = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined
  #version: unknown
  /** The last transaction seen. */
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

  /** Number of streams it remembers. */
  get size(): number {
    return this.#ids.size
  }

  /** Follows a stream whose watchers were told everything in this snapshot, until it has no watchers. */
  follow({ key, id }: StoredStream): void {
    this.#ids.set(key, id)
    if (this.#ids.size > 2 * this.#watchers.size + SPARE) this.#prune()
    if (this.#timer) return
    // From the same snapshot.
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
    this.#lagging.clear()
    this.#ids.clear()
  }

  /** Others need no longer write for this process. Nothing waits for this: they find out by themselves. */
  leave(): void {
    if (this.#joinedAt === Number.NEGATIVE_INFINITY) return
    const soon = AbortSignal.timeout(LEAVE_MS)
    this.#options.write(() => this.#followers.leave(), soon).catch(() => undefined)
  }

  /**
   * Tells what a stream's watchers have not been told: a page now, the rest in later turns. Returns whether there is
   * a rest. Throws errors of SQLite; the next look retries.
   */
  catchUp(id: string): boolean {
    const watched = this.#watchers.get(id)
    this.#lagging.add(id)
    const hasMore = watched !== undefined && this.#tellPage(watched)
    if (hasMore) this.#continueSoon()
    else this.#lagging.delete(id)
    return hasMore
  }

  /** The same; a failure is left to the next look. */
  tryToCatchUp(id: string): void {
    this.#try(() => this.catchUp(id))
  }

  /** Leaves a stream whose stored state is unknown to the next look. */
  lookAgain(id: string): void {
    if (this.#watchers.get(id)) this.#lagging.add(id)
  }

  #poll(): void {
    if (this.#watchers.size === 0) return this.stop()
    this.#try(() => {
      const version = this.#table.dataVersion()
      if (version !== this.#version) this.#findChanged()
      // Only now, so that the next look retries after a failure.
      this.#version = version
    })
    if (this.#lagging.size > 0) this.#continue()
    else if (this.#version !== undefined) this.#failing = false
  }

  #findChanged(): void {
    // In this order: a process whose row is removed in between learns it from that change.
    const isListed = this.#followers.isListed
    const { seq, keys } = isListed ? this.#changesSince(this.#seq ?? 0) : { seq: undefined, keys: undefined }
    this.#seq = seq
    const age = performance.now() - this.#joinedAt
    if (age > (isListed ? RENEW_MS : JOIN_MS)) void this.#join()
    if (!keys) this.#lookAtAll()
    for (const key of keys ?? []) {
      const id = this.#ids.get(key)
      if (id === undefined) continue
      if (this.#watchers.get(id)) this.#lagging.add(id)
      else this.#ids.delete(key)
    }
  }

  #lookAtAll(): void {
    for (const { id } of this.#watchers.all()) this.#lagging.add(id)
  }

  /** Earlier changes of others are not in the log: everything is looked at again. */
  async #join(): Promise<void> {
    this.#joinedAt = performance.now()
    try {
      const seq = await this.#options.write((now) => {
        // A process whose row was removed meanwhile has missed changes.
        const isListed = this.#followers.isListed
        this.#followers.join(now)
        return isListed ? undefined : this.#changes.last()
      })
      if (seq === undefined || !this.#timer) return
      this.#seq = seq
      this.#lookAtAll()
      this.#continueSoon()
    } catch (error) {
      // Until it can join, each change of another process makes it look at everything.
      if (!(error instanceof StoreError && error.code === 'closed')) this.#warn(error)
    }
  }

  /** Looks at everything if the change log cannot be read: the watched streams may be intact. */
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

  /** Tells lagging streams for one turn. A failure of one stream does not affect the others. */
  #continue(): void {
    clearImmediate(this.#immediate)
    this.#immediate = undefined
    const begun = performance.now()
    let failed = 0
    for (const id of this.#lagging) {
      if (performance.now() - begun > TURN_MS) break
      if (!this.#try(() => this.catchUp(id))) failed++
    }
    // Failed streams wait for the next look.
    if (this.#lagging.size > failed) this.#continueSoon()
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

  /** Looks, and returns false if that failed. Then nothing was told and nothing is missed; the next look retries. */
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
    this.#options.logger.warn({ err: error }, 'stream store could not be read; trying again')
  }
}
