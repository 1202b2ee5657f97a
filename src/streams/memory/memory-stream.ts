/**
 * One stream in memory: its records, its state and who follows it, in one object. With thousands of
 * streams each append finds its stream in slow memory, and each object more is one more to wait for:
 * so a stream is its log, and has it not in another place.
 */
import type { Offset, Place } from '../../protocol/offset.ts'
import { pageOf } from '../bookkeeping/bookkeeping.ts'
import type { Mutable, ProducerState, StreamState } from '../bookkeeping/stream-state.ts'
import { textsIn } from '../bookkeeping/json-text.ts'
import type { LeaseState } from '../bookkeeping/lease-bookkeeping.ts'
import type { ForkPoint } from '../forks.ts'
import { kindOf } from '../bookkeeping/requests.ts'
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

// What an append looks at comes first, after the end of the log.
export class MemoryStream extends RecordLog implements Mutable<StreamState> {
  tail: number
  /**
   * The incarnation, once there are records of its own: an append needs no stamp of its own, as this log cannot go back to
   * an earlier state and go on in another way.
   */
  stamp: string
  closed: boolean
  leased: boolean
  /** Whether the followers know that there is something to take. */
  isCalled = false
  /** A list through `after`: nearly always there is one. */
  #follower: LogFollower | undefined
  /** Set by the first listener; spares each append a search. */
  watched: WatchedStream | undefined
  expiresAt: number | undefined
  readonly retention: KeptRetention | undefined
  readonly listed: string | undefined
  /** Its place on that list, the larger the later. */
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
  /** Which it is a fork of, and how many forks of it there are. */
  source: MemoryStream | undefined
  /** With an age alone. */
  #spans: readonly AgeSpan[] = []
  forks = 0
  /** Up to which position its records have the stamps of other streams, in their order. */
  #inherited: readonly { readonly last: number; readonly stamp: string }[] = []

  constructor(state: StreamState, pool: ChunkPool) {
    super(kindOf(state.contentType), pool)
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

  /** Makes it a fork, before it has records of its own. */
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

  /** The page behind a place; see `read` for its limits. */
  page(from: Offset, maxRecords: number, maxBytes: number): Page {
    const { length, json, records } = this.read(from.position, maxRecords, maxBytes)
    const next =
      length === 0 ? from : { position: from.position + length, stamp: this.stampAt(from.position + length) }
    if (records) return pageOf(this, from, next, records)
    let texts: readonly string[] | undefined
    return {
      ...pageOf(this, from, next, []),
      // Made only if somebody looks at them.
      get records() {
        return (texts ??= textsIn(json))
      },
      json,
    }
  }

  /** An append of a producer was applied. */
  produce({ id, epoch, seq }: Producer): void {
    this.producers.set(id, { epoch, lastSeq: seq, position: this.tail })
  }

  /** Its followers have what they did not take yet. */
  trimBefore(before: Place): TrimResult {
    const { result, next } = decideTrim(this, before, (position) => this.stampAt(position))
    if (next) this.#trimTo(next)
    return result
  }

  /** Records came behind a position: of a stream with a retention. */
  retain(from: number, now: number): void {
    const { ageMs, bytes } = this.retention ?? NO_RETENTION
    if (ageMs !== undefined) this.#spans = withAppended(this.#spans, from, now, ageMs)
    if (bytes === undefined || this.bytes < fullFrom(bytes)) return
    this.trimBefore({ position: this.positionOfLast(bytes) })
  }

  /** Trims what is too old, by a clock that is believed. */
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

  /** There is something for the followers to take. */
  call(): void {
    this.isCalled = true
    // Whoever leaves meanwhile still knows who comes after it.
    for (let follower = this.#follower; follower; follower = follower.after) follower.call()
  }

  /** It is no longer there. Its followers have what they did not take yet. */
  end(reason: 'deleted' | 'expired'): void {
    let follower = this.#follower
    this.#follower = undefined
    for (; follower; follower = follower.after) follower.end(reason)
    this.release()
    // Its forks may keep its id for long.
    this.producers.clear()
    this.metadata = this.checkpoint = this.lease = undefined
  }

  /** The store forgets who follows. */
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
