/** Decides a trim: the result, and the next state. */
import type { Place } from '../../protocol/offset.ts'
import { beginOf } from './bookkeeping.ts'
import type { StreamState } from './stream-state.ts'
import type { TrimResult } from '../store.ts'

export interface TrimDecision {
  readonly result: TrimResult
  /** What to store; undefined if nothing is trimmed. */
  readonly next?: Pick<StreamState, 'first' | 'firstStamp'>
}

/** @param stampAt as for `beginOf`. */
export function decideTrim(
  state: StreamState,
  before: Place,
  stampAt: (position: number) => string,
): TrimDecision {
  const place = beginOf(state, before, stampAt)
  if ('outcome' in place) return { result: place }
  const result: TrimResult = { outcome: 'trimmed', first: place }
  if (place.position === state.first) return { result }
  return { result, next: { first: place.position, firstStamp: place.stamp } }
}
