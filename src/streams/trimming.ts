/** What is cut off the beginning of a stream: the answer, and the next state. */
import type { Offset, Place } from '../protocol/offset.ts'
import { beginOf } from './bookkeeping/bookkeeping.ts'
import type { StreamState } from './bookkeeping/bookkeeping.ts'

/** What became of a trim. */
export type TrimResult =
  /** `first` is the place before the first record that is kept: `before`, or one further on that was trimmed to earlier. */
  | { readonly outcome: 'trimmed'; readonly first: Offset }
  | { readonly outcome: 'missing' }
  /** The place is of another history: nothing was trimmed. */
  | { readonly outcome: 'lost' }
  /** The place lies past the tail: nothing was trimmed. */
  | { readonly outcome: 'past-end'; readonly tail: Offset }

export interface TrimDecision {
  readonly result: TrimResult
  /** What to keep; undefined when nothing is trimmed. */
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
