/**
 * Tells this process's watchers what another process wrote to the same file.
 *
 * SQLite has no notifications, but `PRAGMA data_version` changes when another process has committed,
 * and asking costs 3 us: one timer asks, and only while somebody watches. It does not tell where, so
 * that one query looks for the watched streams that moved, and only these are read.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { Logger } from '../../logging/logger.ts'
import { pageOf, tailOf } from '../bookkeeping.ts'
import type { WatchedStream, Watchers } from '../watchers.ts'
import type { StoredStream, StreamTable } from './stream-table.ts'
import { WatchedTable } from './watched-table.ts'
import type { MovedStream } from './watched-table.ts'

/** Records and bytes told in one go, before the event loop has its turn. */
const MAX_RECORDS = 1000
const MAX_BYTES = 1024 * 1024

/** Rows of streams that nobody watches any longer, about as many as those watched may be beside it. */
const SPARE_ROWS = 1000

export interface FollowerOptions {
  readonly intervalMs: number
  readonly logger: Logger
  /** Runs what reads, in one snapshot of the database. */
  readonly snapshot: <T>(work: () => T) => T
}

export class Follower {
  readonly #table: StreamTable
  readonly #watchers: Watchers
  readonly #rows: WatchedTable
  readonly #options: FollowerOptions
  readonly #behind = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined
  #version: unknown
  #failing = false

  constructor(db: DatabaseSync, table: StreamTable, watchers: Watchers, options: FollowerOptions) {
    this.#table = table
    this.#watchers = watchers
    this.#rows = new WatchedTable(db)
    this.#options = options
  }

  /** Looks for what is appended to a stream that was told all it has, until nobody watches it. */
  follow(stream: StoredStream): void {
    this.#rows.add(stream)
    // Else it is the commits of others that end rows, and a process may be alone for ever.
    if (this.#rows.size > 2 * this.#watchers.size + SPARE_ROWS) this.#prune()
    this.#timer ??= setInterval(() => this.#poll(), this.#options.intervalMs)
  }

  stop(): void {
    clearInterval(this.#timer)
    clearImmediate(this.#immediate)
    this.#timer = undefined
    this.#immediate = undefined
    this.#behind.clear()
  }

  /**
   * Tells what lies between where a stream was told up to and its tail: a page now, the rest in later
   * turns. Throws what SQLite throws.
   */
  catchUp(id: string): void {
    const watched = this.#watchers.get(id)
    if (watched && this.#tellPage(watched)) {
      this.#behind.add(id)
      this.#immediate ??= setImmediate(() => this.#continue())
    }
  }

  /** The same; a failure is left to the next look. */
  tryToCatchUp(id: string): void {
    this.#try(() => this.catchUp(id))
  }

  #poll(): void {
    if (this.#watchers.size === 0) return this.stop()
    this.#try(() => {
      const version = this.#table.dataVersion()
      if (version === this.#version) return
      this.#prune()
      const failure = this.#tellAll(this.#moved())
      if (failure) throw failure.error
      // Only now: should telling fail half-way, the next look tries again.
      this.#version = version
    })
  }

  #prune(): void {
    this.#rows.prune(this.#watchers.size, (id) => this.#watchers.get(id) !== undefined)
  }

  /** Those that moved; all of them where that cannot be asked, as the pages of one are damaged. */
  #moved(): readonly (MovedStream | WatchedStream)[] {
    try {
      return this.#rows.moved()
    } catch {
      return this.#watchers.all()
    }
  }

  /** What fails is one stream's, and keeps nothing from the others. */
  #tellAll(streams: readonly (MovedStream | WatchedStream)[]): { error: unknown } | undefined {
    let failure: { error: unknown } | undefined
    for (const stream of streams) {
      const watched = this.#watchers.get(stream.id)
      if (!watched) continue
      try {
        // What this process wrote itself, it has told already.
        const isTold = 'tail' in stream && stream.tail === watched.told && stream.closed === watched.closed
        if (!isTold) this.catchUp(watched.id)
        // Its listener may have begun to watch another stream of this id, whose row it is now.
        if (this.#watchers.get(stream.id) === watched) this.#rows.settle(watched)
      } catch (error) {
        failure ??= { error }
      }
    }
    return failure
  }

  #continue(): void {
    this.#immediate = undefined
    const behind = [...this.#behind]
    this.#behind.clear()
    this.#try(() => {
      for (const id of behind) this.catchUp(id)
    })
  }

  /** Returns whether there is more. */
  #tellPage({ id, incarnation, told, closed }: WatchedStream): boolean {
    const page = this.#options.snapshot(() => {
      const stream = this.#table.find(id)
      if (stream?.state.incarnation !== incarnation) return 'deleted'
      if (stream.state.tail < told) return 'lost'
      const records = this.#table.records(stream, told, MAX_RECORDS, MAX_BYTES)
      return { ...pageOf(stream.state, told, records), tail: tailOf(stream.state) }
    })
    if (typeof page === 'string') {
      this.#watchers.tellGone(id, page)
      return false
    }
    const { records, next, end } = page
    if (records.length > 0 || page.closed !== closed) {
      this.#watchers.tell(id, records, next.position, page.closed, end)
    }
    return !page.upToDate
  }

  /** A look that fails is not the last one: nothing was told, and nothing is missed. */
  #try(look: () => void): void {
    try {
      look()
      this.#failing = false
    } catch (error) {
      this.#version = undefined
      if (!this.#failing)
        this.#options.logger.warn({ err: error }, 'The stream store could not be read; trying again')
      this.#failing = true
    }
  }
}
