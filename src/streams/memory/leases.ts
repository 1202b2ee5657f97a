/** The leases of streams in memory. */
import type { Json } from '../../protocol/json.ts'
import {
  decideAcquire,
  decideClaim,
  handedOver,
  isHeld,
  leaseOf,
  renewedLease,
} from '../bookkeeping/lease-bookkeeping.ts'
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
import { checkLease } from '../bookkeeping/requests.ts'
import type { StreamLimits } from '../stream.ts'
import type { MemoryStream } from './memory-stream.ts'
import type { StreamIndex } from './stream-index.ts'

export interface MemoryLeasesOptions {
  readonly limits: StreamLimits
  readonly streams: StreamIndex
  readonly clock: () => number
  /** Throws if the store refuses calls. */
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
    if (stream && decision.lease) streams.lease(id, stream, decision.lease)
    if (stream && decision.producer) {
      stream.producers.set(LEASE_PRODUCER, decision.producer)
      stream.leased = true
    }
    return decision.result
  }

  async renew(lease: Lease, signal?: AbortSignal): Promise<RenewResult> {
    const { streams, clock, enter, alive } = this.#options
    enter(signal)
    checkLease(lease)
    const now = clock()
    const stream = alive(lease.stream, now)
    if (!stream?.lease || !isHeld(stream, stream.lease, lease)) return { outcome: 'lost' }
    const renewed = renewedLease(stream.lease, lease, now)
    streams.lease(lease.stream, stream, renewed)
    return { outcome: 'renewed', lease: leaseOf(lease.stream, stream, renewed) }
  }

  async handOver(lease: Lease, signal?: AbortSignal): Promise<boolean> {
    const { streams, clock, enter, alive } = this.#options
    enter(signal)
    const now = clock()
    const stream = alive(lease.stream, now)
    if (!stream?.lease || !isHeld(stream, stream.lease, lease)) return false
    streams.lease(lease.stream, stream, handedOver(stream.lease, now))
    return true
  }

  async claim(
    owed: Pick<Lease, 'stream' | 'incarnation'>,
    request: LeaseRequest,
    signal?: AbortSignal,
  ): Promise<ClaimResult> {
    const { streams, clock, enter, alive } = this.#options
    enter(signal)
    checkLease(request)
    const now = clock()
    const stream = alive(owed.stream, now)
    const known = stream?.producers.get(LEASE_PRODUCER)
    const { result, lease, producer } = decideClaim(owed, stream, stream?.lease, known, request, now)
    if (stream && lease) streams.lease(owed.stream, stream, lease)
    if (stream && producer) stream.producers.set(LEASE_PRODUCER, producer)
    return result
  }

  async settle(lease: Lease, left?: Json, signal?: AbortSignal): Promise<boolean> {
    const { limits, streams, clock, enter, alive } = this.#options
    enter(signal)
    const owes = checkLeft(left, limits)
    const stream = alive(lease.stream, clock())
    if (stream?.lease?.owes === undefined || !isHeld(stream, stream.lease, lease)) return false
    streams.lease(lease.stream, stream, owes === undefined ? undefined : { ...stream.lease, owes })
    return true
  }

  async expired(options: ExpiredOptions = {}): Promise<Lease[]> {
    const { streams, clock, enter } = this.#options
    enter(options.signal)
    const { limit, after } = checkExpired(options)
    const page: Lease[] = []
    for (const [id, stream] of streams.over(clock(), after)) {
      if (stream.lease) page.push(leaseOf(id, stream, stream.lease))
      if (page.length === limit) break
    }
    return page
  }
}
