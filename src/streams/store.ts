/**
 * The stream store: append-only logs with offsets. The heart of Millrace.
 *
 * This file is the contract; docs/streams.md holds it as numbered rules, and `millrace/conformance`
 * exports the cases that every store must pass. In short:
 *
 * - A record is stored unchanged, as text or bytes, and reaches a reader only after it is durable at the store's
 *   level. Positions have no gaps.
 * - What depends on the state of a stream is a result with an `outcome`. A request that no stream could accept throws
 *   a `StreamRequestError`; a store that cannot do its work throws a `StoreError`.
 * - An expired stream is `missing` for every operation, whether or not it was swept.
 * - The signal of a call ends the waiting: the call rejects with the signal's reason. Whether an aborted write was
 *   stored is then unknown; sending it again with the same producer, epoch and seq tells.
 */
import type { Json } from '../protocol/json.ts'
import type { Offset, Place } from '../protocol/offset.ts'
import type { ForkRefusal, ForkSource } from './forks.ts'
import type { Lease, LeaseRequest, LeaseStore } from './leases.ts'
import type { StreamListing } from './listing.ts'
import type { Retention } from './retention.ts'
import type { Durability, StreamInfo, StreamLimits, StreamRecord } from './stream.ts'
import type { WatchListener, WatchResult } from './watching.ts'

export interface StreamConfig {
  /**
   * A media type. `application/json` and `application/…+json` make a stream of JSON records, any
   * other one of bytes. Compared without parameters and without regard to case. Default
   * `application/json`; of a fork its source's.
   */
  readonly contentType?: string
  /** Who may read it, in the terms of the application. 1 to 512 characters. */
  readonly owner?: string
  /** Milliseconds it lives after its creation, its last append or its last `touch`. Excludes `expiresAt`. */
  readonly ttlMs?: number
  /** When it expires, in milliseconds since 1970. Excludes `ttlMs`. */
  readonly expiresAt?: number
  /** Which of its records are kept; `{}` for all, even if the store has another default. Not compared by `create`. */
  readonly retention?: Retention
  /**
   * The owner's list that it belongs to, see `ListOptions`: 1 to 64 printable ASCII characters without a space. Not
   * compared by `create`.
   */
  readonly listed?: string
  /** Whether it is created closed, with all its records. */
  readonly closed?: boolean
  /** See `AppendRequest`; with `closed` only. Not compared by `create`. */
  readonly end?: Json
  /** What the application keeps with the stream. Not compared by `create`. */
  readonly metadata?: Json
  /** The first records. Not compared by `create`. */
  readonly records?: readonly StreamRecord[]
  /** Takes the lease in the step that creates the stream. Not taken when the stream is there already. */
  readonly lease?: LeaseRequest
  /**
   * Makes it a fork: it begins with the records of another stream up to a point, followed by `records`. Content type
   * and expiry default to the source's; a given content type must match. Nothing else is inherited: a fork is open,
   * has the owner given here, and no lease, metadata or producers.
   */
  readonly from?: ForkSource
}

/** The fields by which `create` compares configurations. */
export type ConfigField = 'contentType' | 'owner' | 'ttlMs' | 'expiresAt' | 'from' | 'closed'

export type CreateResult =
  /** With the lease, when one was asked for. */
  | { readonly outcome: 'created'; readonly info: StreamInfo; readonly lease?: Lease }
  /** It exists, with the same content type, owner, expiry, source and closed state. */
  | { readonly outcome: 'exists'; readonly info: StreamInfo }
  /** It exists and differs in `differs`. `info` may belong to another owner. */
  | { readonly outcome: 'conflict'; readonly info: StreamInfo; readonly differs: ConfigField }
  /** The id belonged to a stream that was deleted or has expired, and of which forks exist. */
  | { readonly outcome: 'retired' }
  /** With `from`: the source cannot be forked like this. */
  | { readonly outcome: 'no-fork'; readonly reason: ForkRefusal }

/**
 * Makes an append safe to repeat. Seq counts appends (not records) from 0 in each epoch; both are integers up to 2^53
 * - 1. A higher epoch permanently excludes lower ones.
 */
export interface Producer {
  /** 1 to 255 printable ASCII characters. */
  readonly id: string
  readonly epoch: number
  readonly seq: number
}

export interface AppendRequest {
  /** Stored in this order, all or none. Optional with `close`, `metadata` or `checkpoint`. */
  readonly records?: readonly StreamRecord[]
  /** Closes the stream after these records, in the same step. */
  readonly close?: boolean
  /**
   * How the stream ended, in the terms of the writer; with `close` only. Stored and told with the close. It is not a
   * record, and the store does not interpret it.
   */
  readonly end?: Json
  /** What the close leaves owed, for `LeaseStore.claim`; only with `close` by the holder of the lease. */
  readonly owes?: Json
  readonly producer?: Producer
  /** If given, it must match the stream's. */
  readonly contentType?: string
  /**
   * The writer's own order (`Stream-Seq`, one per stream): must be above the stream's last one, compared by bytes. 1
   * to 255 printable ASCII characters.
   */
  readonly streamSeq?: string
  /** Replaces the stream's metadata in the same step. */
  readonly metadata?: Json
  /**
   * Replaces the stream's checkpoint in the same step: where the producer continues, always consistent with the
   * records it covers. Cheap enough for every append, because it is stored separately. A close drops it.
   */
  readonly checkpoint?: Json
  /** If given, a stream created anew since then is `missing`. */
  readonly incarnation?: string
  /** If given, nothing is stored unless the tail of the stream is there, so that no append since then is missed. */
  readonly after?: Offset
}

/** The result of an append. Refusals are checked in this order. */
export type AppendResult =
  /** It is durable. `offset` is the place after its last record. */
  | { readonly outcome: 'appended'; readonly offset: Offset; readonly closed: boolean }
  | { readonly outcome: 'missing' }
  /** The stream is closed, at `offset` and with `end`. */
  | { readonly outcome: 'closed'; readonly offset: Offset; readonly end?: Json }
  /** A lease was once taken on the stream, held at present or not: only its holder may write, as `LEASE_PRODUCER`. */
  | { readonly outcome: 'leased' }
  /** The records or the content type of the request do not match the stream. */
  | { readonly outcome: 'content-type'; readonly contentType: string }
  /** A higher epoch has written, or has taken the lease. */
  | { readonly outcome: 'fenced'; readonly epoch: number }
  /** A new epoch must start at seq 0. */
  | { readonly outcome: 'epoch-start'; readonly receivedSeq: number }
  /**
   * It was stored before by this producer; or it closes a closed stream without records and with the same end.
   * `offset` is the tail, `lastSeq` the producer's highest seq, `end` what the stream was closed with.
   */
  | {
      readonly outcome: 'duplicate'
      readonly offset: Offset
      readonly closed: boolean
      readonly end?: Json
      readonly lastSeq?: number
    }
  /** The previous append of this producer is missing. */
  | { readonly outcome: 'gap'; readonly expectedSeq: number; readonly receivedSeq: number }
  /** The tail is at `offset`, not at `after`. */
  | { readonly outcome: 'moved'; readonly offset: Offset }
  /** `streamSeq` is not above `last`. */
  | { readonly outcome: 'stream-seq'; readonly last: string }

export interface ReadOptions {
  /** Most records in the page: 1 to 1,000. Default 1,000. */
  readonly maxRecords?: number
  /** The page ends with the record that reaches this many bytes: 1 to 16 MiB. Default 1 MiB. */
  readonly maxBytes?: number
  /** The expected incarnation: any other is `missing`. So a reader that looked up one stream cannot read another. */
  readonly incarnation?: string
  readonly signal?: AbortSignal
}

/** Consecutive records. */
export interface StreamPage {
  readonly records: readonly StreamRecord[]
  /** As in a `StreamEvent`. */
  readonly json?: Uint8Array | undefined
  /** The place before the first record. */
  readonly from: Offset
  /** The place after the last record: where to read on. */
  readonly next: Offset
  /** Whether `next` was the tail. */
  readonly upToDate: boolean
  /** Whether `next` is the end of a closed stream: there is nothing to wait for. */
  readonly closed: boolean
  /** With `closed`: what the stream was closed with. */
  readonly end?: Json
}

export type ReadResult =
  | ({ readonly outcome: 'page' } & StreamPage)
  | { readonly outcome: 'missing' }
  /**
   * The offset belongs to another history: to another stream, to this one before it was created anew, or to records
   * that the store has lost and replaced.
   */
  | { readonly outcome: 'lost' }
  /** The records after this place were trimmed, up to `first`. */
  | { readonly outcome: 'trimmed'; readonly first: Offset }
  /** The place lies past the tail: it was never issued, or the store has lost records. */
  | { readonly outcome: 'past-end'; readonly tail: Offset }

/** What became of a trim. */
export type TrimResult =
  /** `first` is the place before the first record that is kept: `before`, or a later place of an earlier trim. */
  | { readonly outcome: 'trimmed'; readonly first: Offset }
  | { readonly outcome: 'missing' }
  /** The place belongs to another history: nothing was trimmed. */
  | { readonly outcome: 'lost' }
  /** The place lies past the tail: nothing was trimmed. */
  | { readonly outcome: 'past-end'; readonly tail: Offset }

/** The id of a stream is 1 to 512 printable ASCII characters without a space: the same order everywhere. */
export interface StreamStore extends StreamListing {
  readonly durability: Durability
  /**
   * Where the streams are, such as `sqlite:/srv/data.db`: the same for every store of this process that keeps them
   * there. Without it no other store has them.
   */
  readonly address?: string
  readonly limits: StreamLimits
  readonly leases: LeaseStore

  /** Creates a stream, or finds that it exists. */
  create(id: string, config?: StreamConfig, signal?: AbortSignal): Promise<CreateResult>

  /** Appends records, closes the stream, or both; all of the request or nothing. Resolves when it is durable. */
  append(id: string, request: AppendRequest, signal?: AbortSignal): Promise<AppendResult>

  /** Reads a page of records. Does not move the expiry: see `touch`. */
  read(id: string, after: Place, options?: ReadOptions): Promise<ReadResult>

  /**
   * Tells `listener` of every record after `tail`: once, in order, without gaps, from any process. Appends of this
   * process are told from memory, after they are durable and before they resolve (a little later if another process
   * appended meanwhile, or the store had to reconnect). The first event may come before `watch` resolves. A listener
   * must return at once; an error it throws is logged and affects no other listener. One event holds at most one
   * append or one page; an event of an inbox may hold several appends. The signal also ends the watch. If other
   * processes can append, a watch keeps this process alive.
   */
  watch(id: string, listener: WatchListener, signal?: AbortSignal): Promise<WatchResult>

  /**
   * Describes a stream, without its records. Does not move the expiry. With an `owner` (null for none), a stream of
   * another owner is undefined as well. The owner is checked first, so that the duration does not reveal whether a
   * stream exists.
   */
  head(id: string, signal?: AbortSignal, owner?: string | null): Promise<StreamInfo | undefined>

  /**
   * Whether an id cannot be used because forks exist of its stream, which was deleted or has expired and is `missing`
   * otherwise. With an `owner` (null for none), only ids that belonged to that owner. Tells such an id from a free
   * one.
   */
  isRetired(id: string, signal?: AbortSignal, owner?: string | null): Promise<boolean>

  /**
   * Deletes a stream, its records, its producers and its lease. Forks keep their records, and the id stays taken
   * while they exist: see `isRetired`. False if it was missing or, with an incarnation, was created anew since then.
   * With an incarnation, one that has expired and was not removed yet is deleted as well: else one that was hidden by a
   * clock that jumped would be back later.
   */
  delete(id: string, signal?: AbortSignal, incarnation?: string): Promise<boolean>

  /**
   * Moves the expiry of a stream with `ttlMs` to `ttlMs` from now. To save writes, it may stay if less than a
   * hundredth of `ttlMs` would be gained. False as for `delete`.
   */
  touch(id: string, signal?: AbortSignal, incarnation?: string): Promise<boolean>

  /**
   * Removes the records before a place, from any existing stream: leased, closed, or being read. They are gone for
   * every reader once this resolves; their space may be freed a little later. Positions, stamps, the tail and the
   * producers stay as they are, even if no record is left. A place before the first record changes nothing. With an
   * incarnation, a stream created anew since then is `missing`.
   */
  trim(id: string, before: Place, signal?: AbortSignal, incarnation?: string): Promise<TrimResult>

  /**
   * Whether the store can be reached at present, for `/readyz`. Answers within about a second. A store without this
   * method is always reachable. Rejects with the `StoreError` of a store that cannot work, because its file was
   * removed (`io`) or is damaged (`corrupt`), and with an `UnfitRedisError` where the server can never do: then no
   * application starts.
   */
  check?(signal?: AbortSignal): Promise<boolean>

  /**
   * Removes expired streams and tells their watchers. Call it from a timer. Resolves to the number of removed
   * streams.
   */
  sweep(signal?: AbortSignal): Promise<number>

  /**
   * Closes the store: finishes pending writes, and forgets its watchers. Later calls reject with the `StoreError`
   * `closed`. May be called twice.
   */
  close(): Promise<void>
}
