/** Records as rows. Inherited records are stored under the keys of the streams they were forked from. */
import { Buffer } from 'node:buffer'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Offset, Place } from '../../../protocol/offset.ts'
import { beginOf, pageOf } from '../../bookkeeping/bookkeeping.ts'
import type { ReadResult } from '../../store.ts'
import type { StreamRecord } from '../../stream.ts'
import type { ForkTable } from './fork-table.ts'
import type { LogPart, StoredStream } from './stored-stream.ts'
import { DamagedFileError } from '../store-error.ts'
import { MAX_POSITION, stampOf } from './stream-row.ts'

export class RecordTable {
  readonly #forks: ForkTable
  readonly #select: StatementSync
  readonly #selectOne: StatementSync
  readonly #insert: StatementSync

  constructor(db: DatabaseSync, forks: ForkTable) {
    this.#forks = forks
    this.#select = db.prepare(`SELECT place - (:key << 32) AS position, data, stamp FROM records
      WHERE place > (:key << 32) | :after AND place <= (:key << 32) | :last ORDER BY place LIMIT :limit`)
    this.#selectOne = db.prepare('SELECT data, stamp FROM records WHERE place = (? << 32) | ?')
    this.#insert = db.prepare(
      'INSERT INTO records (place, data, stamp) VALUES ((? << 32) | ?, ?, CAST(? AS INTEGER))',
    )
  }

  /** @param stamp an integer, which takes half the room of the real number that it comes to SQLite as. */
  insert({ key }: StoredStream, after: number, records: readonly StreamRecord[], stamp: number): void {
    if (after + records.length > MAX_POSITION) throw new Error(`A stream may hold ${MAX_POSITION} records`)
    let position = after
    for (const record of records) this.#insert.run(key, ++position, record, stamp)
  }

  /**
   * The stamp of the record before a position.
   *
   * @throws {DamagedFileError} if it is missing.
   */
  stampAt(stream: StoredStream, position: number): string {
    const { key, incarnation } = this.#partOf(stream, position)
    const row = this.#selectOne.get(key, position)
    if (!row) throw new DamagedFileError()
    return stampOf(row, incarnation)
  }

  /**
   * The record of bytes after a position.
   *
   * @throws {DamagedFileError} if it is missing.
   */
  recordAt(stream: StoredStream, position: number): Uint8Array {
    const { key } = this.#partOf(stream, position + 1)
    const data = this.#selectOne.get(key, position + 1)?.['data']
    if (!(data instanceof Uint8Array)) throw new DamagedFileError()
    return data
  }

  /**
   * The page after a place.
   *
   * @throws {DamagedFileError} if a record is missing: the next one must not take its place.
   */
  read(stream: StoredStream, after: Place, maxRecords: number, maxBytes: number): ReadResult {
    const { state } = stream
    const begin = beginOf(state, after, (position) => this.stampAt(stream, position))
    if ('outcome' in begin) return begin
    const { records, next } = this.#page(stream, begin, maxRecords, maxBytes)
    return pageOf(state, begin, next, records)
  }

  /** Ends with the record that reaches `maxBytes`; empty only at the tail. */
  #page(
    stream: StoredStream,
    from: Offset,
    maxRecords: number,
    maxBytes: number,
  ): { readonly records: StreamRecord[]; readonly next: Offset } {
    const records: StreamRecord[] = []
    const { tail } = stream.state
    const begin = from.position
    let bytes = 0
    if (begin === tail) return { records, next: from }
    for (const { key, incarnation, last } of this.#partsOf(stream)) {
      const after = begin + records.length
      if (last <= after) continue
      for (const row of this.#select.iterate({ key, after, last, limit: maxRecords - records.length })) {
        if (row['position'] !== begin + records.length + 1) throw new DamagedFileError()
        const record = row['data'] as StreamRecord
        records.push(record)
        bytes += Buffer.byteLength(record)
        const position = begin + records.length
        if (bytes < maxBytes && records.length < maxRecords && position < tail) continue
        return { records, next: { position, stamp: stampOf(row, incarnation) } }
      }
      if (begin + records.length < Math.min(last, tail)) throw new DamagedFileError()
    }
    return { records, next: from }
  }

  #partOf(stream: StoredStream, position: number): LogPart {
    return this.#partsOf(stream).find(({ last }) => position <= last) as LogPart
  }

  /** The parts do not change while the stream exists. */
  #partsOf(stream: StoredStream): readonly LogPart[] {
    const { key, state } = stream
    const own = { key, incarnation: state.incarnation, last: MAX_POSITION }
    stream.parts ??= state.forkedFrom ? [...this.#forks.inheritedBy(stream), own] : [own]
    return stream.parts
  }
}
