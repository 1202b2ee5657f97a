/**
 * Decides what happens to a stream: from its state and a request to an outcome and the next state. A store only
 * stores the decision, in one step with the records: `refusalOf`, then `applyAppend`, which changes the state in
 * place, because a copy per append is expensive. A store that fails to write a decision forgets the state.
 */
import { START, isAt } from '../../protocol/offset.ts'
import type { Offset, Place } from '../../protocol/offset.ts'
import { LEASE_PRODUCER } from '../leases.ts'
import type { AppendResult, Producer, ReadResult } from '../store.ts'
import type { StreamRecord } from '../stream.ts'
import type { CheckedConfig } from './configurations.ts'
import { recordKindOf, mediaTypeOf } from './requests.ts'
import type { CheckedAppend } from './requests.ts'
import { endAfter, endMember, firstOf, tailOf } from './stream-state.ts'
import type { Mutable, ProducerState, StreamState } from './stream-state.ts'

/** The state of a new stream, including its first records, which have this stamp. */
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

/** Why an append is refused; undefined if it is not. `known` is undefined for a producer that never wrote. */
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

/** Applies an append that was not refused to the state. */
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
  return kind === undefined || kind === recordKindOf(state.contentType)
}

/** Undefined for the next expected append. */
function refuseProducer(
  state: StreamState,
  known: ProducerState | undefined,
  { id, epoch, seq }: Producer,
): AppendResult | undefined {
  // Only taking the lease creates this producer and raises its epoch.
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

function offsetAt(state: StreamState, position: number, stampAt: (position: number) => string): Offset {
  if (position === state.tail) return tailOf(state)
  return position === state.first ? firstOf(state) : { position, stamp: stampAt(position) }
}

/** The page of the records between two places. */
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
