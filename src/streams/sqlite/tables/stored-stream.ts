/** A stream as stored in the tables, and where its records are. */
import type { Mutable, ProducerState, StreamState } from '../../bookkeeping/stream-state.ts'

/**
 * A stream that exists in the tables. `state` and `producers` are changed in place, in one transaction with the tables:
 * one that did not happen has the cache forget them.
 */
export interface StoredStream {
  readonly key: number
  readonly id: string
  readonly state: Mutable<StreamState>
  readonly producers: Map<string, Mutable<ProducerState> | undefined>
  /** How many producers it has, once a new one came. */
  producerCount?: number
  /** Where its records are, once that was read. */
  parts?: readonly LogPart[]
}

/** A part of a log: the records up to a position, after those of the previous part. */
export interface LogPart {
  /** The key under which they are stored. */
  readonly key: number
  readonly incarnation: string
  readonly last: number
}
