/**
 * Streams in one SQLite file: durable against a loss of power, without a server, for one machine.
 *
 * Several processes may share the file; each learns of the others' appends within `followInterval`. Invariant: no
 * call resolves and no watcher is told before its COMMIT has returned.
 */
import type { DatabaseSync } from 'node:sqlite'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { libraryLogger } from '../../logging/logger.ts'
import type { Place } from '../../protocol/offset.ts'
import { endAfter, endMember, infoOf, tailOf } from '../bookkeeping/stream-state.ts'
import type { LeaseStore } from '../leases.ts'
import { limitsOf } from '../options.ts'
import { checkConfig } from '../bookkeeping/configurations.ts'
import { checkAppend, checkId, checkPlace, checkRead } from '../bookkeeping/requests.ts'
import { Collector } from './collector.ts'
import { CommitQueue } from './commits/commit-queue.ts'
import type { Weight } from './commits/pending-write.ts'
import { storeError, toStoreError } from './store-error.ts'
import { FileGuard } from './file/file-guard.ts'
import { SqliteFollower } from './following/follower.ts'
import { listQuery } from './tables/list-query.ts'
import { SqliteLeases } from './leases.ts'
import { LogRoom } from './file/log-room.ts'
import { SettledClock } from '../bookkeeping/settled-clock.ts'
import { openDatabase } from './open.ts'
import { LOCK_TIMEOUT_MS, type SqliteOptions, timesOf } from './options.ts'
import type { Migration } from './tables/schema.ts'
import { Snapshots } from './snapshots.ts'
import type { StreamTable } from './tables/stream-table.ts'
import { openTables, type Tables } from './tables/tables.ts'
import { DELETE, FEW_ROWS, SWEEP, weightOf } from './tables/weights.ts'
import { StreamWrites, SWEEP_SLICE } from './commits/writes.ts'
import type { RetentionOption } from '../retention.ts'
import { withRetention } from '../bookkeeping/retention.ts'
import type { ListOptions, StreamList } from '../listing.ts'
import { checkList, checkMost } from '../bookkeeping/list-requests.ts'
import type {
  AppendRequest,
  AppendResult,
  CreateResult,
  ReadOptions,
  ReadResult,
  StreamConfig,
  StreamStore,
  TrimResult,
} from '../store.ts'
import type { Durability, StreamInfo, StreamLimits } from '../stream.ts'
import type { WatchListener, WatchResult } from '../watching.ts'
import { stopWith, Watchers } from '../bookkeeping/watchers.ts'

/**
 * Opens the store in the file at `path`, which is created or migrated as needed.
 *
 * @throws {StoreError} if the file cannot be used: see its codes.
 * @throws {TypeError} for an option that does not exist.
 */
export function openSqlite(path: string, options: SqliteOptions = {}): StreamStore {
  return new SqliteStreams(path, options)
}

/**
 * Creates the store in the file at `path`, or brings an older one up to date, and closes it again.
 *
 * @throws {StoreError} as `openSqlite` does.
 */
export function migrate(path: string): Migration {
  const { db, migration } = openDatabase(path, LOCK_TIMEOUT_MS)
  db.close()
  return migration
}

class SqliteStreams implements StreamStore {
  readonly durability: Durability = 'power'
  readonly limits: StreamLimits
  readonly leases: LeaseStore
  readonly #path: string
  readonly #clock: () => number
  readonly #settled: SettledClock
  readonly #retention: RetentionOption | undefined
  readonly #db: DatabaseSync
  readonly #tables: Tables
  readonly #table: StreamTable
  readonly #writes: StreamWrites
  readonly #snapshots: Snapshots
  readonly #watchers: Watchers
  readonly #queue: CommitQueue
  readonly #follower: SqliteFollower
  readonly #collector: Collector
  readonly #guard: FileGuard
  #closing: Promise<void> | undefined

  constructor(path: string, options: SqliteOptions) {
    const { logger = libraryLogger(), maxFileBytes } = options
    const { lockTimeoutMs, followIntervalMs } = timesOf(options)
    this.limits = limitsOf(options)
    this.#path = path
    this.#clock = options.clock ?? Date.now
    this.#settled = new SettledClock(options)
    this.#retention = options.retention
    this.#settled.isSettled(this.#clock())
    this.#db = openDatabase(path, lockTimeoutMs, maxFileBytes).db
    const tables = openTables(this.#db, path, this.limits)
    const { streams, records, forks, leases, changes, followers } = tables
    this.#tables = tables
    this.#table = streams
    this.#watchers = new Watchers(logger)
    this.#writes = new StreamWrites(this.#db, tables, (id) => this.#watchers.get(id) !== undefined)
    this.#guard = new FileGuard(path)
    this.#queue = new CommitQueue(this.#db, {
      path,
      lockTimeoutMs,
      clock: this.#clock,
      guard: this.#guard,
      room: new LogRoom(this.#db, path),
      onBegin: () => this.#table.refresh(),
      onEnd: () => this.#writes.finish(),
      onCommit: () => this.#tellEvents(),
      onRollback: () => {
        // Commits to a file that was moved away are durable after all once the file is back.
        for (const { id } of this.#writes.takeEvents()) this.#follower.lookAgain(id)
        this.#writes.forget()
        this.#table.forget()
      },
    })
    this.#snapshots = new Snapshots(this.#db, this.#table, {
      path,
      lockTimeoutMs,
      guard: this.#guard,
      checkOpen: () => {
        if (this.#closing) throw storeError('closed', path)
      },
    })
    this.#follower = new SqliteFollower(this.#table, records, changes, followers, this.#watchers, {
      intervalMs: followIntervalMs,
      logger,
      snapshot: (work) => this.#snapshots.take(work),
      write: (work, signal) => this.#write(FEW_ROWS, work, signal),
    })
    this.#collector = new Collector(this.#db, forks, this.#queue, logger)
    this.leases = new SqliteLeases(this.#table, leases, {
      limits: this.limits,
      write: (work, signal) => this.#write(FEW_ROWS, work, signal),
    })
  }

  async create(id: string, config: StreamConfig = {}, signal?: AbortSignal): Promise<CreateResult> {
    checkId(id)
    const checked = checkConfig(withRetention(id, config, this.#retention), this.limits)
    return this.#write(weightOf(checked), (now) => this.#writes.create(id, checked, now), signal)
  }

  /** Not an async function, which would cost each append a promise and three microtask turns. */
  append(id: string, request: AppendRequest, signal?: AbortSignal): Promise<AppendResult> {
    try {
      checkId(id)
      const asked = checkAppend(request, this.limits)
      return this.#write(weightOf(asked), (now) => this.#writes.append(id, asked, now), signal)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async read(id: string, after: Place, options: ReadOptions = {}): Promise<ReadResult> {
    checkId(id)
    const { maxRecords, maxBytes } = checkRead(after, options)
    return this.#look((now) => {
      const stream = this.#table.alive(id, now, options.incarnation)
      return stream ? this.#tables.records.read(stream, after, maxRecords, maxBytes) : { outcome: 'missing' }
    }, options.signal)
  }

  async watch(id: string, listener: WatchListener, signal?: AbortSignal): Promise<WatchResult> {
    checkId(id)
    for (;;) {
      const result = await this.#look((now) => this.#watch(id, listener, signal, now), signal)
      if (result !== 'lagging') return result
      // One page per turn of the event loop: others may have written much.
      if (this.#snapshots.within(() => this.#follower.catchUp(id))) await nextTurn()
    }
  }

  async head(id: string, signal?: AbortSignal, owner?: string | null): Promise<StreamInfo | undefined> {
    checkId(id)
    return this.#look((now) => {
      if (owner !== undefined && !this.#table.isOwnedBy(id, owner)) return undefined
      const stream = this.#table.alive(id, now)
      return stream && infoOf(id, stream.state)
    }, signal)
  }

  async isRetired(id: string, signal?: AbortSignal, owner?: string | null): Promise<boolean> {
    checkId(id)
    return this.#look((now) => {
      const retired = this.#writes.retired(id, now)
      return retired !== undefined && (owner === undefined || retired.owner === (owner ?? undefined))
    }, signal)
  }

  async list(options: ListOptions = {}): Promise<StreamList> {
    const checked = checkList(options)
    if ('listed' in checked) return this.#look((now) => this.#tables.lists.page(checked, now), options.signal)
    const { limit } = checked
    return this.#look((now) => {
      const { source, values } = listQuery(checked, now)
      const found = this.#table.select(source, ...values)
      const streams = found.slice(0, limit).map(({ id, state }) => infoOf(id, state))
      const last = streams.at(-1)
      return found.length > limit && last ? { streams, next: last.id } : { streams }
    }, options.signal)
  }

  async countOwned(owner: string | null, most: number, signal?: AbortSignal): Promise<number> {
    checkMost(most)
    return this.#look(() => Math.min(this.#table.count(owner), most), signal)
  }

  async delete(id: string, signal?: AbortSignal, incarnation?: string): Promise<boolean> {
    checkId(id)
    const deleted = await this.#write(DELETE, (now) => this.#writes.delete(id, now, incarnation), signal)
    if (deleted) this.#collector.wake()
    return deleted
  }

  async touch(id: string, signal?: AbortSignal, incarnation?: string): Promise<boolean> {
    checkId(id)
    const settled = await this.#look((now) => {
      const stream = this.#table.alive(id, now, incarnation)
      // Most touches gain too little to be written.
      return stream ? endAfter(stream.state, now) === stream.state.expiresAt || undefined : false
    }, signal)
    return settled ?? this.#write(FEW_ROWS, (now) => this.#writes.touch(id, now, incarnation), signal)
  }

  async trim(id: string, before: Place, signal?: AbortSignal, incarnation?: string): Promise<TrimResult> {
    checkId(id)
    checkPlace(before)
    const result = await this.#write(DELETE, (now) => this.#writes.trim(id, before, now, incarnation), signal)
    this.#collector.wake()
    return result
  }

  async sweep(signal?: AbortSignal): Promise<number> {
    const removes = this.#settled.isSettled(this.#clock())
    let swept = 0
    for (let found = SWEEP_SLICE; found === SWEEP_SLICE; swept += found) {
      found = await this.#write(SWEEP, (now) => this.#writes.sweep(now, removes), signal)
    }
    for (let found = removes ? SWEEP_SLICE : 0; found === SWEEP_SLICE;) {
      found = await this.#write(SWEEP, (now) => this.#writes.trimAged(now), signal)
    }
    this.#collector.wake()
    return swept
  }

  async check(signal?: AbortSignal): Promise<boolean> {
    if (this.#closing) return false
    this.#guard.check()
    // Another process may have migrated the file.
    return this.#look(() => true, signal)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#follower.leave()
    await this.#queue.close()
    this.#follower.stop()
    this.#watchers.clear()
    try {
      this.#db.close()
    } catch (error) {
      throw toStoreError(error, this.#path)
    }
  }

  #write<T>(weight: Weight, work: (now: number) => T, signal: AbortSignal | undefined): Promise<T> {
    if (signal?.aborted) return Promise.reject(signal.reason as Error)
    return this.#queue.submit(weight, work, signal)
  }

  #look<T>(work: (now: number) => T, signal: AbortSignal | undefined): Promise<T> {
    return this.#snapshots.look(() => work(this.#clock()), signal)
  }

  /** All watchers of a stream are at the same place: present ones are told up to it first. */
  #watch(
    id: string,
    listener: WatchListener,
    signal: AbortSignal | undefined,
    now: number,
  ): WatchResult | 'lagging' {
    const stream = this.#table.alive(id, now)
    if (!stream) return { outcome: 'missing' }
    const { closed, closedWith, incarnation } = stream.state
    const tail = tailOf(stream.state)
    const there = this.#watchers.get(id)
    if (
      there &&
      (there.incarnation !== incarnation || there.told !== tail.position || there.closed !== closed)
    ) {
      return 'lagging'
    }
    const stop = stopWith(signal, this.#watchers.add(id, incarnation, tail, closed, listener))
    this.#follower.follow(stream)
    return { outcome: 'watching', incarnation, tail, closed, ...endMember(closedWith), stop }
  }

  #tellEvents(): void {
    if (this.#writes.takeTrimmed()) this.#collector.wake()
    for (const { id, incarnation, event } of this.#writes.takeEvents()) {
      const watched = this.#watchers.get(id)
      if (!watched) continue
      if (event.type === 'gone') this.#watchers.tellGone(id, event.reason)
      else if (incarnation === watched.incarnation && event.from.position === watched.told && !watched.closed)
        this.#watchers.tell(watched, event.records, event.next, event.closed, event.end)
      // Not contiguous if another process appended in between: the log has both, in order. Records and a close that
      // were read with an earlier event were told already.
      else this.#follower.tryToCatchUp(id)
    }
  }
}
