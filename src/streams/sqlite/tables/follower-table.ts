/**
 * Which processes follow what others write: transactions say what they changed for those alone, so that a file
 * with one process spares itself a row in each.
 *
 * Invariant: a process that finds itself in the table has been in it since it last did so, or since it joined: all
 * that others changed since is in the log of changes. It joins when it first sees that another one has written,
 * which a process by itself never does, and whoever was not seen for long is taken out: should it be there after
 * all, it finds out with the next change, looks at everything, and joins again.
 */
import { randomInt } from 'node:crypto'
import type { DatabaseSync, StatementSync } from 'node:sqlite'

/** Milliseconds after which a process that was not seen is taken for gone, by whichever clock. */
const STALE_MS = 15 * 60_000

export class FollowerTable {
  /** Tells this connection from those of others. */
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

  /** Whether others follow; to be asked within a transaction that writes. */
  get hasOthers(): boolean {
    this.#hasOthers ??= this.#another.get(this.id) !== undefined
    return this.#hasOthers
  }

  /** Whether this process was there all the time since it joined. */
  get isListed(): boolean {
    return this.#isThere.get(this.id) !== undefined
  }

  /** Joins, or stays; within a transaction that writes. */
  join(now: number): void {
    this.#upsert.run(this.id, now)
  }

  leave(): void {
    this.#delete.run(this.id)
  }

  /** Takes out who was not seen for long. */
  sweep(now: number): void {
    this.#stale.run(now, STALE_MS)
    this.forget()
  }

  /** To be called when another process has written, or a transaction did not happen. */
  forget(): void {
    this.#hasOthers = undefined
  }
}
