/**
 * Streams in the memory of this process: for tests, for trying things out, and for runs that need
 * not outlive their process. Bounded by what the application creates and sweeps, and by nothing else.
 */
import { Buffer } from 'node:buffer'
import { libraryLogger } from '../logging/logger.ts'
import type { Place } from '../protocol/offset.ts'
import {
  configDifference,
  decideAppend,
  endAfter,
  infoOf,
  isAlive,
  newState,
  pageOf,
  positionOf,
  tailOf,
} from './bookkeeping.ts'
import type { ProducerState, StreamState } from './bookkeeping.ts'
import { StoreError } from './errors.ts'
import { newIncarnation } from './incarnation.ts'
import { decideAcquire, isHeld, leaseEnd, leaseOf, newLease } from './lease-bookkeeping.ts'
import type { LeaseState } from './lease-bookkeeping.ts'
import { LEASE_PRODUCER } from './leases.ts'
import type { AcquireResult, Lease, LeaseRequest, LeaseStore, RenewResult } from './leases.ts'
import { limitsOf } from './options.ts'
import type { StreamStoreOptions } from './options.ts'
import {
  checkAppend,
  checkConfig,
  checkId,
  checkInteger,
  checkLease,
  checkList,
  checkRead,
} from './requests.ts'
import type {
  AppendRequest,
  AppendResult,
  CreateResult,
  Durability,
  ListOptions,
  ReadOptions,
  ReadResult,
  StreamConfig,
  StreamInfo,
  StreamLimits,
  StreamList,
  StreamRecord,
  StreamStore,
  WatchListener,
  WatchResult,
} from './store.ts'
import { stopWith, Watchers } from './watchers.ts'
import type { WatchedStream } from './watchers.ts'

/** Streams that live as long as this process. */
export function memoryStreams(options: StreamStoreOptions = {}): StreamStore {
  return new MemoryStreams(options)
}

interface Entry {
  state: StreamState
  readonly records: StreamRecord[]
  readonly producers: Map<string, ProducerState>
  lease: LeaseState | undefined
  /** Set by the first watch; spares each append a search. */
  watched: WatchedStream | undefined
}

class MemoryStreams implements StreamStore, LeaseStore {
  readonly durability: Durability = 'none'
  readonly limits: StreamLimits
  readonly leases: LeaseStore = this
  readonly #clock: () => number
  readonly #watchers: Watchers
  readonly #streams = new Map<string, Entry>()
  #closed = false

  constructor(options: StreamStoreOptions) {
    this.limits = limitsOf(options)
    this.#clock = options.clock ?? Date.now
    this.#watchers = new Watchers(options.logger ?? libraryLogger())
  }

  async create(id: string, given: StreamConfig = {}, signal?: AbortSignal): Promise<CreateResult> {
    this.#enter(signal)
    const config = checkConfig(given, this.limits)
    const now = this.#clock()
    const there = this.#alive(id, now)
    if (there) {
      const info = infoOf(id, there.state)
      const differs = configDifference(there.state, config)
      return differs ? { outcome: 'conflict', info, differs } : { outcome: 'exists', info }
    }
    this.#remove(id, 'expired')
    const state = newState(config, newIncarnation(), now)
    const lease = config.lease && newLease(config.lease, 1, now)
    const producers = new Map<string, ProducerState>()
    if (lease) producers.set(LEASE_PRODUCER, { epoch: lease.epoch, lastSeq: -1 })
    this.#streams.set(id, { state, records: [...config.records], producers, lease, watched: undefined })
    const info = infoOf(id, state)
    return { outcome: 'created', info, ...(lease && { lease: leaseOf(id, state, lease) }) }
  }

  async append(id: string, given: AppendRequest, signal?: AbortSignal): Promise<AppendResult> {
    this.#enter(signal)
    return this.#append(id, given)
  }

  async read(id: string, after: Place, options: ReadOptions = {}): Promise<ReadResult> {
    this.#enter(options.signal)
    const { maxRecords, maxBytes } = checkRead(options)
    const entry = this.#alive(id, this.#clock())
    if (!entry) return { outcome: 'missing' }
    const position = positionOf(entry.state, after)
    if (typeof position !== 'number') return position
    let end = position
    let bytes = 0
    while (end < entry.state.tail && end - position < maxRecords && bytes < maxBytes) {
      bytes += Buffer.byteLength(entry.records[end++] as StreamRecord)
    }
    return pageOf(entry.state, position, entry.records.slice(position, end))
  }

  async watch(id: string, listener: WatchListener, signal?: AbortSignal): Promise<WatchResult> {
    this.#enter(signal)
    const entry = this.#alive(id, this.#clock())
    if (!entry) return { outcome: 'missing' }
    const tail = tailOf(entry.state)
    const { closed } = entry.state
    const stop = stopWith(signal, this.#watchers.add(id, tail, closed, listener))
    entry.watched = this.#watchers.get(id)
    return { outcome: 'watching', tail, closed, stop }
  }

  async head(id: string, signal?: AbortSignal): Promise<StreamInfo | undefined> {
    this.#enter(signal)
    const entry = this.#alive(id, this.#clock())
    return entry && infoOf(id, entry.state)
  }

  async list(options: ListOptions = {}): Promise<StreamList> {
    this.#enter(options.signal)
    const { prefix, owner, closed, after, limit } = checkList(options)
    const now = this.#clock()
    const found: StreamInfo[] = []
    for (const [id, { state }] of this.#streams) {
      if (!id.startsWith(prefix) || id <= after || !isAlive(state, now)) continue
      if (owner !== undefined && state.owner !== owner) continue
      if (closed !== undefined && state.closed !== closed) continue
      found.push(infoOf(id, state))
    }
    found.sort((a, b) => (a.id < b.id ? -1 : 1))
    const streams = found.slice(0, limit)
    const last = streams.at(-1)
    return found.length > limit && last ? { streams, next: last.id } : { streams }
  }

  async delete(id: string, signal?: AbortSignal): Promise<boolean> {
    this.#enter(signal)
    if (!this.#alive(id, this.#clock())) return false
    return this.#remove(id, 'deleted')
  }

  async touch(id: string, signal?: AbortSignal): Promise<boolean> {
    this.#enter(signal)
    const now = this.#clock()
    const entry = this.#alive(id, now)
    if (entry) entry.state = { ...entry.state, expiresAt: endAfter(entry.state, now) }
    return entry !== undefined
  }

  async sweep(signal?: AbortSignal): Promise<number> {
    this.#enter(signal)
    const now = this.#clock()
    let swept = 0
    for (const [id, entry] of this.#streams) {
      if (!isAlive(entry.state, now)) {
        this.#remove(id, 'expired')
        swept++
      } else {
        const { ttlMs, expiresAt } = entry.state
        // Set before the clock went back: nobody may have to wait for the jump as well.
        if (ttlMs !== undefined && expiresAt !== undefined && expiresAt > now + ttlMs) {
          entry.state = { ...entry.state, expiresAt: now + ttlMs }
        }
      }
    }
    return swept
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#watchers.clear()
    this.#streams.clear()
  }

  async acquire(id: string, request: LeaseRequest, signal?: AbortSignal): Promise<AcquireResult> {
    this.#enter(signal)
    checkLease(request)
    const now = this.#clock()
    const entry = this.#alive(id, now)
    const known = entry?.producers.get(LEASE_PRODUCER)
    const decision = decideAcquire(id, entry?.state, entry?.lease, known, request, now)
    if (entry && decision.lease) entry.lease = decision.lease
    if (entry && decision.producer) entry.producers.set(LEASE_PRODUCER, decision.producer)
    return decision.result
  }

  async renew(lease: Lease, signal?: AbortSignal): Promise<RenewResult> {
    this.#enter(signal)
    checkLease(lease)
    const now = this.#clock()
    const entry = this.#alive(lease.stream, now)
    if (!entry || !isHeld(entry.state, entry.lease, lease)) return { outcome: 'lost' }
    entry.lease = newLease(lease, lease.epoch, now)
    return { outcome: 'renewed', lease: leaseOf(lease.stream, entry.state, entry.lease) }
  }

  async release(lease: Lease, signal?: AbortSignal): Promise<boolean> {
    this.#enter(signal)
    const entry = this.#alive(lease.stream, this.#clock())
    if (!entry || !isHeld(entry.state, entry.lease, lease)) return false
    entry.lease = undefined
    return true
  }

  async expired({ limit = 100, signal }: { limit?: number; signal?: AbortSignal } = {}): Promise<Lease[]> {
    this.#enter(signal)
    checkInteger(limit, 1, 1000, 'invalid_limit', 'The leases of a page')
    const now = this.#clock()
    const over: Lease[] = []
    for (const [id, entry] of this.#streams) {
      if (!entry.lease || !isAlive(entry.state, now)) continue
      entry.lease = { ...entry.lease, expiresAt: leaseEnd(entry.lease, now) }
      if (entry.lease.expiresAt <= now) over.push(leaseOf(id, entry.state, entry.lease))
    }
    return over.sort((a, b) => a.expiresAt - b.expiresAt).slice(0, limit)
  }

  /** Apart from `append`: an async function allocates room for all that it holds. */
  #append(id: string, given: AppendRequest): AppendResult {
    const request = checkAppend(given, this.limits)
    const now = this.#clock()
    const entry = this.#alive(id, now)
    const { producer, records } = request
    const known = producer && entry?.producers.get(producer.id)
    const { result, next } = decideAppend(entry?.state, known, request, now)
    if (!entry || !next || result.outcome !== 'appended') return result
    const from = tailOf(entry.state)
    entry.state = next.state
    // No spread into push: its arguments are laid on the stack.
    for (const record of records) entry.records.push(record)
    if (producer && next.producer) entry.producers.set(producer.id, next.producer)
    const { offset, closed } = result
    if (closed) entry.lease = undefined
    if (entry.watched && (closed || records.length > 0)) {
      this.#watchers.tell(entry.watched, { type: 'append', from, next: offset, records, closed })
    }
    return result
  }

  #enter(signal: AbortSignal | undefined): void {
    signal?.throwIfAborted()
    if (this.#closed) throw new StoreError('closed', 'The stream store is closed')
  }

  #alive(id: string, now: number): Entry | undefined {
    const entry = this.#streams.get(id)
    // The id of a stream that is there was looked at when it was created.
    if (!entry) checkId(id)
    return entry && isAlive(entry.state, now) ? entry : undefined
  }

  #remove(id: string, reason: 'deleted' | 'expired'): boolean {
    const removed = this.#streams.delete(id)
    if (removed) this.#watchers.tell(id, { type: 'gone', reason })
    return removed
  }
}
