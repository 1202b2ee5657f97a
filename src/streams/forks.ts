/**
 * Forks: streams that begin with what another one held up to a point, and go on in their own way. Both keep
 * the offsets that they share. docs/streams.md has the rules.
 */
import type { Offset } from '../protocol/offset.ts'

/** What a new stream begins with. */
export interface ForkSource {
  /** The stream that is forked. */
  readonly id: string
  /** When given, a stream that was created anew since then is missing: who looked at one forks no other. */
  readonly incarnation?: string
  /** The place up to which the fork has its records. Default: the tail, in the step that creates the fork. */
  readonly offset?: Offset
  /** What it has beyond that place: so many records of JSON, or so many bytes of the next record. Default 0. */
  readonly sub?: number
}

/** Where a stream was forked. */
export interface ForkPoint {
  readonly id: string
  readonly offset: Offset
  readonly sub: number
  /** How many forks lie between it and a stream that is none, itself included. */
  readonly depth: number
}

/** As deep as forks of forks may go: who reads the last of them looks for its beginning in all of them. */
export const MAX_FORK_DEPTH = 1000

/** Why a stream cannot be forked so. They are looked for in the order in which they stand here. */
export type ForkRefusal =
  /** The source is not there. */
  | 'missing'
  /** The source was deleted or is past its time, and only forks keep its id. */
  | 'retired'
  /** The content type, or the first records, are not those of the source. */
  | 'content-type'
  /** The place lies past the tail of the source, or `sub` past the tail or the end of the record. */
  | 'past-end'
  /** The records after the place were trimmed. */
  | 'trimmed'
  /** The offset is of another history than the source has. */
  | 'lost'
  /** The source is the thousandth fork of a fork. */
  | 'too-deep'

/** Whether a fork is one of this source at this point, as far as the request says. */
export function isForkAt(point: ForkPoint | undefined, from: ForkSource | undefined): boolean {
  if (!point || !from) return point === from
  if (point.id !== from.id) return false
  if (!from.offset) return (from.sub ?? 0) === 0
  const { position, stamp, ahead = 0 } = from.offset
  const isSame = position === 0 || ahead > 0 || stamp === point.offset.stamp
  return position === point.offset.position && isSame && (from.sub ?? 0) === point.sub
}
