/** What a stream is, as a store tells it: its records, what is known of it, and the limits of both. */
import type { Json } from '../protocol/json.ts'
import type { Offset } from '../protocol/offset.ts'
import type { ForkPoint } from './forks.ts'
import type { Retention } from './retention.ts'

/**
 * One record: the text of one JSON value on a stream of JSON, bytes on any other. Bytes that a
 * store hands out are shared between readers: do not write into them.
 */
export type StreamRecord = string | Uint8Array

export interface StreamInfo {
  readonly id: string
  /** 8 to 32 of `0-9a-z`, drawn at random when it was created: a stream created anew has another. */
  readonly incarnation: string
  /** As it was given to `create`, or as its source has it. */
  readonly contentType: string
  readonly owner?: string
  readonly listed?: string
  readonly metadata?: Json
  /** The last one that an append gave; a closed stream has none. For whoever fills the stream, not for readers. */
  readonly checkpoint?: Json
  /** Milliseconds since 1970. For people: nothing is ordered by it. */
  readonly createdAt: number
  readonly ttlMs?: number
  /** When it expires as things stand: each append and `touch` moves it on a stream with `ttlMs`. */
  readonly expiresAt?: number
  /** What is kept of its records, where not all are. */
  readonly retention?: Retention
  /** The place before the first record that is kept: the start, until the stream is trimmed. */
  readonly first: Offset
  /** The place after the last record. */
  readonly tail: Offset
  readonly closed: boolean
  /** What a closed stream was closed with, if with anything. */
  readonly end?: Json
  /** Of a fork. For whoever keeps the stream, not for readers. */
  readonly forkedFrom?: ForkPoint
}

export interface StreamLimits {
  /** Bytes of one record, as UTF-8. Default 8 MiB, or `appendBytes` where that is less. */
  readonly recordBytes: number
  /** Records in one append. Default 1,000. */
  readonly appendRecords: number
  /** Bytes of all records in one append: `recordBytes` at the least. Default 16 MiB, or `recordBytes` where that is more. */
  readonly appendBytes: number
  /** Bytes of a stream's metadata as JSON. Default 16 KiB. */
  readonly metadataBytes: number
  /** Bytes of a stream's end as JSON. Default 2 KiB; 4 KiB at most. */
  readonly endBytes: number
  /** Bytes of a stream's checkpoint, and of what its close leaves owed, as JSON. Default 8 KiB. */
  readonly checkpointBytes: number
  /** Producers that a stream knows: for a new one it forgets those that appended furthest back. Default 1,000. */
  readonly producers: number
}

/** What a record survives once its append is answered. */
export type Durability =
  /** Nothing: it lives in this process. */
  | 'none'
  /** The end of the process. */
  | 'process'
  /** A loss of power. */
  | 'power'
