/**
 * What happens to a stream: from its state and a request to an outcome and the next state. A store
 * only keeps what is decided here, in one step with the records: `refusalOf`, then `applyAppend`, which changes the
 * state in place, as a copy with every append costs. A store that fails to keep a decision forgets the state.
 */
import type { Json } from '../../protocol/json.ts'
import { START, isAt } from '../../protocol/offset.ts'
import type { Offset, Place } from '../../protocol/offset.ts'
import { LEASE_PRODUCER } from '../leases.ts'
import type { CheckedConfig } from './configurations.ts'
import type { ForkPoint } from '../forks.ts'
import { kindOf, mediaTypeOf } from './requests.ts'
import { retentionOf } from '../retention.ts'
import type { KeptRetention } from '../retention.ts'
import type { CheckedAppend } from './requests.ts'
import type { AppendResult, Producer, ReadResult, StreamInfo, StreamRecord } from '../store.ts'

/** What a store keeps of a stream besides its records, producers and lease. */
export interface StreamState {
  readonly incarnation: string
  readonly contentType: string
  readonly owner: string | undefined
  readonly createdAt: number
  readonly ttlMs: number | undefined
  /** When it ends; undefined for never. */
  readonly expiresAt: number | undefined
  /** As JSON text. */
  readonly metadata: string | undefined
  /** As JSON text. */
  readonly checkpoint: string | undefined
  /** Position before the first record that is kept, and the stamp of the last one that is not. */
  readonly first: number
  readonly firstStamp: string
  /** Position after the last record, and the stamp of the append that wrote that. */
  readonly tail: number
  readonly stamp: string
  readonly closed: boolean
  /** Its end, as JSON text. */
  readonly closedWith: string | undefined
  /** The append that closed it: sent again, it is a duplicate and no append to a closed stream. */
  readonly closedBy: Producer | undefined
  readonly streamSeq: string | undefined
  /** Whether a lease was ever taken on it: from then on it is written to under a lease alone. */
  readonly leased: boolean
  readonly retention: KeptRetention | undefined
  /** The name of the list that it is on. */
  readonly listed: string | undefined
  /** Of a fork: where it was forked. */
  readonly forkedFrom: ForkPoint | undefined
}

/** What a store keeps of a producer of a stream. */
export interface ProducerState {
  readonly epoch: number
  /** -1 while the epoch has not appended yet: a lease that was only taken. */
  readonly lastSeq: number
  /** The stream's tail behind its latest append: those that lie furthest back are forgotten first. */
  readonly position: number
}

/**
 * Whether a stream's time is not over, or somebody holds its lease: while it is filled, no clock takes it
 * away. A clock that goes back prolongs a life and never ends one.
 */
export function isAlive(state: StreamState, now: number, lease: object | undefined): boolean {
  return state.expiresAt === undefined || now < state.expiresAt || lease !== undefined
}

/**
 * When a stream ends after a sign of life. It stays while a move would gain less than a hundredth
 * of the TTL, so that a busy stream does not rewrite its own state with every record. An end that
 * lies farther off than the TTL was set before the clock went back, and is brought in.
 */
export function endAfter(state: Pick<StreamState, 'ttlMs' | 'expiresAt'>, now: number): number | undefined {
  const { ttlMs, expiresAt } = state
  if (ttlMs === undefined || expiresAt === undefined) return expiresAt
  const gain = now + ttlMs - expiresAt
  return gain < 0 || gain * 100 >= ttlMs ? now + ttlMs : expiresAt
}

/** A new stream, its first records included, which have this stamp. */
export function newState(
  config: Omit<CheckedConfig, 'from'>,
  incarnation: string,
  stamp: string,
  now: number,
): StreamState {
  const { contentType, owner, ttlMs, expiresAt, metadata, closed, end, records } = config
  return {
    incarnation,
    contentType,
    owner,
    createdAt: now,
    ttlMs,
    expiresAt: ttlMs === undefined ? expiresAt : now + ttlMs,
    metadata,
    checkpoint: undefined,
    first: 0,
    firstStamp: START.stamp,
    tail: records.length,
    stamp: records.length > 0 ? stamp : START.stamp,
    closed,
    closedWith: end,
    closedBy: undefined,
    streamSeq: undefined,
    leased: config.lease !== undefined,
    retention: config.retention,
    listed: config.listed,
    forkedFrom: undefined,
  }
}

/** Why nothing is kept of an append; undefined when it is to be kept. `known` is undefined for a producer that never wrote. */
export function refusalOf(
  state: StreamState,
  known: ProducerState | undefined,
  request: CheckedAppend,
): AppendResult | undefined {
  const { producer, streamSeq, incarnation, after } = request
  if (incarnation !== undefined && incarnation !== state.incarnation) return { outcome: 'missing' }
  if (state.closed) return decideClosed(state, request)
  if (state.leased && producer?.id !== LEASE_PRODUCER) return { outcome: 'leased' }
  if (!sameKind(state, request)) return { outcome: 'content-type', contentType: state.contentType }
  const refusal = producer && refuseProducer(state, known, producer)
  if (refusal) return refusal
  if (after && !isAt(after, tailOf(state))) return { outcome: 'moved', offset: tailOf(state) }
  return streamSeq !== undefined && state.streamSeq !== undefined && streamSeq <= state.streamSeq
    ? { outcome: 'stream-seq', last: state.streamSeq }
    : undefined
}

/** Changes the state as an append does that was not refused. */
export function applyAppend(
  state: Mutable<StreamState>,
  { records, close, end, producer, metadata, checkpoint, streamSeq }: CheckedAppend,
  stamp: string,
  now: number,
): Extract<AppendResult, { outcome: 'appended' }> {
  if (records.length > 0) {
    state.tail += records.length
    state.stamp = stamp
  }
  if (state.ttlMs !== undefined) state.expiresAt = endAfter(state, now)
  if (metadata !== undefined) state.metadata = metadata
  if (checkpoint !== undefined) state.checkpoint = checkpoint
  if (streamSeq !== undefined) state.streamSeq = streamSeq
  if (close) {
    state.closed = true
    state.closedWith = end
    state.checkpoint = undefined
    state.closedBy = producer
  }
  return { outcome: 'appended', offset: tailOf(state), closed: close }
}

export type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

function decideClosed(
  state: StreamState,
  { producer, records, close, end, metadata, checkpoint }: CheckedAppend,
): AppendResult {
  const closed = { offset: tailOf(state), ...endMember(state.closedWith) }
  const by = state.closedBy
  if (producer) {
    const again = by?.id === producer.id && by.epoch === producer.epoch && by.seq === producer.seq
    return again
      ? { outcome: 'duplicate', ...closed, closed: true, lastSeq: producer.seq }
      : { outcome: 'closed', ...closed }
  }
  const isNothingNew =
    records.length === 0 &&
    metadata === undefined &&
    checkpoint === undefined &&
    (end ?? state.closedWith) === state.closedWith
  return close && isNothingNew
    ? { outcome: 'duplicate', ...closed, closed: true }
    : { outcome: 'closed', ...closed }
}

function sameKind(state: StreamState, { contentType, kind }: CheckedAppend): boolean {
  if (contentType !== undefined && mediaTypeOf(contentType) !== mediaTypeOf(state.contentType)) return false
  return kind === undefined || kind === kindOf(state.contentType)
}

/** Undefined for the append that is due. */
function refuseProducer(
  state: StreamState,
  known: ProducerState | undefined,
  { id, epoch, seq }: Producer,
): AppendResult | undefined {
  // Only taking the lease raises this producer's epoch, and makes it known at all.
  if (id === LEASE_PRODUCER && (!known || epoch > known.epoch))
    return { outcome: 'fenced', epoch: known?.epoch ?? 0 }
  if (!known) return seq === 0 ? undefined : { outcome: 'gap', expectedSeq: 0, receivedSeq: seq }
  if (epoch < known.epoch) return { outcome: 'fenced', epoch: known.epoch }
  if (epoch > known.epoch) return seq === 0 ? undefined : { outcome: 'epoch-start', receivedSeq: seq }
  if (seq <= known.lastSeq) {
    return { outcome: 'duplicate', offset: tailOf(state), closed: state.closed, lastSeq: known.lastSeq }
  }
  const expectedSeq = known.lastSeq + 1
  return seq === expectedSeq ? undefined : { outcome: 'gap', expectedSeq, receivedSeq: seq }
}

/**
 * Where a read begins, or why it cannot.
 *
 * @param stampAt the stamp of the record before a position between the first and the tail.
 */
export function beginOf(
  state: StreamState,
  place: Place,
  stampAt: (position: number) => string,
): Offset | Exclude<ReadResult, { outcome: 'page' }> {
  if (place === 'start') return firstOf(state)
  if (place === 'now') return tailOf(state)
  const { first, tail } = state
  if ('last' in place) return offsetAt(state, Math.max(first, tail - place.last), stampAt)
  const { position } = place
  if (position > tail) return { outcome: 'past-end', tail: tailOf(state) }
  if (position < first) return { outcome: 'trimmed', first: firstOf(state) }
  if ('stamp' in place && position > 0) {
    const proof = position + (place.ahead ?? 0)
    if (proof > tail) return { outcome: 'past-end', tail: tailOf(state) }
    if (offsetAt(state, proof, stampAt).stamp !== place.stamp) return { outcome: 'lost' }
  }
  return offsetAt(state, position, stampAt)
}

/** What a stream was closed with, for a spread: nothing at all without it. */
export function endMember(end: string | undefined): { readonly end?: Json } {
  return end === undefined ? {} : { end: JSON.parse(end) as Json }
}

function offsetAt(state: StreamState, position: number, stampAt: (position: number) => string): Offset {
  if (position === state.tail) return tailOf(state)
  return position === state.first ? firstOf(state) : { position, stamp: stampAt(position) }
}

/** The page of these records, which lie between two places. */
export function pageOf(
  state: Pick<StreamState, 'tail' | 'closed' | 'closedWith'>,
  from: Offset,
  next: Offset,
  records: readonly StreamRecord[],
): Extract<ReadResult, { outcome: 'page' }> {
  const upToDate = next.position === state.tail
  const closed = upToDate && state.closed
  return {
    outcome: 'page',
    records,
    from,
    next,
    upToDate,
    closed,
    ...(closed && endMember(state.closedWith)),
  }
}

function firstOf({ first, firstStamp }: StreamState): Offset {
  return { position: first, stamp: firstStamp }
}

export function tailOf({ tail, stamp }: StreamState): Offset {
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
