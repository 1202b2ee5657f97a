/**
 * Streams and their producers as rows, and a cache of what was read of them.
 *
 * The cache holds what this process's last transaction left. It is dropped when another process has
 * written (`PRAGMA data_version`, asked at the start of each transaction) and when one of our own
 * was rolled back, so that within a transaction it always equals the tables.
 */
import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite'
import { isAlive } from '../../bookkeeping/stream-state.ts'
import type { Mutable, ProducerState, StreamState } from '../../bookkeeping/stream-state.ts'
import { LEASE_PRODUCER } from '../../leases.ts'
import { excessOf } from '../../bookkeeping/known-producers.ts'
import type { Producer } from '../../store.ts'
import type { StreamLimits } from '../../stream.ts'
import type { StoredStream } from './stored-stream.ts'
import { ProducerTable } from './producer-table.ts'
import { changingColumns, COLUMNS, stateOf } from './stream-row.ts'

/** Streams in the cache; beyond it, it starts anew. A few kB each at most, a few hundred bytes as a rule. */
const MAX_CACHED = 5000
/** Producers of one stream in the cache. */
const MAX_PRODUCERS = 100

/** SQL: whether a stream has not expired at `?`, or its lease is held. */
export const ALIVE: string = `(expires_at IS NULL OR expires_at > ?
  OR EXISTS (SELECT 1 FROM leases WHERE leases.stream = streams.key))`

export class StreamTable {
  readonly #db: DatabaseSync
  readonly #maxProducers: number
  readonly #check: () => void
  readonly #cache = new Map<string, StoredStream>()
  readonly #lists = new Map<string, StatementSync>()
  readonly #dataVersion: StatementSync
  readonly #select: StatementSync
  readonly #selectOwned: StatementSync
  readonly #selectCount: StatementSync
  readonly #insert: StatementSync
  readonly #update: StatementSync
  readonly #upsertCheckpoint: StatementSync
  readonly #deleteCheckpoint: StatementSync
  readonly #selectLease: StatementSync
  readonly #producers: ProducerTable
  readonly #lease: StatementSync
  readonly #trim: StatementSync
  readonly #noteTrimmed: StatementSync
  #seenVersion: SQLOutputValue | undefined

  /** @param check may refuse what another process did to the file: one of a newer version may have brought it over. */
  constructor(db: DatabaseSync, limits: Pick<StreamLimits, 'producers'>, check: () => void = () => {}) {
    this.#db = db
    this.#maxProducers = limits.producers
    this.#check = check
    this.#producers = new ProducerTable(db)
    this.#dataVersion = db.prepare('PRAGMA data_version')
    this.#select = db.prepare(`SELECT ${COLUMNS} FROM streams WHERE id = ?`)
    this.#selectOwned = db.prepare('SELECT 1 FROM streams WHERE id = ? AND owner IS ?')
    this.#selectCount = db.prepare('SELECT streams FROM owners WHERE owner = ?')
    this.#insert = db.prepare(`INSERT INTO streams (id, incarnation, content_type, owner, created_at, ttl_ms,
      expires_at, metadata, closed, closed_by, closed_with, stream_seq, leased, first, first_stamp)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
    this.#update = db.prepare(`UPDATE streams SET expires_at = ?, metadata = ?, closed = ?, closed_by = ?,
      closed_with = ?, stream_seq = ? WHERE key = ?`)
    this.#upsertCheckpoint = db.prepare(`INSERT INTO checkpoints (stream, data) VALUES (?, ?)
      ON CONFLICT DO UPDATE SET data = excluded.data`)
    this.#deleteCheckpoint = db.prepare('DELETE FROM checkpoints WHERE stream = ?')
    this.#selectLease = db.prepare('SELECT 1 FROM leases WHERE stream = ?')
    this.#lease = db.prepare('UPDATE streams SET leased = 1 WHERE key = ?')
    this.#trim = db.prepare('UPDATE streams SET first = ?, first_stamp = ? WHERE key = ?')
    this.#noteTrimmed = db.prepare('INSERT OR IGNORE INTO trimmed (stream) VALUES (?)')
  }

  /** Changes when another process has committed, and never by what this one does. */
  dataVersion(): SQLOutputValue | undefined {
    return this.#dataVersion.get()?.['data_version']
  }

  /** To be called at the start of each transaction: drops what another process may have changed. */
  refresh(): void {
    const version = this.dataVersion()
    if (version !== this.#seenVersion) {
      this.forget()
      this.#check()
    }
    this.#seenVersion = version
  }

  /** To be called when a transaction did not happen. */
  forget(): void {
    this.#cache.clear()
  }

  find(id: string): StoredStream | undefined {
    const cached = this.#cache.get(id)
    if (cached) return cached
    const row = this.#select.get(id)
    return row && this.#keep({ key: Number(row['key']), id, state: stateOf(row), producers: new Map() })
  }

  /** One statement for what is missing and for what is another's: the cache knows only what is there. */
  isOwnedBy(id: string, owner: string | null): boolean {
    return this.#selectOwned.get(id, owner) !== undefined
  }

  /** A stream whose time is not over, or whose lease is held; with an incarnation that one alone. */
  alive(id: string, now: number, incarnation?: string): StoredStream | undefined {
    const stream = this.find(id)
    if (!stream || (incarnation !== undefined && incarnation !== stream.state.incarnation)) return undefined
    if (isAlive(stream.state, now, undefined)) return stream
    return isAlive(stream.state, now, this.#selectLease.get(stream.key)) ? stream : undefined
  }

  /** Its first records are not among what is inserted. */
  insert(id: string, state: StreamState): StoredStream {
    const { incarnation, contentType, owner, createdAt, ttlMs } = state
    const { lastInsertRowid } = this.#insert.run(
      id,
      incarnation,
      contentType,
      owner ?? null,
      createdAt,
      ttlMs ?? null,
      ...changingColumns(state),
      state.leased ? 1 : 0,
      state.first,
      state.firstStamp,
    )
    return this.#keep({ key: Number(lastInsertRowid), id, state, producers: new Map() })
  }

  /** Writes what has changed of its state. The tail is where the records end, and needs no writing. */
  save({ key, state }: StoredStream): void {
    this.#update.run(...changingColumns(state), key)
  }

  saveCheckpoint({ key, state: { checkpoint } }: StoredStream): void {
    if (checkpoint === undefined) this.#deleteCheckpoint.run(key)
    else this.#upsertCheckpoint.run(key, checkpoint)
  }

  /** Takes a stream out of the tables at once; its records and producers are left to the collector. */
  remove(stream: StoredStream): void {
    this.#cache.delete(stream.id)
    this.#db.prepare('DELETE FROM streams WHERE key = ?').run(stream.key)
    this.#db.prepare('DELETE FROM leases WHERE stream = ?').run(stream.key)
    this.#deleteCheckpoint.run(stream.key)
    this.#db.prepare('DELETE FROM trimmed WHERE stream = ?').run(stream.key)
    this.#db.prepare('INSERT INTO garbage (stream) VALUES (?)').run(stream.key)
  }

  /** Moves the first record that is kept; those before it are left to the collector. */
  trim(stream: StoredStream, { first, firstStamp }: Pick<StreamState, 'first' | 'firstStamp'>): void {
    stream.state.first = first
    stream.state.firstStamp = firstStamp
    this.#trim.run(first, firstStamp, stream.key)
    this.#noteTrimmed.run(stream.key)
  }

  producer(stream: StoredStream, id: string): Mutable<ProducerState> | undefined {
    const cached = stream.producers.get(id)
    if (cached || stream.producers.has(id)) return cached
    const known = this.#producers.find(stream.key, id)
    if (stream.producers.size >= MAX_PRODUCERS) stream.producers.clear()
    stream.producers.set(id, known)
    return known
  }

  /** An append of this producer came, of which `known` is what `producer` gave. */
  produced(
    stream: StoredStream,
    known: Mutable<ProducerState> | undefined,
    { id, epoch, seq }: Producer,
  ): void {
    const position = stream.state.tail
    if (!known) return this.saveProducer(stream, id, { epoch, lastSeq: seq, position })
    known.epoch = epoch
    known.lastSeq = seq
    known.position = position
    // One look less than an insert that finds it there.
    this.#producers.update(stream.key, id, known)
  }

  saveProducer(stream: StoredStream, id: string, state: ProducerState): void {
    if (id !== LEASE_PRODUCER && !stream.producers.get(id)) this.#makeRoom(stream)
    this.#producers.insert(stream.key, id, state)
    stream.producers.set(id, { ...state })
    if (id !== LEASE_PRODUCER || stream.state.leased) return
    this.#lease.run(stream.key)
    stream.state.leased = true
  }

  /** For a new producer. */
  #makeRoom(stream: StoredStream): void {
    const known = stream.producerCount ?? this.#producers.count(stream.key)
    const excess = excessOf(known, this.#maxProducers)
    if (excess > 0) {
      this.#producers.forget(stream.key, excess)
      stream.producers.clear()
    }
    stream.producerCount = known - excess + 1
  }

  /** Streams by what follows `FROM`, which is a constant of the code; `?` stand for the values. */
  select(source: string, ...values: (string | number)[]): { id: string; state: StreamState }[] {
    let statement = this.#lists.get(source)
    if (!statement) {
      statement = this.#db.prepare(`SELECT ${COLUMNS} FROM ${source}`)
      this.#lists.set(source, statement)
    }
    return statement.all(...values).map((row) => ({ id: String(row['id']), state: stateOf(row) }))
  }

  /** Number of streams of an owner, null for none. */
  count(owner: string | null): number {
    return Number(this.#selectCount.get(owner ?? '')?.['streams'] ?? 0)
  }

  #keep(stream: StoredStream): StoredStream {
    if (this.#cache.size >= MAX_CACHED) this.#cache.clear()
    this.#cache.set(stream.id, stream)
    return stream
  }
}
