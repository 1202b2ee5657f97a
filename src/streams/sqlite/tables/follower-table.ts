/**
 * The processes that follow writes of others. Transactions record their changes only while there are some, so that a
 * file with one process saves a row per transaction.
 *
 * Invariant: a process that finds itself in the table has been there since it last checked, or joined, so the change
 * log has all changes of others since then. It joins when it first sees a write of another process. A process not
 * seen for long is removed; if it is alive after all, it notices with the next change, looks at everything, and joins
 * again.
 */
import { randomInt } from 'node:crypto'
import type { DatabaseSync, StatementSync } from 'node:sqlite'

/** Milliseconds after which an unseen process counts as gone, by any clock. */
const STALE_MS = 15 * 60_000

export class FollowerTable {
  /** Identifies this connection. */
  readonly id: number = randomInt(2 ** 47)
  readonly #upsert: StatementSync
  readonly #delete: StatementSync
  readonly #isThere: StatementSync
  readonly #another: StatementSync
  readonly #stale: StatementSync
  #hasOthers: boolean | undefined

  constructor(db: DatabaseSync) {
    this.#upsert = db.prepare(`INSERT INTO followers (id, seen_at) VALUES (?, ?)
      ON CONFLICT DO UPDATE SET seen_at = excluded.seen_at`)
    this.#delete = db.prepare('DELETE FROM followers WHERE id = ?')
    this.#isThere = db.prepare('SELECT 1 FROM followers WHERE id = ?')
    this.#another = db.prepare('SELECT 1 FROM followers WHERE id <> ? LIMIT 1')
    this.#stale = db.prepare('DELETE FROM followers WHERE abs(seen_at - ?) > ?')
  }

  /** Whether others follow. Call it within a write transaction. */
  get hasOthers(): boolean {
    this.#hasOthers ??= this.#another.get(this.id) !== undefined
    return this.#hasOthers
  }

  /** Whether this process has been in the table since it joined. */
  get isListed(): boolean {
    return this.#isThere.get(this.id) !== undefined
  }

  /** Joins, or renews its row. Call it within a write transaction. */
  join(now: number): void {
    this.#upsert.run(this.id, now)
  }

  leave(): void {
    this.#delete.run(this.id)
  }

  /** Removes processes that were not seen for long. */
  sweep(now: number): void {
    this.#stale.run(now, STALE_MS)
    this.forget()
  }

  /** Call this when another process has written, or a transaction was rolled back. */
  forget(): void {
    this.#hasOthers = undefined
  }
}
