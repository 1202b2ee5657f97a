/** The leases of the SQLite store: each call is one write of the group commit. */
import type { Json } from '../../protocol/json.ts'
import {
  decideAcquire,
  decideClaim,
  handedOver,
  isHeld,
  leaseOf,
  renewedLease,
} from '../bookkeeping/lease-bookkeeping.ts'
import type { LeaseState } from '../bookkeeping/lease-bookkeeping.ts'
import { LEASE_PRODUCER } from '../leases.ts'
import type {
  AcquireResult,
  ClaimResult,
  ExpiredOptions,
  Lease,
  LeaseRequest,
  LeaseStore,
  RenewResult,
} from '../leases.ts'
import { checkExpired, checkLeft } from '../bookkeeping/lease-requests.ts'
import { checkId, checkLease } from '../bookkeeping/requests.ts'
import type { StreamLimits } from '../stream.ts'
import type { LeaseTable } from './tables/lease-table.ts'
import type { StreamTable } from './tables/stream-table.ts'
import type { StoredStream } from './tables/stored-stream.ts'

export interface SqliteLeasesOptions {
  readonly limits: StreamLimits
  /** Runs `work` in the next transaction. */
  readonly write: <T>(work: (now: number) => T, signal: AbortSignal | undefined) => Promise<T>
}

export class SqliteLeases implements LeaseStore {
  readonly #streams: StreamTable
  readonly #leases: LeaseTable
  readonly #limits: StreamLimits
  readonly #write: SqliteLeasesOptions['write']

  constructor(streams: StreamTable, leases: LeaseTable, options: SqliteLeasesOptions) {
    this.#streams = streams
    this.#leases = leases
    this.#limits = options.limits
    this.#write = options.write
  }

  async acquire(id: string, request: LeaseRequest, signal?: AbortSignal): Promise<AcquireResult> {
    checkId(id)
    checkLease(request)
    return this.#write((now) => {
      const stream = this.#streams.alive(id, now)
      const known = stream && this.#streams.producer(stream, LEASE_PRODUCER)
      const kept = stream && this.#leases.find(stream.key)
      const { result, lease, producer } = decideAcquire(id, stream?.state, kept, known, request, now)
      if (stream && lease) this.#leases.save(stream.key, lease)
      if (stream && producer) this.#streams.saveProducer(stream, LEASE_PRODUCER, producer)
      return result
    }, signal)
  }

  async renew(lease: Lease, signal?: AbortSignal): Promise<RenewResult> {
    checkId(lease.stream)
    checkLease(lease)
    return this.#write((now) => {
      const held = this.#held(lease, now)
      if (!held) return { outcome: 'lost' }
      const renewed = renewedLease(held.kept, lease, now)
      this.#leases.save(held.stream.key, renewed)
      return { outcome: 'renewed', lease: leaseOf(lease.stream, held.stream.state, renewed) }
    }, signal)
  }

  async handOver(lease: Lease, signal?: AbortSignal): Promise<boolean> {
    checkId(lease.stream)
    return this.#write((now) => {
      const held = this.#held(lease, now)
      if (held) this.#leases.save(held.stream.key, handedOver(held.kept, now))
      return held !== undefined
    }, signal)
  }

  async claim(
    owed: Pick<Lease, 'stream' | 'incarnation'>,
    request: LeaseRequest,
    signal?: AbortSignal,
  ): Promise<ClaimResult> {
    checkId(owed.stream)
    checkLease(request)
    return this.#write((now) => {
      const stream = this.#streams.alive(owed.stream, now)
      const known = stream && this.#streams.producer(stream, LEASE_PRODUCER)
      const kept = stream && this.#leases.find(stream.key)
      const { result, lease, producer } = decideClaim(owed, stream?.state, kept, known, request, now)
      if (stream && lease) this.#leases.save(stream.key, lease)
      if (stream && producer) this.#streams.saveProducer(stream, LEASE_PRODUCER, producer)
      return result
    }, signal)
  }

  async settle(lease: Lease, left?: Json, signal?: AbortSignal): Promise<boolean> {
    checkId(lease.stream)
    const owes = checkLeft(left, this.#limits)
    return this.#write((now) => {
      const held = this.#held(lease, now)
      if (held?.kept.owes === undefined) return false
      if (owes === undefined) this.#leases.delete(held.stream.key)
      else this.#leases.save(held.stream.key, { ...held.kept, owes })
      return true
    }, signal)
  }

  async expired(options: ExpiredOptions = {}): Promise<readonly Lease[]> {
    const page = checkExpired(options)
    return this.#write((now) => this.#leases.expired(now, page), options.signal)
  }

  #held(lease: Lease, now: number): { readonly stream: StoredStream; readonly kept: LeaseState } | undefined {
    const stream = this.#streams.alive(lease.stream, now)
    const kept = stream && this.#leases.find(stream.key)
    return stream && kept && isHeld(stream.state, kept, lease) ? { stream, kept } : undefined
  }
}
