/**
 * Leases decide which process fills a stream.
 *
 * After the first lease, only the holder of the latest one may write to the stream: the log refuses appends, closes
 * and metadata of others as `leased`, even while no process holds the lease. To write, take the lease first. Reading,
 * touching and deleting need none.
 *
 * A lease is held on one stream by one holder for a time, and renewed while the holder lives. Taking it raises the
 * epoch of the stream's own producer, `LEASE_PRODUCER`, in the same step. From then on the log refuses every append
 * of an earlier holder as `fenced`, whether or not that holder knows that it lost the lease. Append with the epoch of
 * the lease; each epoch counts its appends from seq 0.
 *
 * An expired lease that no process took over still belongs to its holder: it can be renewed, and its appends are
 * accepted. Only a takeover, a hand-over or the close of the stream ends it.
 *
 * A close may leave something owed, such as reporting the end. The lease then stays, and is listed when it expires
 * like that of an open stream: a process claims it, does what is owed, and settles it.
 */
import type { Json } from '../protocol/json.ts'
import type { Offset } from '../protocol/offset.ts'
import type { StreamInfo } from './stream.ts'

/**
 * The producer id of the holder of a lease. Only `acquire`, and a `create` with a lease, raise its epoch. Endpoints
 * must refuse this id.
 */
export const LEASE_PRODUCER = '@lease'

/** The holder and length of a requested lease. */
export interface LeaseRequest {
  /** Names the process or worker; drawn anew at each start. 1 to 255 printable ASCII characters. */
  readonly holder: string
  /** Milliseconds until the lease can be taken over, unless it is renewed. */
  readonly ttlMs: number
}

export interface Lease extends LeaseRequest {
  /** As in the request; 0 for a lease that was handed over. */
  readonly ttlMs: number
  /** The stream's id. */
  readonly stream: string
  /** The incarnation of the stream: a lease does not outlive it. */
  readonly incarnation: string
  /** From 1, incremented at each acquisition. */
  readonly epoch: number
  /** Milliseconds since 1970, by the clock of the store. */
  readonly expiresAt: number
  /** Set for a closed stream that owes something. */
  readonly owed?: true
}

export type AcquireResult =
  /** The caller holds the lease. `info` is the stream in that step: no earlier holder can append after it. */
  | { readonly outcome: 'acquired'; readonly lease: Lease; readonly info: StreamInfo }
  /** A holder has it, and it has not expired. This holds even if the caller is that holder. */
  | { readonly outcome: 'held'; readonly lease: Lease }
  /** The stream is closed. */
  | { readonly outcome: 'closed'; readonly offset: Offset }
  | { readonly outcome: 'missing' }

export type RenewResult =
  | { readonly outcome: 'renewed'; readonly lease: Lease }
  /** It was taken over or handed over, or the stream is closed or gone. Stop the work. */
  | { readonly outcome: 'lost' }

export type ClaimResult =
  /** The caller must do it. `info` is the closed stream, and `owes` what was given with its close. */
  | { readonly outcome: 'claimed'; readonly lease: Lease; readonly info: StreamInfo; readonly owes: Json }
  /** Another process does it, it was settled, or the stream is gone. */
  | { readonly outcome: 'lost' }

/** Options for a page of expired leases. */
export interface ExpiredOptions {
  /** 1 to 1,000. Default 100. */
  readonly limit?: number
  /**
   * The last lease of the previous page; those after it in the order of the list follow, whatever became of it since.
   */
  readonly after?: Pick<Lease, 'expiresAt' | 'stream'>
  readonly signal?: AbortSignal
}

/** The rules are in docs/streams.md. Errors are those of the store. */
export interface LeaseStore {
  /** Takes the lease of an open stream, unless it is held and has not expired. */
  acquire(stream: string, request: LeaseRequest, signal?: AbortSignal): Promise<AcquireResult>

  /** Holds a lease for another `ttlMs` from now. */
  renew(lease: Lease, signal?: AbortSignal): Promise<RenewResult>

  /**
   * Expires a lease at once, for another process to continue: the first to ask gets it, and it is listed as expired,
   * with a `ttlMs` of 0. It can no longer be renewed, not even by a renewal in progress. False if it was lost
   * already.
   */
  handOver(lease: Lease, signal?: AbortSignal): Promise<boolean>

  /**
   * Takes the expired lease of a closed stream that owes something, as `acquire` does for an open one; only of the
   * given incarnation. While it is held, no other process does what is owed; when it expires, the next one that looks
   * does. So renewing it for longer postpones the next attempt.
   */
  claim(
    owed: Pick<Lease, 'stream' | 'incarnation'>,
    request: LeaseRequest,
    signal?: AbortSignal,
  ): Promise<ClaimResult>

  /**
   * Says that what a closed stream owed is done: its lease ends and is no longer listed. The process that closed it
   * uses the lease it wrote under, others the one they claimed. False if it was lost already.
   *
   * @param left what is still owed; the lease then stays.
   */
  settle(lease: Lease, left?: Json, signal?: AbortSignal): Promise<boolean>

  /**
   * The expired leases, earliest expiry first, then by stream id: what to take over. A page shorter than `limit` is
   * the last. A lease that cannot be read, because it is damaged or its server is unavailable, is left out as long as
   * others can be read.
   *
   * A lease that expires later than its own length from now was written before the clock went back; it is cut to its
   * length. So a clock that jumps back delays a takeover by at most one length, never by the jump.
   */
  expired(options?: ExpiredOptions): Promise<readonly Lease[]>
}
