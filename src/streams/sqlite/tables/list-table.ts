/**
 * The owners' lists, in the order of the last appends: one row per stream on a list. A stream that is already first
 * does not move, so that a burst of appends to one stream writes nothing here.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { infoOf } from '../../bookkeeping/stream-state.ts'
import type { StreamList } from '../../listing.ts'
import type { CheckedLatest } from '../../bookkeeping/list-requests.ts'
import type { StreamInfo } from '../../stream.ts'
import type { StreamTable } from './stream-table.ts'

/** No owner is empty. */
const NOBODY = ''

export class ListTable {
  readonly #streams: StreamTable
  readonly #insert: StatementSync
  readonly #move: StatementSync
  readonly #delete: StatementSync
  readonly #page: StatementSync

  constructor(db: DatabaseSync, streams: StreamTable) {
    this.#streams = streams
    const last = `(SELECT ifnull(max(place), 0) FROM listed WHERE whose = :whose AND list = :list)`
    this.#insert = db.prepare(`INSERT INTO listed (stream, whose, list, place)
      VALUES (:stream, :whose, :list, ${last} + 1)`)
    this.#move = db.prepare(
      `UPDATE listed SET place = ${last} + 1 WHERE stream = :stream AND place < ${last}`,
    )
    this.#delete = db.prepare('DELETE FROM listed WHERE stream = ?')
    this.#page = db.prepare(`SELECT place, id FROM listed JOIN streams ON key = stream
      WHERE whose = ? AND list = ? AND place < ? ORDER BY place DESC`)
  }

  /** Puts a created stream first on its list. */
  insert(stream: number, owner: string | undefined, list: string): void {
    this.#insert.run({ stream, whose: owner ?? NOBODY, list })
  }

  /** Puts a stream first on its list after an append of records. */
  move(stream: number, owner: string | undefined, list: string): void {
    this.#move.run({ stream, whose: owner ?? NOBODY, list })
  }

  delete(stream: number): void {
    this.#delete.run(stream)
  }

  /** A page of a list. */
  page({ owner, listed, before, limit }: CheckedLatest, now: number): StreamList {
    const streams: StreamInfo[] = []
    let last = ''
    for (const row of this.#page.iterate(owner ?? NOBODY, listed, before)) {
      const id = String(row['id'])
      const stream = this.#streams.alive(id, now)
      if (!stream) continue
      if (streams.length === limit) return { streams, next: last }
      last = String(row['place'])
      streams.push(infoOf(id, stream.state))
    }
    return { streams }
  }
}
