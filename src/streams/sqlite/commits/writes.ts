/**
 * The writes to the tables, each within the transaction of a group commit, and the events to tell once it is durable.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Offset, Place } from '../../../protocol/offset.ts'
import { applyAppend, newState, refusalOf } from '../../bookkeeping/bookkeeping.ts'
import { endAfter, endMember, infoOf, tailOf } from '../../bookkeeping/stream-state.ts'
import type { StreamState } from '../../bookkeeping/stream-state.ts'
import { newIncarnation, Stamps } from '../../incarnation.ts'
import { afterClose, leaseOf, newLease, OWED_KEPT_MS } from '../../bookkeeping/lease-bookkeeping.ts'
import { LEASE_PRODUCER } from '../../leases.ts'
import { configDifference } from '../../bookkeeping/configurations.ts'
import type { CheckedConfig, CheckedFork } from '../../bookkeeping/configurations.ts'
import { decideFork, forkState } from '../../bookkeeping/fork-bookkeeping.ts'
import type { ForkRefusal } from '../../forks.ts'
import type { CheckedAppend } from '../../bookkeeping/requests.ts'
import type { AppendResult, CreateResult, TrimResult } from '../../store.ts'
import type { StreamRecord } from '../../stream.ts'
import type { StreamEvent } from '../../watching.ts'
import { agedBy } from '../../bookkeeping/retention.ts'
import type { KeptRetention } from '../../bookkeeping/retention.ts'
import { decideTrim } from '../../bookkeeping/trimming.ts'
import type { ChangeLog } from '../following/change-log.ts'
import type { FollowerTable } from '../tables/follower-table.ts'
import type { ForkTable, StoredFork } from '../tables/fork-table.ts'
import type { LeaseTable } from '../tables/lease-table.ts'
import type { ListTable } from '../tables/list-table.ts'
import type { RecordTable } from '../tables/record-table.ts'
import { RetentionTable } from '../tables/retention-table.ts'
import type { StreamTable } from '../tables/stream-table.ts'
import type { StoredStream } from '../tables/stored-stream.ts'
import type { Tables } from '../tables/tables.ts'

export interface PendingEvent {
  readonly id: string
  readonly incarnation: string
  readonly event: StreamEvent
}

/** How long an expired lease no longer keeps its stream, as a live holder would have renewed it. */
const OVER = `streams WHERE expires_at <= ? AND NOT EXISTS (SELECT 1 FROM leases
  WHERE leases.stream = streams.key AND leases.expires_at + iif(owes IS NULL, 0, ${OWED_KEPT_MS}) > ?) LIMIT ?`

/** Streams removed in one transaction of a sweep. */
export const SWEEP_SLICE = 100

export class StreamWrites {
  readonly #streams: StreamTable
  readonly #records: RecordTable
  readonly #forks: ForkTable
  readonly #leases: LeaseTable
  readonly #lists: ListTable
  readonly #changes: ChangeLog
  readonly #followers: FollowerTable
  readonly #bringIn: StatementSync
  readonly #retention: RetentionTable
  readonly #isWatched: (id: string) => boolean
  readonly #stamps = new Stamps()
  #hasTrimmed = false
  #events: PendingEvent[] = []
  /** When something was last written or swept; tells how far ahead an expiry may be. Undefined: unknown. */
  #latest = Number.POSITIVE_INFINITY

  /** @param isWatched whether a stream has watchers. */
  constructor(db: DatabaseSync, tables: Tables, isWatched: (id: string) => boolean) {
    this.#isWatched = isWatched
    this.#streams = tables.streams
    this.#records = tables.records
    this.#forks = tables.forks
    this.#leases = tables.leases
    this.#lists = tables.lists
    this.#changes = tables.changes
    this.#followers = tables.followers
    this.#retention = new RetentionTable(db)
    this.#bringIn = db.prepare(
      'UPDATE streams SET expires_at = :now + ttl_ms WHERE ttl_ms IS NOT NULL AND expires_at > :now + ttl_ms',
    )
  }

  create(id: string, config: CheckedConfig | CheckedFork, now: number): CreateResult {
    const there = this.#streams.alive(id, now)
    if (there) {
      const info = infoOf(id, there.state)
      const differs = configDifference(there.state, config)
      return differs ? { outcome: 'conflict', info, differs } : { outcome: 'exists', info }
    }
    if (this.retired(id, now)) return { outcome: 'retired' }
    const made = config.from ? this.#decideFork(config, now) : config
    if (typeof made === 'string') return { outcome: 'no-fork', reason: made }
    const over = this.#streams.find(id)
    if (over) this.#remove(over, 'expired')
    else this.#forks.take(id)
    this.#note(now)
    const [incarnation, stamp] = [newIncarnation(), this.#stamps.next()]
    const state =
      'point' in made ? forkState(made, incarnation, stamp, now) : newState(made, incarnation, stamp, now)
    const stream = this.#streams.insert(id, state)
    if ('point' in made) this.#forks.insert(stream, made)
    const { records } = 'point' in made ? made.config : made
    this.#records.insert(stream, state.tail - records.length, records, this.#stamps.number)
    if (state.retention) this.#retention.begin(stream.key, state.retention, state.first, state.tail, now)
    if (state.listed !== undefined) this.#lists.insert(stream.key, state.owner, state.listed)
    const info = infoOf(id, state)
    if (!config.lease) return { outcome: 'created', info }
    const lease = newLease(config.lease, 1, now)
    this.#leases.save(stream.key, lease)
    this.#streams.saveProducer(stream, LEASE_PRODUCER, {
      epoch: lease.epoch,
      lastSeq: -1,
      position: state.tail,
    })
    return { outcome: 'created', info, lease: leaseOf(id, state, lease) }
  }

  append(id: string, request: CheckedAppend, now: number): AppendResult {
    const { producer, records, close } = request
    const stream = this.#streams.alive(id, now)
    if (!stream) return { outcome: 'missing' }
    const { state } = stream
    const known = producer && this.#streams.producer(stream, producer.id)
    const refusal = refusalOf(state, known, request)
    if (refusal) return refusal
    this.#note(now)
    const { tail, stamp, expiresAt, checkpoint } = state
    const next = this.#stamps.next()
    this.#records.insert(stream, tail, records, this.#stamps.number)
    const result = applyAppend(state, request, next, now)
    if (
      close ||
      state.expiresAt !== expiresAt ||
      request.metadata !== undefined ||
      request.streamSeq !== undefined
    )
      this.#streams.save(stream)
    if (state.checkpoint !== checkpoint) this.#streams.saveCheckpoint(stream)
    if (producer) this.#streams.produced(stream, known, producer)
    if (close) this.#endLease(stream, request.owes)
    if (records.length > 0) this.#added(stream, tail, request.bytes, now)
    if (close || records.length > 0) this.#changes.note(stream.key)
    if ((close || records.length > 0) && this.#isWatched(id))
      this.#tell(stream, { position: tail, stamp }, records)
    return result
  }

  /** Applies the retention after records came from a position on. */
  #added(stream: StoredStream, from: number, bytes: number, now: number): void {
    const { listed, owner, retention } = stream.state
    if (listed !== undefined) this.#lists.move(stream.key, owner, listed)
    if (retention) this.#retain(stream, retention, from, bytes, now)
  }

  /** Notes the event of records after a place, or of a close. No watch begins before it is told. */
  #tell({ id, state }: StoredStream, from: Offset, records: readonly StreamRecord[]): void {
    const { incarnation, closed } = state
    const { end } = endMember(state.closedWith)
    const event: StreamEvent = { type: 'append', from, next: tailOf(state), records, closed, end }
    this.#events.push({ id, incarnation, event })
  }

  /** Ends the lease with the close, unless something is owed. */
  #endLease({ key }: StoredStream, owes: string | undefined): void {
    const lease = afterClose(owes === undefined ? undefined : this.#leases.find(key), owes)
    if (lease) this.#leases.save(key, lease)
    else this.#leases.delete(key)
  }

  delete(id: string, now: number, incarnation?: string): boolean {
    const stream = incarnation === undefined ? this.#streams.alive(id, now) : this.#streams.find(id)
    if (!stream || (incarnation !== undefined && incarnation !== stream.state.incarnation)) return false
    this.#remove(stream, 'deleted')
    return true
  }

  touch(id: string, now: number, incarnation?: string): boolean {
    const stream = this.#streams.alive(id, now, incarnation)
    this.#note(now)
    if (!stream) return false
    const expiresAt = endAfter(stream.state, now)
    if (expiresAt === stream.state.expiresAt) return true
    stream.state.expiresAt = expiresAt
    this.#streams.save(stream)
    return true
  }

  /** Records before the place are gone for every reader; the collector frees their space. */
  trim(id: string, before: Place, now: number, incarnation?: string): TrimResult {
    const stream = this.#streams.alive(id, now, incarnation)
    if (!stream) return { outcome: 'missing' }
    const stampAt = (position: number): string => this.#records.stampAt(stream, position)
    const { result, next } = decideTrim(stream.state, before, stampAt)
    if (next) this.#trimTo(stream, next)
    return result
  }

  #retain(stream: StoredStream, retention: KeptRetention, from: number, bytes: number, now: number): void {
    const { key, state } = stream
    const excess = this.#retention.appended(key, retention, from, bytes, now)
    if (excess > 0) this.#trimAt(stream, this.#retention.placeBehind(key, state.first, state.tail, excess))
  }

  #trimAt(stream: StoredStream, position: number): void {
    const { next } = decideTrim(stream.state, { position }, (at) => this.#records.stampAt(stream, at))
    if (next) this.#trimTo(stream, next)
  }

  #trimTo(stream: StoredStream, next: Pick<StreamState, 'first' | 'firstStamp'>): void {
    if (stream.state.retention) this.#retention.trimmed(stream.key, stream.state.first, next.first)
    this.#streams.trim(stream, next)
    this.#hasTrimmed = true
  }

  /** Whether records were trimmed since the last call, so that there is something to collect. */
  takeTrimmed(): boolean {
    const had = this.#hasTrimmed
    this.#hasTrimmed = false
    return had
  }

  /** Trims a slice of records that are too old, by a trusted clock. Returns how many streams were checked. */
  trimAged(now: number): number {
    const due = this.#retention.due(now, SWEEP_SLICE)
    for (const id of due) {
      const stream = this.#streams.find(id)
      const ageMs = stream?.state.retention?.ageMs
      if (!stream || ageMs === undefined) continue
      const aged = agedBy(this.#retention.spans(stream.key), stream.state.tail, now, ageMs)
      this.#retention.save(stream.key, aged)
      if (aged.before !== undefined) this.#trimAt(stream, aged.before)
    }
    return due.length
  }

  /** Removes a slice of expired streams, if allowed. Returns how many. */
  sweep(now: number, removes: boolean): number {
    // Scans every stream: only after the clock went back, possibly before this process began.
    if (now < this.#latest) {
      this.#bringIn.run({ now })
      this.#retention.bringIn(now)
      this.#streams.forget()
    }
    this.#latest = now
    this.#followers.sweep(now)
    if (!removes) return 0
    const over = this.#streams.select(OVER, now, now, SWEEP_SLICE)
    for (const { id } of over) {
      const stream = this.#streams.find(id)
      if (stream) this.#remove(stream, 'expired')
    }
    return over.length
  }

  /** A stream that is gone or expired, and of which forks exist. */
  retired(id: string, now: number): { readonly owner: string | undefined } | undefined {
    const stream = this.#streams.find(id)
    if (!stream) return this.#forks.retired(id)
    const isOver = !this.#streams.alive(id, now)
    return isOver && this.#forks.heldUpTo(stream.key) !== undefined ? stream.state : undefined
  }

  #decideFork(config: CheckedFork, now: number): StoredFork | ForkRefusal {
    const source = this.#streams.alive(config.from.id, now)
    if (!source) return this.retired(config.from.id, now) ? 'retired' : 'missing'
    const fork = decideFork(source.state, config, {
      stampAt: (position) => this.#records.stampAt(source, position),
      recordAt: (position) => this.#records.recordAt(source, position),
    })
    return typeof fork === 'string' ? fork : { ...fork, key: source.key }
  }

  /** The events of the writes since the last call. */
  takeEvents(): readonly PendingEvent[] {
    const events = this.#events
    this.#events = []
    return events
  }

  /** To be called at the end of each transaction, within it. */
  finish(): void {
    this.#changes.write()
  }

  /** To be called when a transaction did not happen. */
  forget(): void {
    this.#events = []
    this.#changes.forget()
    this.#latest = Number.POSITIVE_INFINITY
  }

  #note(now: number): void {
    if (now > this.#latest) this.#latest = now
  }

  #remove(stream: StoredStream, reason: 'deleted' | 'expired'): void {
    this.#streams.remove(stream)
    if (stream.state.retention) this.#retention.delete(stream.key)
    if (stream.state.listed !== undefined) this.#lists.delete(stream.key)
    this.#forks.leave(stream)
    const { key, id, state } = stream
    this.#changes.note(key)
    if (this.#isWatched(id))
      this.#events.push({ id, incarnation: state.incarnation, event: { type: 'gone', reason } })
  }
}
