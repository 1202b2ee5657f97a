/** What a store stores of a stream and its producers, beside the records, and how the contract presents it. Pure. */
import type { Json } from '../../protocol/json.ts'
import type { Offset } from '../../protocol/offset.ts'
import type { ForkPoint } from '../forks.ts'
import type { Producer } from '../store.ts'
import type { StreamInfo } from '../stream.ts'
import { retentionOf } from './retention.ts'
import type { KeptRetention } from './retention.ts'

/** What a store stores of a stream beside its records, producers and lease. */
export interface StreamState {
  readonly incarnation: string
  readonly contentType: string
  readonly owner: string | undefined
  readonly createdAt: number
  readonly ttlMs: number | undefined
  /** When it expires; undefined for never. */
  readonly expiresAt: number | undefined
  /** As JSON text. */
  readonly metadata: string | undefined
  /** As JSON text. */
  readonly checkpoint: string | undefined
  /** Position before the first record that is kept, and the stamp of the record before that. */
  readonly first: number
  readonly firstStamp: string
  /** Position after the last record, and the stamp of that record's append. */
  readonly tail: number
  readonly stamp: string
  readonly closed: boolean
  /** Its end, as JSON text. */
  readonly closedWith: string | undefined
  /** The append that closed it: repeated, it is a duplicate, not an append to a closed stream. */
  readonly closedBy: Producer | undefined
  readonly streamSeq: string | undefined
  /** Whether a lease was ever taken on it. From then on, only the holder of a lease may write. */
  readonly leased: boolean
  readonly retention: KeptRetention | undefined
  /** The name of the list that it is on. */
  readonly listed: string | undefined
  /** Where a fork was forked. */
  readonly forkedFrom: ForkPoint | undefined
}

/** What a store stores of a producer of a stream. */
export interface ProducerState {
  readonly epoch: number
  /** -1 before the first append of the epoch, such as after a lease was taken. */
  readonly lastSeq: number
  /** The stream's tail after its latest append: producers with the lowest are forgotten first. */
  readonly position: number
}

/**
 * Whether a stream has not expired, or its lease is held: while it is filled, no clock removes it. A clock that goes
 * back prolongs a life and never ends one.
 */
export function isAlive(state: StreamState, now: number, lease: object | undefined): boolean {
  return state.expiresAt === undefined || now < state.expiresAt || lease !== undefined
}

/**
 * When a stream expires after being touched. The expiry stays if a move would gain less than a hundredth of the TTL,
 * so that a busy stream does not rewrite its state with every record. An expiry further away than the TTL was set
 * before the clock went back, and is corrected.
 */
export function endAfter(state: Pick<StreamState, 'ttlMs' | 'expiresAt'>, now: number): number | undefined {
  const { ttlMs, expiresAt } = state
  if (ttlMs === undefined || expiresAt === undefined) return expiresAt
  const gain = now + ttlMs - expiresAt
  return gain < 0 || gain * 100 >= ttlMs ? now + ttlMs : expiresAt
}

export type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

/** The `end` member for a spread; no member without an end. */
export function endMember(end: string | undefined): { readonly end?: Json } {
  return end === undefined ? {} : { end: JSON.parse(end) as Json }
}

export function firstOf({ first, firstStamp }: Pick<StreamState, 'first' | 'firstStamp'>): Offset {
  return { position: first, stamp: firstStamp }
}

export function tailOf({ tail, stamp }: Pick<StreamState, 'tail' | 'stamp'>): Offset {
  return { position: tail, stamp }
}

export function infoOf(id: string, state: StreamState): StreamInfo {
  const { incarnation, contentType, owner, metadata, checkpoint, createdAt, ttlMs } = state
  const { expiresAt, closed, closedWith, forkedFrom } = state
  return {
    id,
    incarnation,
    contentType,
    ...(owner !== undefined && { owner }),
    ...(metadata !== undefined && { metadata: JSON.parse(metadata) as Json }),
    ...(checkpoint !== undefined && { checkpoint: JSON.parse(checkpoint) as Json }),
    createdAt,
    ...(ttlMs !== undefined && { ttlMs }),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(state.retention && { retention: retentionOf(state.retention) }),
    ...(state.listed !== undefined && { listed: state.listed }),
    first: firstOf(state),
    tail: tailOf(state),
    closed,
    ...endMember(closedWith),
    ...(forkedFrom && { forkedFrom }),
  }
}
