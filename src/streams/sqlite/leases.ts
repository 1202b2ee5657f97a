/** The leases of the SQLite store: each call is one write of the group commit. */
import { decideAcquire, handedOver, isHeld, leaseOf, newLease } from '../lease-bookkeeping.ts'
import { LEASE_PRODUCER } from '../leases.ts'
import type {
  AcquireResult,
  ExpiredOptions,
  Lease,
  LeaseRequest,
  LeaseStore,
  RenewResult,
} from '../leases.ts'
import { checkExpired, checkId, checkLease } from '../requests.ts'
import type { LeaseTable } from './lease-table.ts'
import type { StoredStream, StreamTable } from './stream-table.ts'

export interface SqliteLeasesOptions {
  /** Runs `work` in the next transaction. */
  readonly write: <T>(work: (now: number) => T, signal: AbortSignal | undefined) => Promise<T>
}

export class SqliteLeases implements LeaseStore {
  readonly #streams: StreamTable
  readonly #leases: LeaseTable
  readonly #write: SqliteLeasesOptions['write']

  constructor(streams: StreamTable, leases: LeaseTable, options: SqliteLeasesOptions) {
    this.#streams = streams
    this.#leases = leases
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
      const stream = this.#held(lease, now)
      if (!stream) return { outcome: 'lost' }
      const renewed = newLease(lease, lease.epoch, now)
      this.#leases.save(stream.key, renewed)
      return { outcome: 'renewed', lease: leaseOf(lease.stream, stream.state, renewed) }
    }, signal)
  }

  async handOver(lease: Lease, signal?: AbortSignal): Promise<boolean> {
    checkId(lease.stream)
    return this.#write((now) => {
      const stream = this.#held(lease, now)
      if (stream) this.#leases.save(stream.key, handedOver(lease, now))
      return stream !== undefined
    }, signal)
  }

  async expired(options: ExpiredOptions = {}): Promise<readonly Lease[]> {
    const page = checkExpired(options)
    return this.#write((now) => this.#leases.expired(now, page), options.signal)
  }

  #held(lease: Lease, now: number): StoredStream | undefined {
    const stream = this.#streams.alive(lease.stream, now)
    return stream && isHeld(stream.state, this.#leases.find(stream.key), lease) ? stream : undefined
  }
}
