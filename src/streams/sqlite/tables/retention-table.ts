/**
 * Streams with a retention, as rows: their bytes, their age spans, and when the oldest span may be too old. A stream
 * without a retention has no row, and costs nothing.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { fullFrom, stepOf, withAppended } from '../../bookkeeping/retention.ts'
import type { Aged, KeptRetention, AgeSpan } from '../../bookkeeping/retention.ts'
import { MAX_POSITION } from './stream-row.ts'

/** Bytes of a stream's records between two positions. */
const SIZES = `(SELECT ifnull(sum(octet_length(data)), 0) FROM records
  WHERE place > (:stream << 32) | :from AND place <= (:stream << 32) | :to)`

export class RetentionTable {
  readonly #insert: StatementSync
  readonly #spans: StatementSync
  readonly #add: StatementSync
  readonly #saveSpans: StatementSync
  readonly #trimmed: StatementSync
  readonly #sizes: StatementSync
  readonly #due: StatementSync
  readonly #delete: StatementSync
  readonly #bringIn: StatementSync

  constructor(db: DatabaseSync) {
    this.#insert = db.prepare(`INSERT INTO retained (stream, age_ms, max_bytes, bytes, spans, due)
      VALUES (:stream, :age, :most, ${SIZES}, :spans, :due)`)
    this.#spans = db.prepare('SELECT spans FROM retained WHERE stream = ?')
    this.#add = db.prepare('UPDATE retained SET bytes = bytes + ? WHERE stream = ? RETURNING bytes')
    this.#saveSpans = db.prepare('UPDATE retained SET spans = ?, due = ? WHERE stream = ?')
    this.#trimmed = db.prepare(
      `UPDATE retained SET bytes = bytes - ${SIZES} WHERE stream = :stream AND max_bytes IS NOT NULL`,
    )
    this.#sizes =
      db.prepare(`SELECT place & ${MAX_POSITION} AS position, octet_length(data) AS bytes FROM records
      WHERE place > (:stream << 32) | :from AND place < (:stream << 32) | :tail ORDER BY place`)
    this.#due = db.prepare(`SELECT s.id FROM retained r JOIN streams s ON s.key = r.stream
      WHERE r.due <= ? LIMIT ?`)
    this.#bringIn = db.prepare('UPDATE retained SET due = :now WHERE due > :now AND due > :now + 2 * age_ms')
    this.#delete = db.prepare('DELETE FROM retained WHERE stream = ?')
  }

  /** Adds a created stream, with the records between two positions. */
  begin(stream: number, { ageMs, bytes }: KeptRetention, from: number, to: number, now: number): void {
    const spans = ageMs !== undefined && to > from ? [{ at: now, from }] : []
    const due = ageMs === undefined ? null : now + stepOf(ageMs) + ageMs
    this.#insert.run({
      stream,
      from,
      to,
      age: ageMs ?? null,
      most: bytes ?? null,
      spans: JSON.stringify(spans),
      due,
    })
  }

  /** Notes records after a position. Returns how many bytes are too many, if the log is full. */
  appended(
    stream: number,
    { ageMs, bytes: most }: KeptRetention,
    from: number,
    bytes: number,
    now: number,
  ): number {
    if (ageMs !== undefined) {
      const spans = this.spans(stream)
      const next = withAppended(spans, from, now, ageMs)
      // The due time stays: new records are not due earlier.
      if (next !== spans) this.#saveSpans.run(JSON.stringify(next), this.#dueOf(next, ageMs), stream)
    }
    if (most === undefined) return 0
    const held = Number(this.#add.get(bytes, stream)?.['bytes'] ?? 0)
    return held >= fullFrom(most) ? held - most : 0
  }

  /** The position before which this many bytes lie; at most that before the last record. */
  placeBehind(stream: number, first: number, tail: number, bytes: number): number {
    let left = bytes
    let place = first
    for (const row of this.#sizes.iterate({ stream, from: first, tail })) {
      place = Number(row['position'])
      left -= Number(row['bytes'])
      if (left <= 0) break
    }
    return place
  }

  /** Call this before the records between two positions may be removed. */
  trimmed(stream: number, from: number, to: number): void {
    this.#trimmed.run({ stream, from, to })
  }

  spans(stream: number): readonly AgeSpan[] {
    return JSON.parse(String(this.#spans.get(stream)?.['spans'] ?? '[]')) as AgeSpan[]
  }

  save(stream: number, { spans, due }: Aged): void {
    this.#saveSpans.run(JSON.stringify(spans), due, stream)
  }

  /** Ids of streams with records that may be too old. */
  due(now: number, limit: number): readonly string[] {
    return this.#due.all(now, limit).map(({ id }) => String(id))
  }

  /** Makes entries due soon whose due time is impossibly late, because it was set before the clock went back. */
  bringIn(now: number): void {
    this.#bringIn.run({ now })
  }

  delete(stream: number): void {
    this.#delete.run(stream)
  }

  #dueOf([first]: readonly AgeSpan[], ageMs: number): number | null {
    return first ? first.at + stepOf(ageMs) + ageMs : null
  }
}
