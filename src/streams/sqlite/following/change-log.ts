/**
 * The streams changed by each transaction of each process, so that a follower looks only at changed streams. One row
 * per transaction, written while other processes follow; the last few thousand are kept.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { FollowerTable } from '../tables/follower-table.ts'

/** Approximate number of transactions kept: a follower that lags further looks at everything. */
const KEPT = 4096
/** Number of transactions between two removals of old ones. */
const TRIM_EVERY = 256
/** Most transactions read at once; with more, looking at everything is cheaper. */
const MAX_READ = 1000

export interface Changes {
  /** The last transaction, for the next call. */
  readonly seq: number
  /** Keys of the streams that others changed since; undefined if that is no longer known. */
  readonly keys: ReadonlySet<number> | undefined
}

export class ChangeLog {
  readonly #followers: FollowerTable
  readonly #insert: StatementSync
  readonly #trim: StatementSync
  readonly #last: StatementSync
  readonly #since: StatementSync
  readonly #changed = new Set<number>()

  constructor(db: DatabaseSync, followers: FollowerTable) {
    this.#followers = followers
    this.#insert = db.prepare('INSERT INTO changes (writer, streams) VALUES (?, ?)')
    this.#trim = db.prepare('DELETE FROM changes WHERE seq <= ?')
    this.#last = db.prepare('SELECT max(seq) AS seq FROM changes')
    this.#since = db.prepare('SELECT seq, writer, streams FROM changes WHERE seq > ? ORDER BY seq LIMIT ?')
  }

  /** Notes that the current transaction changes the stream with this key in a way that watchers are told. */
  note(key: number): void {
    if (this.#followers.hasOthers) this.#changed.add(key)
  }

  /** Call this at the end of each transaction, within it. */
  write(): void {
    if (this.#changed.size === 0) return
    const keys = JSON.stringify([...this.#changed])
    this.#changed.clear()
    const { lastInsertRowid } = this.#insert.run(this.#followers.id, keys)
    const seq = Number(lastInsertRowid)
    if (seq % TRIM_EVERY === 0) this.#trim.run(seq - KEPT)
  }

  /** Call this when a transaction was rolled back. */
  forget(): void {
    this.#changed.clear()
    this.#followers.forget()
  }

  /** The last transaction in the log; 0 if there is none. */
  last(): number {
    return Number(this.#last.get()?.['seq'] ?? 0)
  }

  since(seq: number): Changes {
    const keys = new Set<number>()
    let next = seq
    let read = 0
    for (const row of this.#since.iterate(seq, MAX_READ)) {
      if (row['seq'] !== next + 1 || ++read === MAX_READ) return { seq: this.last(), keys: undefined }
      next++
      if (row['writer'] === this.#followers.id) continue
      for (const key of JSON.parse(String(row['streams'])) as number[]) keys.add(key)
    }
    return { seq: next, keys }
  }
}
