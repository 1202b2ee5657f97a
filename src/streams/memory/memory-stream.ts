/**
 * One stream in memory: its records, its state and its followers, in one object. With thousands of streams, each
 * append fetches its stream from slow memory, and each further object costs one more wait. So a stream extends its
 * log instead of referring to it.
 */
import type { Offset, Place } from '../../protocol/offset.ts'
import { pageOf } from '../bookkeeping/bookkeeping.ts'
import type { Mutable, ProducerState, StreamState } from '../bookkeeping/stream-state.ts'
import { textsIn } from '../bookkeeping/json-text.ts'
import type { LeaseState } from '../bookkeeping/lease-bookkeeping.ts'
import type { ForkPoint } from '../forks.ts'
import { recordKindOf } from '../bookkeeping/requests.ts'
import type { Producer, ReadResult, TrimResult } from '../store.ts'
import { agedBy, fullFrom, withAppended } from '../bookkeeping/retention.ts'
import type { KeptRetention, AgeSpan } from '../bookkeeping/retention.ts'
import type { WatchedStream } from '../bookkeeping/watchers.ts'
import { decideTrim } from '../bookkeeping/trimming.ts'
import type { ChunkPool } from './chunk-pool.ts'
import type { LogFollower } from './log-follower.ts'
import { RecordLog } from './record-log.ts'

const NO_BYTES: Uint8Array = new Uint8Array()

type Page = Extract<ReadResult, { outcome: 'page' }>

const NO_RETENTION: KeptRetention = { ageMs: undefined, bytes: undefined }

// The fields that an append reads come first, after those of the end of the log.
export class MemoryStream extends RecordLog implements Mutable<StreamState> {
  tail: number
  /**
   * The incarnation, once it has records of its own: an append needs no own stamp, because this log cannot return to
   * an earlier state and continue differently.
   */
  stamp: string
  closed: boolean
  leased: boolean
  /** Whether the followers know that there is something to take. */
  isCalled = false
  /** A linked list through `after`; usually there is one follower. */
  #follower: LogFollower | undefined
  /** Set by the first listener; saves each append a look-up. */
  watched: WatchedStream | undefined
  expiresAt: number | undefined
  readonly retention: KeptRetention | undefined
  readonly listed: string | undefined
  /** Its place on that list; larger is later. */
  listedAt = 0
  ttlMs: number | undefined
  contentType: string
  incarnation: string
  first: number
  firstStamp: string
  streamSeq: string | undefined
  closedWith: string | undefined
  closedBy: Producer | undefined
  checkpoint: string | undefined
  metadata: string | undefined
  owner: string | undefined
  createdAt: number
  lease: LeaseState | undefined
  readonly producers = new Map<string, ProducerState>()
  readonly forkedFrom: ForkPoint | undefined
  /** The source of a fork; `forks` is the number of forks of this stream. */
  source: MemoryStream | undefined
  /** Only used with an age. */
  #spans: readonly AgeSpan[] = []
  forks = 0
  /** For a fork: up to which positions its records have the stamps of other streams, in order. */
  #inherited: readonly { readonly last: number; readonly stamp: string }[] = []

  constructor(state: StreamState, pool: ChunkPool) {
    super(recordKindOf(state.contentType), pool)
    this.tail = state.tail
    this.stamp = state.stamp
    this.closed = state.closed
    this.leased = state.leased
    this.expiresAt = state.expiresAt
    this.retention = state.retention
    this.listed = state.listed
    this.ttlMs = state.ttlMs
    this.contentType = state.contentType
    this.incarnation = state.incarnation
    this.first = state.first
    this.firstStamp = state.firstStamp
    this.streamSeq = state.streamSeq
    this.closedWith = state.closedWith
    this.closedBy = state.closedBy
    this.checkpoint = state.checkpoint
    this.metadata = state.metadata
    this.owner = state.owner
    this.createdAt = state.createdAt
    this.forkedFrom = state.forkedFrom
  }

  /** Makes this a fork. Call it before it has records of its own. */
  forkFrom(source: MemoryStream, position: number): void {
    this.inherit(source, position)
    const before = source.#inherited.filter(({ last }) => last < position)
    this.#inherited = [...before, { last: position, stamp: source.stampAt(position) }]
    this.source = source
  }

  /** The stamp of the record before a position between the first and the tail. */
  stampAt(position: number): string {
    return this.#inherited.find(({ last }) => position <= last)?.stamp ?? this.incarnation
  }

  /** The record of bytes after a position before the tail. */
  recordAt(position: number): Uint8Array {
    return this.read(position, 1, 1).records?.[0] ?? NO_BYTES
  }

  /** The page after a place; see `read` for its limits. */
  page(from: Offset, maxRecords: number, maxBytes: number): Page {
    const { length, json, records } = this.read(from.position, maxRecords, maxBytes)
    const next =
      length === 0 ? from : { position: from.position + length, stamp: this.stampAt(from.position + length) }
    if (records) return pageOf(this, from, next, records)
    let texts: readonly string[] | undefined
    return {
      ...pageOf(this, from, next, []),
      // Created only when read.
      get records() {
        return (texts ??= textsIn(json))
      },
      json,
    }
  }

  /** Notes an applied append of a producer. */
  produce({ id, epoch, seq }: Producer): void {
    this.producers.set(id, { epoch, lastSeq: seq, position: this.tail })
  }

  /** Followers keep the events that they have not taken yet. */
  trimBefore(before: Place): TrimResult {
    const { result, next } = decideTrim(this, before, (position) => this.stampAt(position))
    if (next) this.#trimTo(next)
    return result
  }

  /** Applies the retention after records came from a position on. */
  retain(from: number, now: number): void {
    const { ageMs, bytes } = this.retention ?? NO_RETENTION
    if (ageMs !== undefined) this.#spans = withAppended(this.#spans, from, now, ageMs)
    if (bytes === undefined || this.bytes < fullFrom(bytes)) return
    this.trimBefore({ position: this.positionOfLast(bytes) })
  }

  /** Trims records that are too old, by a trusted clock. */
  trimAged(now: number): void {
    const ageMs = this.retention?.ageMs
    if (ageMs === undefined) return
    const { before, spans } = agedBy(this.#spans, this.tail, now, ageMs)
    this.#spans = spans
    if (before !== undefined) this.trimBefore({ position: before })
  }

  #trimTo({ first, firstStamp }: Pick<StreamState, 'first' | 'firstStamp'>): void {
    for (let follower = this.#follower; follower; follower = follower.after) {
      if (follower.position < first) follower.keep()
    }
    this.first = first
    this.firstStamp = firstStamp
    this.trim(first)
  }

  follow(follower: LogFollower): () => void {
    follower.after = this.#follower
    this.#follower = follower
    this.isCalled = false
    return () => {
      follower.close()
      this.#leave(follower)
    }
  }

  /** Calls the followers: there is something to take. */
  call(): void {
    this.isCalled = true
    // A follower that leaves meanwhile still refers to the next one.
    for (let follower = this.#follower; follower; follower = follower.after) follower.call()
  }

  /** The stream is removed. Followers keep the events that they have not taken yet. */
  end(reason: 'deleted' | 'expired'): void {
    let follower = this.#follower
    this.#follower = undefined
    for (; follower; follower = follower.after) follower.end(reason)
    this.release()
    // Its forks may keep this object for long.
    this.producers.clear()
    this.metadata = this.checkpoint = this.lease = undefined
  }

  /** Forgets all followers. */
  closeFollowers(): void {
    for (let follower = this.#follower; follower; follower = follower.after) follower.close()
  }

  #leave(follower: LogFollower): void {
    if (this.#follower === follower) this.#follower = follower.after
    for (let before = this.#follower; before; before = before.after) {
      if (before.after === follower) before.after = follower.after
    }
  }
}
