/**
 * The watched streams of this process as rows, so that one query says which of them moved: in a table of
 * its connection alone, in memory. A row holds how far its stream was told when it was last looked at,
 * which may be less than it was told since, and never more.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { WatchedStream } from '../watchers.ts'
import { lastPosition } from './stream-table.ts'
import type { StoredStream } from './stream-table.ts'

/** Where a stream stands in the tables. */
export interface MovedStream {
  readonly id: string
  readonly tail: number
  /** Undefined for a stream that was deleted. */
  readonly closed: boolean | undefined
}

export class WatchedTable {
  readonly #ids = new Set<string>()
  readonly #insert: StatementSync
  readonly #update: StatementSync
  readonly #delete: StatementSync
  readonly #moved: StatementSync

  constructor(db: DatabaseSync) {
    db.exec(`PRAGMA temp_store = MEMORY; CREATE TEMP TABLE watched (
      id TEXT PRIMARY KEY, key INTEGER NOT NULL, told INTEGER NOT NULL, closed INTEGER NOT NULL) STRICT`)
    this.#insert = db.prepare('INSERT OR REPLACE INTO watched (id, key, told, closed) VALUES (?, ?, ?, ?)')
    this.#update = db.prepare('UPDATE watched SET told = ?, closed = ? WHERE id = ?')
    this.#delete = db.prepare('DELETE FROM watched WHERE id = ?')
    // By the key, which names one incarnation. A stream that is gone has no `closed`.
    this.#moved = db.prepare(`SELECT id, tail, closed FROM (
      SELECT w.id, w.told, w.closed AS told_closed, s.closed, coalesce(${lastPosition('w.key')}, 0) AS tail
      FROM watched w LEFT JOIN streams s ON s.key = w.key)
      WHERE closed IS NOT told_closed OR tail <> told`)
  }

  /** Rows, those of streams that nobody watches any longer included. */
  get size(): number {
    return this.#ids.size
  }

  /** A stream that was told all it has. */
  add({ id, key, state }: StoredStream): void {
    this.#insert.run(id, key, state.tail, state.closed ? 1 : 0)
    this.#ids.add(id)
  }

  /** Those that are not where their rows say. */
  moved(): MovedStream[] {
    return this.#moved.all().map(({ id, tail, closed }) => ({
      id: String(id),
      tail: Number(tail),
      closed: closed === null ? undefined : closed === 1,
    }))
  }

  /** How far a stream was told by now. */
  settle({ id, told, closed }: WatchedStream): void {
    this.#update.run(told, closed ? 1 : 0, id)
  }

  /** Forgets the streams that nobody watches any longer. */
  prune(count: number, isWatched: (id: string) => boolean): void {
    // Each watched stream has its row: with as many rows there is none too much.
    if (this.#ids.size === count) return
    for (const id of this.#ids) {
      if (isWatched(id)) continue
      this.#delete.run(id)
      this.#ids.delete(id)
    }
  }
}
