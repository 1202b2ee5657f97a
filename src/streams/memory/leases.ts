/** The leases of streams in memory. */
import type { Json } from '../../protocol/json.ts'
import {
  compareLeases,
  decideAcquire,
  decideClaim,
  handedOver,
  isHeld,
  leaseEnd,
  leaseOf,
  renewedLease,
} from '../lease-bookkeeping.ts'
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
import { checkExpired, checkLeft } from '../lease-requests.ts'
import { checkLease } from '../requests.ts'
import type { StreamLimits } from '../store.ts'
import type { MemoryStream } from './memory-stream.ts'
import type { StreamIndex } from './stream-index.ts'

export interface MemoryLeasesOptions {
  readonly limits: StreamLimits
  readonly streams: StreamIndex
  readonly clock: () => number
  /** Throws what a call must be refused with. */
  readonly enter: (signal: AbortSignal | undefined) => void
  readonly alive: (id: string, now: number) => MemoryStream | undefined
}

export class MemoryLeases implements LeaseStore {
  readonly #options: MemoryLeasesOptions

  constructor(options: MemoryLeasesOptions) {
    this.#options = options
  }

  async acquire(id: string, request: LeaseRequest, signal?: AbortSignal): Promise<AcquireResult> {
    const { streams, clock, enter, alive } = this.#options
    enter(signal)
    checkLease(request)
    const now = clock()
    const stream = alive(id, now)
    const known = stream?.producers.get(LEASE_PRODUCER)
    const decision = decideAcquire(id, stream, stream?.lease, known, request, now)
    if (stream && decision.lease) {
      stream.lease = decision.lease
      streams.lease(id, stream)
    }
    if (stream && decision.producer) {
      stream.producers.set(LEASE_PRODUCER, decision.producer)
      stream.leased = true
    }
    return decision.result
  }

  async renew(lease: Lease, signal?: AbortSignal): Promise<RenewResult> {
    const { clock, enter, alive } = this.#options
    enter(signal)
    checkLease(lease)
    const now = clock()
    const stream = alive(lease.stream, now)
    if (!stream?.lease || !isHeld(stream, stream.lease, lease)) return { outcome: 'lost' }
    stream.lease = renewedLease(stream.lease, lease, now)
    return { outcome: 'renewed', lease: leaseOf(lease.stream, stream, stream.lease) }
  }

  async handOver(lease: Lease, signal?: AbortSignal): Promise<boolean> {
    const { clock, enter, alive } = this.#options
    enter(signal)
    const now = clock()
    const stream = alive(lease.stream, now)
    if (!stream?.lease || !isHeld(stream, stream.lease, lease)) return false
    stream.lease = handedOver(stream.lease, now)
    return true
  }

  async claim(
    owed: Pick<Lease, 'stream' | 'incarnation'>,
    request: LeaseRequest,
    signal?: AbortSignal,
  ): Promise<ClaimResult> {
    const { clock, enter, alive } = this.#options
    enter(signal)
    checkLease(request)
    const now = clock()
    const stream = alive(owed.stream, now)
    const known = stream?.producers.get(LEASE_PRODUCER)
    const { result, lease, producer } = decideClaim(owed, stream, stream?.lease, known, request, now)
    if (stream && lease) stream.lease = lease
    if (stream && producer) stream.producers.set(LEASE_PRODUCER, producer)
    return result
  }

  async settle(lease: Lease, left?: Json, signal?: AbortSignal): Promise<boolean> {
    const { limits, streams, clock, enter, alive } = this.#options
    enter(signal)
    const owes = checkLeft(left, limits)
    const stream = alive(lease.stream, clock())
    if (stream?.lease?.owes === undefined || !isHeld(stream, stream.lease, lease)) return false
    stream.lease = owes === undefined ? undefined : { ...stream.lease, owes }
    return stream.lease !== undefined || streams.owing.delete(lease.stream)
  }

  async expired(options: ExpiredOptions = {}): Promise<Lease[]> {
    const { streams, clock, enter } = this.#options
    enter(options.signal)
    const { limit, after } = checkExpired(options)
    const now = clock()
    const over: Lease[] = []
    for (const [id, stream] of streams.withLease()) {
      if (!stream.lease) continue
      const expiresAt = leaseEnd(stream.lease, now)
      if (expiresAt !== stream.lease.expiresAt) stream.lease = { ...stream.lease, expiresAt }
      if (expiresAt > now) continue
      const lease = leaseOf(id, stream, stream.lease)
      if (compareLeases(lease, after) > 0) over.push(lease)
    }
    return over.sort(compareLeases).slice(0, limit)
  }
}
