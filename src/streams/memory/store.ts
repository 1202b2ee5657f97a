/**
 * Streams in the memory of this process: for tests, for experiments, and for runs that need not outlive their
 * process. Its size is bounded only by what the application creates and sweeps.
 */
import { libraryLogger } from '../../logging/logger.ts'
import { checkOptions } from '../../protocol/known-options.ts'
import type { Place } from '../../protocol/offset.ts'
import { applyAppend, beginOf, newState, refusalOf } from '../bookkeeping/bookkeeping.ts'
import { endAfter, endMember, infoOf, isAlive, tailOf } from '../bookkeeping/stream-state.ts'
import { StoreError } from '../errors.ts'
import type { ForkRefusal } from '../forks.ts'
import { newIncarnation } from '../incarnation.ts'
import { afterClose, keepsUntil, leaseOf, newLease } from '../bookkeeping/lease-bookkeeping.ts'
import { LEASE_PRODUCER } from '../leases.ts'
import type { LeaseStore } from '../leases.ts'
import { StreamInbox } from '../watching.ts'
import { makeRoom } from '../bookkeeping/known-producers.ts'
import { ChunkPool } from './chunk-pool.ts'
import { MemoryLeases } from './leases.ts'
import { LogFollower } from './log-follower.ts'
import { MemoryStream } from './memory-stream.ts'
import { StreamIndex } from './stream-index.ts'
import { STREAM_STORE_OPTIONS, type StreamStoreOptions, limitsOf } from '../options.ts'
import { checkConfig, configDifference } from '../bookkeeping/configurations.ts'
import type { CheckedConfig, CheckedFork } from '../bookkeeping/configurations.ts'
import { decideFork, forkState } from '../bookkeeping/fork-bookkeeping.ts'
import { checkAppend, checkId, checkPlace, checkRead } from '../bookkeeping/requests.ts'
import type { RetentionOption } from '../retention.ts'
import { withRetention } from '../bookkeeping/retention.ts'
import { checkList, checkMost } from '../bookkeeping/list-requests.ts'
import type { ListOptions, StreamList } from '../listing.ts'
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
import type { StreamEvent, WatchListener, WatchResult } from '../watching.ts'
import { SettledClock } from '../bookkeeping/settled-clock.ts'
import { stopWith, Watchers } from '../bookkeeping/watchers.ts'

/** Streams that live as long as this process. @throws {TypeError} for an option that does not exist. */
export function memory(options: StreamStoreOptions = {}): StreamStore {
  checkOptions('memory()', options, STREAM_STORE_OPTIONS)
  return new MemoryStreams(options)
}

/** A new stream, and the records still to be appended to it. */
interface MadeStream {
  readonly stream: MemoryStream
  readonly own: Pick<CheckedConfig, 'records' | 'bytes'>
}

class MemoryStreams implements StreamStore {
  readonly durability: Durability = 'none'
  readonly limits: StreamLimits
  readonly leases: LeaseStore
  readonly #clock: () => number
  readonly #settled: SettledClock
  readonly #watchers: Watchers
  readonly #streams = new StreamIndex()
  readonly #chunks = new ChunkPool()
  readonly #retention: RetentionOption | undefined
  #closed = false

  constructor(options: StreamStoreOptions) {
    this.limits = limitsOf(options)
    this.#clock = options.clock ?? Date.now
    this.#settled = new SettledClock(options)
    this.#retention = options.retention
    this.#settled.isSettled(this.#clock())
    this.#watchers = new Watchers(options.logger ?? libraryLogger())
    this.leases = new MemoryLeases({
      limits: this.limits,
      streams: this.#streams,
      clock: this.#clock,
      enter: (signal) => this.#enter(signal),
      alive: (id, now) => this.#alive(id, now),
    })
  }

  async create(id: string, given: StreamConfig = {}, signal?: AbortSignal): Promise<CreateResult> {
    this.#enter(signal)
    const config = checkConfig(withRetention(id, given, this.#retention), this.limits)
    const now = this.#clock()
    const there = this.#alive(id, now)
    if (there) {
      const info = infoOf(id, there)
      const differs = configDifference(there, config)
      return differs ? { outcome: 'conflict', info, differs } : { outcome: 'exists', info }
    }
    if (this.#retired(id, now)) return { outcome: 'retired' }
    const made = this.#make(config, now)
    if (typeof made === 'string') return { outcome: 'no-fork', reason: made }
    const { stream, own } = made
    try {
      stream.append(own.records, own.bytes)
    } catch (error) {
      // There is no memory: nothing of it remains.
      stream.release()
      throw error
    }
    if (stream.retention && stream.tail > stream.first) stream.retain(stream.first, now)
    const lease = config.lease && newLease(config.lease, 1, now)
    if (lease)
      stream.producers.set(LEASE_PRODUCER, { epoch: lease.epoch, lastSeq: -1, position: stream.tail })
    const over = this.#streams.all.get(id)
    if (over) this.#streams.remove(id, over)
    this.#streams.add(id, stream)
    if (lease) this.#streams.lease(id, stream, lease)
    // Only now, because a watcher may call the store, and must find the new stream.
    if (over) this.#end(id, over, 'expired')
    const info = infoOf(id, stream)
    return { outcome: 'created', info, ...(lease && { lease: leaseOf(id, stream, lease) }) }
  }

  async append(id: string, given: AppendRequest, signal?: AbortSignal): Promise<AppendResult> {
    this.#enter(signal)
    return this.#append(id, given)
  }

  async read(id: string, after: Place, options: ReadOptions = {}): Promise<ReadResult> {
    this.#enter(options.signal)
    const { maxRecords, maxBytes } = checkRead(after, options)
    const stream = this.#alive(id, this.#clock(), options.incarnation)
    if (!stream) return { outcome: 'missing' }
    const begin = beginOf(stream, after, (position) => stream.stampAt(position))
    return 'outcome' in begin ? begin : stream.page(begin, maxRecords, maxBytes)
  }

  async watch(id: string, listener: WatchListener, signal?: AbortSignal): Promise<WatchResult> {
    this.#enter(signal)
    const stream = this.#alive(id, this.#clock())
    if (!stream) return { outcome: 'missing' }
    const tail = tailOf(stream)
    const { closed, closedWith, incarnation } = stream
    const stop =
      listener instanceof StreamInbox
        ? stream.follow(new LogFollower(stream, listener))
        : this.#listen(id, stream, listener)
    const place = { incarnation, tail, closed, ...endMember(closedWith) }
    return { outcome: 'watching', ...place, stop: stopWith(signal, stop) }
  }

  async head(id: string, signal?: AbortSignal, owner?: string | null): Promise<StreamInfo | undefined> {
    this.#enter(signal)
    const stream = this.#alive(id, this.#clock())
    if (!stream || (owner !== undefined && stream.owner !== (owner ?? undefined))) return undefined
    return infoOf(id, stream)
  }

  async isRetired(id: string, signal?: AbortSignal, owner?: string | null): Promise<boolean> {
    this.#enter(signal)
    checkId(id)
    const stream = this.#retired(id, this.#clock())
    return stream !== undefined && (owner === undefined || stream.owner === (owner ?? undefined))
  }

  async list(options: ListOptions = {}): Promise<StreamList> {
    this.#enter(options.signal)
    const checked = checkList(options)
    const now = this.#clock()
    return 'listed' in checked ? this.#streams.latest(checked, now) : this.#streams.page(checked, now)
  }

  async countOwned(owner: string | null, most: number, signal?: AbortSignal): Promise<number> {
    this.#enter(signal)
    checkMost(most)
    return Math.min(this.#streams.count(owner ?? undefined), most)
  }

  async delete(id: string, signal?: AbortSignal, incarnation?: string): Promise<boolean> {
    this.#enter(signal)
    const isThere =
      incarnation === undefined
        ? this.#alive(id, this.#clock()) !== undefined
        : this.#find(id)?.incarnation === incarnation
    return isThere && this.#remove(id, 'deleted')
  }

  async touch(id: string, signal?: AbortSignal, incarnation?: string): Promise<boolean> {
    this.#enter(signal)
    const now = this.#clock()
    const stream = this.#alive(id, now, incarnation)
    if (stream) stream.expiresAt = endAfter(stream, now)
    return stream !== undefined
  }

  async trim(id: string, before: Place, signal?: AbortSignal, incarnation?: string): Promise<TrimResult> {
    this.#enter(signal)
    checkPlace(before)
    const stream = this.#alive(id, this.#clock(), incarnation)
    return stream ? stream.trimBefore(before) : { outcome: 'missing' }
  }

  async sweep(signal?: AbortSignal): Promise<number> {
    this.#enter(signal)
    const now = this.#clock()
    const removes = this.#settled.isSettled(now)
    let swept = 0
    for (const [id, stream] of this.#streams.all) {
      const held = stream.lease && now < keepsUntil(stream.lease) ? stream.lease : undefined
      if (removes && !isAlive(stream, now, held)) {
        this.#remove(id, 'expired')
        swept++
      } else {
        if (removes) stream.trimAged(now)
        const { ttlMs, expiresAt } = stream
        // The expiry was set before the clock went back, and must not be later by the jump.
        if (ttlMs !== undefined && expiresAt !== undefined && expiresAt > now + ttlMs) {
          stream.expiresAt = now + ttlMs
        }
      }
    }
    return swept
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#watchers.clear()
    for (const stream of this.#streams.all.values()) stream.closeFollowers()
    this.#streams.clear()
  }

  /** A stream without its own first records, or why it cannot be forked like this. */
  #make(config: CheckedConfig | CheckedFork, now: number): ForkRefusal | MadeStream {
    const incarnation = newIncarnation()
    if (!config.from) {
      const state = newState(config, incarnation, incarnation, now)
      return { stream: new MemoryStream(state, this.#chunks), own: config }
    }
    const { id } = config.from
    const source = this.#alive(id, now)
    if (!source) return this.#retired(id, now) ? 'retired' : 'missing'
    const fork = decideFork(source, config, source)
    if (typeof fork === 'string') return fork
    const stream = new MemoryStream(forkState(fork, incarnation, incarnation, now), this.#chunks)
    stream.forkFrom(source, fork.inherited)
    return { stream, own: fork.config }
  }

  /** A stream that is gone or expired, and of which forks exist. */
  #retired(id: string, now: number): MemoryStream | undefined {
    const there = this.#streams.all.get(id)
    if (!there) return this.#streams.retired.get(id)
    return there.forks > 0 && !isAlive(there, now, there.lease) ? there : undefined
  }

  /** Not in `append`, because an async function allocates room for all its variables. */
  #append(id: string, given: AppendRequest): AppendResult {
    const request = checkAppend(given, this.limits)
    const stream = this.#find(id)
    // A stream that does not expire needs no clock.
    const now = stream?.expiresAt === undefined ? 0 : this.#clock()
    if (!stream || !isAlive(stream, now, stream.lease)) return { outcome: 'missing' }
    const { producer, records } = request
    const known = producer && stream.producers.get(producer.id)
    const refusal = refusalOf(stream, known, request)
    if (refusal) return refusal
    // First, because there may be no memory.
    stream.append(records, request.bytes)
    const result = applyAppend(stream, request, stream.incarnation, now)
    if (producer && !known) makeRoom(stream.producers, this.limits.producers)
    if (producer) stream.produce(producer)
    const { closed } = result
    if (closed && stream.lease) this.#streams.lease(id, stream, afterClose(stream.lease, request.owes))
    if (closed || records.length > 0) {
      if (stream.watched) {
        const end = closed ? endMember(stream.closedWith).end : undefined
        this.#watchers.tell(stream.watched, records, tailOf(stream), closed, end)
      }
      if (stream.listed !== undefined && records.length > 0) this.#streams.move(id, stream)
      if (!stream.isCalled) stream.call()
      // After all watchers were told, so that they have the records whatever is trimmed.
      if (stream.retention && records.length > 0) stream.retain(stream.tail - records.length, this.#clock())
    }
    return result
  }

  #enter(signal: AbortSignal | undefined): void {
    signal?.throwIfAborted()
    if (this.#closed) throw new StoreError('closed', 'The stream store is closed')
  }

  #find(id: string): MemoryStream | undefined {
    const stream = this.#streams.all.get(id)
    // The id of an existing stream was checked at its creation.
    if (!stream) checkId(id)
    return stream
  }

  #alive(id: string, now: number, incarnation?: string): MemoryStream | undefined {
    const stream = this.#find(id)
    if (!stream || !isAlive(stream, now, stream.lease)) return undefined
    return incarnation === undefined || incarnation === stream.incarnation ? stream : undefined
  }

  #remove(id: string, reason: 'deleted' | 'expired'): boolean {
    const stream = this.#streams.all.get(id)
    if (!stream) return false
    this.#streams.remove(id, stream)
    this.#end(id, stream, reason)
    return true
  }

  /** Ends a stream that is no longer found under its id. */
  #end(id: string, stream: MemoryStream, reason: 'deleted' | 'expired'): void {
    this.#watchers.tellGone(id, reason)
    stream.end(reason)
  }

  #listen(id: string, stream: MemoryStream, listener: (event: StreamEvent) => void): () => void {
    const stop = this.#watchers.add(id, stream.incarnation, tailOf(stream), stream.closed, listener)
    stream.watched = this.#watchers.get(id)
    return stop
  }
}
