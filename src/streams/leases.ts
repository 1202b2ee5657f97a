/**
 * Leases: which process fills a stream.
 *
 * From the first lease on, whoever holds the latest is the only writer of the stream: the log refuses
 * the appends, closes and metadata of everybody else as `leased`, also while nobody holds it. Whoever
 * has to write takes the lease first. Reading, touching and deleting need none.
 *
 * A lease is held on one stream by one holder for a time, and is renewed while the holder lives.
 * Taking it raises the epoch of the stream's own producer, `LEASE_PRODUCER`, in the same step: from
 * then on the log refuses every append of an earlier holder as `fenced`, whether or not that
 * holder knows that its time is over. The epoch of the lease is the epoch to append with, and each
 * epoch counts its appends from seq 0.
 *
 * An expired lease that nobody took still belongs to its holder: it can be renewed, and its appends
 * are accepted. Only a takeover ends it, or a hand-over, or the closing of the stream.
 *
 * A close may leave something owed, such as to tell somebody of the end. Its lease then stays as it is, and is
 * listed when it is over like that of an open stream: whoever claims it does what is owed, and settles it.
 */
import type { Json } from '../protocol/json.ts'
import type { Offset } from '../protocol/offset.ts'
import type { StreamInfo } from './stream.ts'

/**
 * The producer that whoever holds a stream's lease appends as. Only `acquire`, and a create that
 * asks for a lease, raise its epoch. A door to the outside must refuse this id.
 */
export const LEASE_PRODUCER = '@lease'

/** Who wants a lease, and for how long. */
export interface LeaseRequest {
  /** Names the process, or a worker in it; drawn anew at each start. 1 to 255 printable ASCII characters. */
  readonly holder: string
  /** Milliseconds until the lease may be taken over, unless it is renewed. */
  readonly ttlMs: number
}

export interface Lease extends LeaseRequest {
  /** As in a request; 0 for one that was handed over. */
  readonly ttlMs: number
  /** The stream's id. */
  readonly stream: string
  /** The incarnation of the stream: a lease does not outlive it. */
  readonly incarnation: string
  /** From 1, one more at each acquisition. */
  readonly epoch: number
  /** Milliseconds since 1970, by the clock of the store. */
  readonly expiresAt: number
  /** Of a closed stream that owes something. */
  readonly owed?: true
}

export type AcquireResult =
  /** It is yours. `info` is the stream as it was in that very step: nobody before you appends after it. */
  | { readonly outcome: 'acquired'; readonly lease: Lease; readonly info: StreamInfo }
  /** Somebody holds it, and its time is not over. The asking holder gets no second one. */
  | { readonly outcome: 'held'; readonly lease: Lease }
  /** The stream is closed: there is nothing to fill. */
  | { readonly outcome: 'closed'; readonly offset: Offset }
  | { readonly outcome: 'missing' }

export type RenewResult =
  | { readonly outcome: 'renewed'; readonly lease: Lease }
  /** Taken over, handed over, or the stream is closed or gone. Stop what you do for it. */
  | { readonly outcome: 'lost' }

export type ClaimResult =
  /** It is yours to do. `info` is the stream, closed, and `owes` what was given with its close. */
  | { readonly outcome: 'claimed'; readonly lease: Lease; readonly info: StreamInfo; readonly owes: Json }
  /** Somebody else is at it, it was settled, or the stream is gone. */
  | { readonly outcome: 'lost' }

/** A page of the leases whose time is over. */
export interface ExpiredOptions {
  /** 1 to 1,000. Default 100. */
  readonly limit?: number
  /** Leases that come after this one in the order of the list, whatever became of it since: the last of the page before. */
  readonly after?: Pick<Lease, 'expiresAt' | 'stream'>
  readonly signal?: AbortSignal
}

/** The rules are in docs/streams.md. Errors are those of the store. */
export interface LeaseStore {
  /** Takes the lease of an open stream, unless somebody holds it and its time is not over. */
  acquire(stream: string, request: LeaseRequest, signal?: AbortSignal): Promise<AcquireResult>

  /** Holds a lease for another `ttlMs` from now. */
  renew(lease: Lease, signal?: AbortSignal): Promise<RenewResult>

  /**
   * Ends the time of a lease at once, for others to go on with: whoever asks first gets it, and it is listed
   * among those that are over, with a `ttlMs` of 0. It cannot be renewed any more, not by a renewal under
   * way either. False when it was lost already.
   */
  handOver(lease: Lease, signal?: AbortSignal): Promise<boolean>

  /**
   * Takes the lease of a closed stream that owes something, once its time is over, as `acquire` does that of an open
   * one; of the incarnation that is named alone. While it is held nobody else does what is owed, and when it is over,
   * whoever looks next does: so a lease that is renewed for longer puts off the next attempt.
   */
  claim(
    owed: Pick<Lease, 'stream' | 'incarnation'>,
    request: LeaseRequest,
    signal?: AbortSignal,
  ): Promise<ClaimResult>

  /**
   * Says that what a closed stream owed is done: it is listed no more, and its lease is no more. Who closed it does so
   * with the lease that it wrote under, others with the one that they claimed. False when it was lost already.
   *
   * @param left what is still owed, in place of what was: the lease stays then as it is.
   */
  settle(lease: Lease, left?: Json, signal?: AbortSignal): Promise<boolean>

  /**
   * The leases whose time is over, the longest over first, and those that ended together in the order of
   * their streams' ids: what to take over. Fewer than `limit` are the last ones. A lease that cannot be
   * looked at, as it is damaged or its server is away, is left out while others can.
   *
   * A lease that has longer to go than its own length was written before the clock went back; it is
   * cut to its length from now. So a clock that jumps back delays a takeover by one length at most,
   * never by the jump.
   */
  expired(options?: ExpiredOptions): Promise<readonly Lease[]>
}
