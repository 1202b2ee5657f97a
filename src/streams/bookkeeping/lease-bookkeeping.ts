/**
 * Decides what happens to a lease: from a stream's state, its lease and a request to an outcome and the next lease.
 * Pure, like `bookkeeping.ts`.
 */
import { infoOf, tailOf } from './stream-state.ts'
import type { ProducerState, StreamState } from './stream-state.ts'
import type { AcquireResult, ClaimResult, Lease, LeaseRequest } from '../leases.ts'
import type { Json } from '../../protocol/json.ts'

/** What a store stores of a lease. */
export interface LeaseState {
  readonly holder: string
  readonly epoch: number
  readonly ttlMs: number
  readonly expiresAt: number
  /** What a closed stream owes, as JSON text. */
  readonly owes?: string | undefined
}

/**
 * Milliseconds for which an owed end keeps an expired stream while no process handles it: a week. It may be
 * impossible to handle.
 */
export const OWED_KEPT_MS: number = 7 * 24 * 3600 * 1000

/** Until when a lease keeps its stream from being swept. */
export function keepsUntil({ expiresAt, owes }: LeaseState): number {
  return owes === undefined ? expiresAt : expiresAt + OWED_KEPT_MS
}

/** When a lease expires. A lease set before the clock went back expires after its length from now. */
export function leaseEnd(lease: LeaseState, now: number): number {
  return Math.min(lease.expiresAt, now + lease.ttlMs)
}

/** Orders expired leases by expiry, then by stream id. */
export function compareLeases(a: PlaceOfLease, b: PlaceOfLease): number {
  return a.expiresAt - b.expiresAt || (a.stream < b.stream ? -1 : a.stream > b.stream ? 1 : 0)
}

export type PlaceOfLease = Pick<Lease, 'expiresAt' | 'stream'>

export interface AcquireDecision {
  readonly result: AcquireResult
  /** What to store: the lease, and for `acquired` the epoch of the lease producer. */
  readonly lease?: LeaseState
  readonly producer?: ProducerState
}

/** `known` is the state of the stream's lease producer. */
export function decideAcquire(
  id: string,
  state: StreamState | undefined,
  lease: LeaseState | undefined,
  known: ProducerState | undefined,
  request: LeaseRequest,
  now: number,
): AcquireDecision {
  if (!state) return { result: { outcome: 'missing' } }
  if (state.closed) return { result: { outcome: 'closed', offset: tailOf(state) } }
  if (lease && now < lease.expiresAt) {
    const cut = { ...lease, expiresAt: leaseEnd(lease, now) }
    const result: AcquireResult = { outcome: 'held', lease: leaseOf(id, state, cut) }
    return cut.expiresAt === lease.expiresAt ? { result } : { result, lease: cut }
  }
  const taken = newLease(request, (known?.epoch ?? 0) + 1, now)
  return {
    result: { outcome: 'acquired', lease: leaseOf(id, state, taken), info: infoOf(id, state) },
    lease: taken,
    producer: { epoch: taken.epoch, lastSeq: -1, position: state.tail },
  }
}

export interface ClaimDecision {
  readonly result: ClaimResult
  readonly lease?: LeaseState
  readonly producer?: ProducerState
}

/** As `decideAcquire`, for a closed stream that owes something. */
export function decideClaim(
  owed: Pick<Lease, 'stream' | 'incarnation'>,
  state: StreamState | undefined,
  lease: LeaseState | undefined,
  known: ProducerState | undefined,
  request: LeaseRequest,
  now: number,
): ClaimDecision {
  const isThere = state?.incarnation === owed.incarnation && lease?.owes !== undefined
  if (!isThere || now < leaseEnd(lease, now)) return { result: { outcome: 'lost' } }
  const taken = { ...newLease(request, (known?.epoch ?? 0) + 1, now), owes: lease.owes }
  const owes = JSON.parse(lease.owes) as Json
  const id = owed.stream
  return {
    result: { outcome: 'claimed', lease: leaseOf(id, state, taken), info: infoOf(id, state), owes },
    lease: taken,
    producer: { epoch: taken.epoch, lastSeq: -1, position: state.tail },
  }
}

/** A lease after the close of its stream; undefined if nothing is owed. */
export function afterClose(lease: LeaseState | undefined, owes: string | undefined): LeaseState | undefined {
  return lease && owes !== undefined ? { ...lease, owes } : undefined
}

export function renewedLease({ owes }: LeaseState, inHand: Lease, now: number): LeaseState {
  return { ...newLease(inHand, inHand.epoch, now), ...(owes !== undefined && { owes }) }
}

export function newLease({ holder, ttlMs }: LeaseRequest, epoch: number, now: number): LeaseState {
  return { holder, epoch, ttlMs, expiresAt: now + ttlMs }
}

/** A handed-over lease: expired, whatever the clock says later. */
export function handedOver(lease: LeaseState, now: number): LeaseState {
  return { ...lease, ttlMs: 0, expiresAt: now }
}

/** Whether a caller's lease is the stored one, and was not handed over. */
export function isHeld(state: StreamState | undefined, kept: LeaseState | undefined, inHand: Lease): boolean {
  return (
    state !== undefined &&
    kept !== undefined &&
    state.incarnation === inHand.incarnation &&
    kept.ttlMs > 0 &&
    kept.epoch === inHand.epoch &&
    kept.holder === inHand.holder
  )
}

export function leaseOf(id: string, state: StreamState, lease: LeaseState): Lease {
  const { holder, epoch, ttlMs, expiresAt, owes } = lease
  const owed = owes === undefined ? undefined : ({ owed: true } as const)
  return { stream: id, incarnation: state.incarnation, holder, epoch, ttlMs, expiresAt, ...owed }
}
