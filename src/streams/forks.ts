/**
 * Forks: streams that begin with the records of another one up to a point, and continue independently. Both keep the
 * offsets that they share. docs/streams.md has the rules.
 */
import type { Offset } from '../protocol/offset.ts'

/** What a fork begins with. */
export interface ForkSource {
  /** The stream to fork. */
  readonly id: string
  /** If given, a stream created anew since then is `missing`. */
  readonly incarnation?: string
  /** The place up to which the fork has the source's records. Default: the tail when the fork is created. */
  readonly offset?: Offset
  /** What the fork has beyond that place: this many JSON records, or this many bytes of the next record. Default 0. */
  readonly sub?: number
}

/** Where a stream was forked. */
export interface ForkPoint {
  readonly id: string
  readonly offset: Offset
  readonly sub: number
  /** Number of forks between it and a stream that is not a fork, including itself. */
  readonly depth: number
}

/** Deepest chain of forks: reading the last one looks for its beginning in all of them. */
export const MAX_FORK_DEPTH = 1000

/** Why a stream cannot be forked like this. Checked in this order. */
export type ForkRefusal =
  /** The source does not exist. */
  | 'missing'
  /** The source was deleted or has expired, and only forks keep its id. */
  | 'retired'
  /** The content type or the first records do not match the source. */
  | 'content-type'
  /** The place lies past the tail of the source, or `sub` past the tail or the end of the record. */
  | 'past-end'
  /** The records after the place were trimmed. */
  | 'trimmed'
  /** The offset does not belong to the history of the source. */
  | 'lost'
  /** The source is the thousandth fork of a fork. */
  | 'too-deep'

/** Whether a fork matches a requested source and point. */
export function isForkAt(point: ForkPoint | undefined, from: ForkSource | undefined): boolean {
  if (!point || !from) return point === from
  if (point.id !== from.id) return false
  if (!from.offset) return (from.sub ?? 0) === 0
  const { position, stamp, ahead = 0 } = from.offset
  const isSame = position === 0 || ahead > 0 || stamp === point.offset.stamp
  return position === point.offset.position && isSame && (from.sub ?? 0) === point.sub
}
