/**
 * Streams and their producers as rows, and a cache of what was read of them.
 *
 * The cache holds what this process's last transaction left. It is dropped when another process has
 * written (`PRAGMA data_version`, asked at the start of each transaction) and when one of our own
 * was rolled back, so that within a transaction it always equals the tables.
 */
import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite'
import { isAlive } from '../../bookkeeping/bookkeeping.ts'
import type { Mutable, ProducerState, StreamState } from '../../bookkeeping/bookkeeping.ts'
import { LEASE_PRODUCER } from '../../leases.ts'
import type { ForkPoint } from '../../forks.ts'
import { excessOf } from '../../bookkeeping/known-producers.ts'
import type { Producer, StreamLimits } from '../../store.ts'
import type { LogPart } from './fork-table.ts'
import { ProducerTable } from './producer-table.ts'

/**
 * A stream that exists in the tables. `state` and `producers` are changed in place, in one transaction with the tables:
 * one that did not happen has the cache forget them.
 */
export interface StoredStream {
  readonly key: number
  readonly id: string
  readonly state: Mutable<StreamState>
  readonly producers: Map<string, Mutable<ProducerState> | undefined>
  /** How many producers it has, once a new one came. */
  producerCount?: number
  /** Where its records are, once somebody asked for them. */
  parts?: readonly LogPart[]
}

type Row = Record<string, SQLOutputValue>

/** Streams in the cache; beyond it, it starts anew. A few kB each at most, a few hundred bytes as a rule. */
const MAX_CACHED = 5000
/** Producers of one stream in the cache. */
const MAX_PRODUCERS = 100

/** What the lower half of a record's place holds. */
export const MAX_POSITION = 2 ** 32 - 1

const COLUMNS = `key, id, incarnation, content_type, owner, created_at, ttl_ms, expires_at, metadata, closed,
  closed_by, closed_with, stream_seq, leased, first, first_stamp,
  ${lastPosition('key')} AS tail, ${ofLastRecord('key', 'stamp')} AS stamp,
  (SELECT data FROM checkpoints WHERE stream = key) AS checkpoint,
  (SELECT json_array(inherited, stamp, json(point)) FROM forks WHERE stream = key) AS fork,
  (SELECT json_array(age_ms, max_bytes) FROM retained WHERE stream = key) AS retention,
  (SELECT list FROM listed WHERE stream = key) AS listed`

/** SQL: whether a stream's time is not over at `?`, or somebody holds its lease. */
export const ALIVE: string = `(expires_at IS NULL OR expires_at > ?
  OR EXISTS (SELECT 1 FROM leases WHERE leases.stream = streams.key))`

/** SQL: the position of the last record of the stream with this key; null without records. */
function lastPosition(key: string): string {
  return ofLastRecord(key, `place & ${MAX_POSITION}`)
}

function ofLastRecord(key: string, column: string): string {
  return `(SELECT ${column} FROM records
    WHERE place BETWEEN ${key} << 32 AND (${key} << 32) | ${MAX_POSITION} ORDER BY place DESC LIMIT 1)`
}

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

  /** How many streams an owner has, null for nobody. */
  count(owner: string | null): number {
    return Number(this.#selectCount.get(owner ?? '')?.['streams'] ?? 0)
  }

  #keep(stream: StoredStream): StoredStream {
    if (this.#cache.size >= MAX_CACHED) this.#cache.clear()
    this.#cache.set(stream.id, stream)
    return stream
  }
}

type ChangingColumns = [number | null, string | null, number, ...(string | null)[]]

function changingColumns(state: StreamState): ChangingColumns {
  const { expiresAt, metadata, closed, closedBy, closedWith, streamSeq } = state
  const by = closedBy ? JSON.stringify(closedBy) : null
  return [expiresAt ?? null, metadata ?? null, closed ? 1 : 0, by, closedWith ?? null, streamSeq ?? null]
}

function stateOf(row: Row): StreamState {
  const closedBy = text(row['closed_by'])
  const incarnation = String(row['incarnation'])
  const first = { first: Number(row['first']), firstStamp: String(row['first_stamp']) }
  const fork = forkOf(row)
  return {
    incarnation,
    contentType: String(row['content_type']),
    owner: text(row['owner']),
    createdAt: Number(row['created_at']),
    ttlMs: integer(row['ttl_ms']),
    expiresAt: integer(row['expires_at']),
    metadata: text(row['metadata']),
    checkpoint: text(row['checkpoint']),
    ...first,
    ...tailOf(row, incarnation, first, fork),
    closed: row['closed'] === 1,
    closedBy: closedBy === undefined ? undefined : (JSON.parse(closedBy) as Producer),
    closedWith: text(row['closed_with']),
    streamSeq: text(row['stream_seq']),
    leased: row['leased'] === 1,
    retention: retentionOf(text(row['retention'])),
    listed: text(row['listed']),
    forkedFrom: fork?.point,
  }
}

interface ForkRow {
  readonly inherited: number
  readonly stamp: string
  readonly point: ForkPoint
}

function forkOf(row: Row): ForkRow | undefined {
  const fork = text(row['fork'])
  if (fork === undefined) return undefined
  const [inherited, stamp, point] = JSON.parse(fork) as [number, string, ForkPoint]
  return { inherited, stamp, point }
}

/** The last record of its own, or what it has before that: all that it inherited, or all that was trimmed. */
function tailOf(
  row: Row,
  incarnation: string,
  { first, firstStamp }: Pick<StreamState, 'first' | 'firstStamp'>,
  fork: ForkRow | undefined,
): Pick<StreamState, 'tail' | 'stamp'> {
  const last = Number(row['tail'])
  if (last > first) return { tail: last, stamp: stampOf(row, incarnation) }
  if (fork && fork.inherited > first) return { tail: fork.inherited, stamp: fork.stamp }
  return { tail: first, stamp: firstStamp }
}

/** Of a record that was written before there were stamps, the incarnation. */
export function stampOf({ stamp }: Row, incarnation: string): string {
  return stamp === null ? incarnation : String(stamp)
}

function retentionOf(json: string | undefined): StreamState['retention'] {
  const [ageMs, bytes] = JSON.parse(json ?? '[]') as (number | null)[]
  return json === undefined ? undefined : { ageMs: ageMs ?? undefined, bytes: bytes ?? undefined }
}

function text(value: SQLOutputValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function integer(value: SQLOutputValue | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined
}
