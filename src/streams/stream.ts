/** What a store tells of a stream: its records, its description, and the limits of both. */
import type { Json } from '../protocol/json.ts'
import type { Offset } from '../protocol/offset.ts'
import type { ForkPoint } from './forks.ts'
import type { Retention } from './retention.ts'

/**
 * One record: the text of one JSON value on a JSON stream, bytes on any other. Bytes returned by a store are shared
 * between readers: do not write to them.
 */
export type StreamRecord = string | Uint8Array

export interface StreamInfo {
  readonly id: string
  /** 8 to 32 of `0-9a-z`, drawn at random at creation: a stream created anew has another. */
  readonly incarnation: string
  /** As given to `create`, or inherited from its source. */
  readonly contentType: string
  readonly owner?: string
  readonly listed?: string
  readonly metadata?: Json
  /** The last checkpoint of an append; a closed stream has none. For the producer, not for readers. */
  readonly checkpoint?: Json
  /** Milliseconds since 1970. For display: nothing is ordered by it. */
  readonly createdAt: number
  readonly ttlMs?: number
  /** When it will expire; with `ttlMs`, each append and `touch` moves this. */
  readonly expiresAt?: number
  /** Which records are kept, if not all. */
  readonly retention?: Retention
  /** The place before the first record that is kept: the start, until the stream is trimmed. */
  readonly first: Offset
  /** The place after the last record. */
  readonly tail: Offset
  readonly closed: boolean
  /** What a closed stream was closed with, if anything. */
  readonly end?: Json
  /** Set for a fork. For the application, not for readers. */
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
  /** Producers known to a stream. For a new one, it forgets those whose last append is the oldest. Default 1,000. */
  readonly producers: number
}

/** What a record survives once its append has resolved. */
export type Durability =
  /** Nothing: it is in the memory of this process. */
  | 'none'
  /** The end of the process. */
  | 'process'
  /** A loss of power. */
  | 'power'
