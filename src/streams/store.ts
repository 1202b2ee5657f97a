/**
 * The stream store: append-only logs with offsets. The heart of Millrace.
 *
 * This file is the contract; docs/streams.md holds it as numbered rules, and `millrace/conformance`
 * exports the cases that every store must pass. In short:
 *
 * - A record is kept as the text (or bytes) it came as, and is told to a reader only after it is
 *   durable at the store's level. Positions have no gaps.
 * - What the state of a stream decides is a result with an `outcome`; what no stream could accept
 *   throws a `StreamRequestError`; a store that cannot do its work throws a `StoreError`.
 * - A stream past its time is missing, for every operation, whether or not it was swept.
 * - The signal of a call ends its waiting: it rejects with the signal's reason. Whether an aborted
 *   write was kept is then open; asking again with the same producer, epoch and seq tells.
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
  /** What is kept of its records; `{}` for all, also where the store says otherwise. Not compared by `create`. */
  readonly retention?: Retention
  /** The list of its owner that it is on, see `ListOptions`: 1 to 64 printable ASCII characters without a space. Not compared. */
  readonly listed?: string
  /** Whether it is created closed: whole from the start. */
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
   * Makes it a fork: it begins with what another stream held up to a point, and the records above come behind
   * that. Content type and expiry are the source's unless they are given, and then a content type must match.
   * Nothing else is inherited: a fork is open, of the owner given here, without lease, metadata and producers.
   */
  readonly from?: ForkSource
}

/** What two configurations are compared by. */
export type ConfigField = 'contentType' | 'owner' | 'ttlMs' | 'expiresAt' | 'from' | 'closed'

export type CreateResult =
  /** With the lease, when one was asked for. */
  | { readonly outcome: 'created'; readonly info: StreamInfo; readonly lease?: Lease }
  /** It was there, with the same content type, owner, expiry, source and closed state. */
  | { readonly outcome: 'exists'; readonly info: StreamInfo }
  /** It was there, and differs in `differs`. `info` may be another owner's. */
  | { readonly outcome: 'conflict'; readonly info: StreamInfo; readonly differs: ConfigField }
  /** The id is that of a stream which was deleted or is past its time, and which others that are there were forked from. */
  | { readonly outcome: 'retired' }
  /** With `from`: there is nothing to be forked so. */
  | { readonly outcome: 'no-fork'; readonly reason: ForkRefusal }

/**
 * Makes an append safe to send again. Seq counts appends (not records) from 0 in each epoch; both
 * are integers up to 2^53 - 1. A higher epoch shuts a lower one out for good.
 */
export interface Producer {
  /** 1 to 255 printable ASCII characters. */
  readonly id: string
  readonly epoch: number
  readonly seq: number
}

export interface AppendRequest {
  /** Kept in this order, all or none. May be left out when `close`, `metadata` or `checkpoint` is given. */
  readonly records?: readonly StreamRecord[]
  /** Closes the stream behind these records, in the same step. */
  readonly close?: boolean
  /**
   * How the stream ended, in the terms of whoever closes it; with `close` only. Kept with the close and
   * told with it: it is no record, and the store does not look into it.
   */
  readonly end?: Json
  /** What the close leaves to be done, for `LeaseStore.claim`; with `close` by the holder of the lease only. */
  readonly owes?: Json
  readonly producer?: Producer
  /** When given, it must match that of the stream. */
  readonly contentType?: string
  /**
   * The writer's own order (`Stream-Seq`, one per stream): above the stream's last one, byte by
   * byte. 1 to 255 printable ASCII characters.
   */
  readonly streamSeq?: string
  /** Replaces the stream's metadata in the same step. */
  readonly metadata?: Json
  /**
   * Replaces the stream's checkpoint in the same step: from where whoever fills the stream goes on, which
   * cannot part from the records that it covers. Cheap enough for every append: it is kept apart, and
   * nothing else is written again with it. A close drops it.
   */
  readonly checkpoint?: Json
  /** When given, a stream that was created anew since then is `missing`. */
  readonly incarnation?: string
  /** When given, nothing is kept unless the stream's tail is there: nobody has appended since it was read. */
  readonly after?: Offset
}

/** What became of an append. The refusals are looked for in the order in which they stand here. */
export type AppendResult =
  /** It is durable. `offset` is the place after its last record. */
  | { readonly outcome: 'appended'; readonly offset: Offset; readonly closed: boolean }
  | { readonly outcome: 'missing' }
  /** The stream is closed, behind `offset` and with `end`. */
  | { readonly outcome: 'closed'; readonly offset: Offset; readonly end?: Json }
  /** A lease was taken on the stream, be it held at present or not: only its holder writes, as `LEASE_PRODUCER`. */
  | { readonly outcome: 'leased' }
  /** The records, or the content type of the request, are not those of the stream. */
  | { readonly outcome: 'content-type'; readonly contentType: string }
  /** A higher epoch has written, or has taken the lease. */
  | { readonly outcome: 'fenced'; readonly epoch: number }
  /** A new epoch must start at seq 0. */
  | { readonly outcome: 'epoch-start'; readonly receivedSeq: number }
  /**
   * It was kept before: by this producer, or it closes without records, and with no other end, what is
   * closed. `offset` is the tail, `lastSeq` the producer's highest seq, `end` what it is closed with.
   */
  | {
      readonly outcome: 'duplicate'
      readonly offset: Offset
      readonly closed: boolean
      readonly end?: Json
      readonly lastSeq?: number
    }
  /** The append before this one is missing. */
  | { readonly outcome: 'gap'; readonly expectedSeq: number; readonly receivedSeq: number }
  /** The tail is not at `after`, but at `offset`. */
  | { readonly outcome: 'moved'; readonly offset: Offset }
  /** `streamSeq` is not above `last`. */
  | { readonly outcome: 'stream-seq'; readonly last: string }

export interface ReadOptions {
  /** Records in the page, at most: 1 to 1,000. Default 1,000. */
  readonly maxRecords?: number
  /** The page ends with the record that reaches this many bytes: 1 to 16 MiB. Default 1 MiB. */
  readonly maxBytes?: number
  /** What the stream's incarnation has to be: any other is `missing`. Who looked at one stream reads no other. */
  readonly incarnation?: string
  readonly signal?: AbortSignal
}

/** Records that follow each other. */
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
   * The offset is of another history: of another stream, of this one before it was created anew, or of records
   * that the store has lost, in whose place are others now.
   */
  | { readonly outcome: 'lost' }
  /** The records after this place were trimmed, up to `first`: whoever has seen none of them goes on from there. */
  | { readonly outcome: 'trimmed'; readonly first: Offset }
  /** A place past the tail: it was never given out, or the store has lost records that were. */
  | { readonly outcome: 'past-end'; readonly tail: Offset }

/** What became of a trim. */
export type TrimResult =
  /** `first` is the place before the first record that is kept: `before`, or one further on that was trimmed to earlier. */
  | { readonly outcome: 'trimmed'; readonly first: Offset }
  | { readonly outcome: 'missing' }
  /** The place is of another history: nothing was trimmed. */
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

  /** Creates a stream, or finds that it is there. */
  create(id: string, config?: StreamConfig, signal?: AbortSignal): Promise<CreateResult>

  /** Appends records, or closes, or both; all of the request or nothing. Resolves when it is durable. */
  append(id: string, request: AppendRequest, signal?: AbortSignal): Promise<AppendResult>

  /** Reads a page of records. Does not move the expiry: see `touch`. */
  read(id: string, after: Place, options?: ReadOptions): Promise<ReadResult>

  /**
   * Tells `listener` of every record after `tail`: once, in order, without gaps, whichever process
   * appended it. What this process appends is told from memory, when it is durable and before its
   * append resolves (a little later when another process appended to the same stream meanwhile, or when
   * the store had to connect anew). The first event may come before `watch` resolves. A listener returns at
   * once; what it throws is logged and harms nobody else. One event holds what one append or one page may hold;
   * those of an inbox hold what several appends did. The signal, too, ends the watch. Where other processes can
   * append, a watch keeps this one alive.
   */
  watch(id: string, listener: WatchListener, signal?: AbortSignal): Promise<WatchResult>

  /**
   * What is known of a stream, without its records. Does not move the expiry. With an `owner`, null for
   * none, it is undefined for the stream of another as well, and found so before anything else of it is
   * looked at: how long it takes must not tell a stranger that there is one.
   */
  head(id: string, signal?: AbortSignal, owner?: string | null): Promise<StreamInfo | undefined>

  /**
   * Whether an id is kept from being used again, as forks are there of the stream that had it: that was deleted or
   * is past its time, and is missing to everything else. With an `owner`, null for none, only what was that
   * owner's. For whoever has to tell such an id from one that is free.
   */
  isRetired(id: string, signal?: AbortSignal, owner?: string | null): Promise<boolean>

  /**
   * Deletes a stream, its records, its producers and its lease. Forks keep what they have of it, and its id stays
   * taken while there are any: see `isRetired`. False when it was missing, and, with an
   * incarnation, when it was created anew since then: who looked at one stream deletes no other.
   */
  delete(id: string, signal?: AbortSignal, incarnation?: string): Promise<boolean>

  /**
   * Moves the expiry of a stream with `ttlMs` to `ttlMs` from now. To spare writes it may stay where it
   * is while less than a hundredth of `ttlMs` would be gained. False as for `delete`.
   */
  touch(id: string, signal?: AbortSignal, incarnation?: string): Promise<boolean>

  /**
   * Removes the records before a place, on any stream that is there: leased, closed, or being read. They are
   * gone for every reader once this resolves, though their room may be given back a little later. Positions,
   * stamps, the tail and what is known of producers stay as they are, also when no record is left: nothing
   * is counted anew. Before what was trimmed already, it changes nothing. With an incarnation a stream that
   * was created anew since then is `missing`.
   */
  trim(id: string, before: Place, signal?: AbortSignal, incarnation?: string): Promise<TrimResult>

  /**
   * Whether the store can be reached at present, found out within a second or so: for `/readyz`. Without it a store
   * always can. Rejects with the `StoreError` of one that cannot work, as its file was removed (`io`) or is damaged
   * (`corrupt`), and with an `UnfitRedisError` where the server can never do: then no application starts.
   */
  check?(signal?: AbortSignal): Promise<boolean>

  /** Removes the streams past their time and tells their watchers. For a timer to call. How many. */
  sweep(signal?: AbortSignal): Promise<number>

  /**
   * Ends the store: finishes the writes it has taken on, and forgets its watchers. Later calls
   * reject with the `StoreError` `closed`. May be called twice.
   */
  close(): Promise<void>
}
