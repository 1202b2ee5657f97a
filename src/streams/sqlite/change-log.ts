/**
 * Which streams each transaction of each process changed, so that a follower looks at what is new and not at
 * all that it follows. One row a transaction, written in it where other processes follow; the last few thousand
 * are kept.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { FollowerTable } from './tables/follower-table.ts'

/** Transactions that are kept, about: a follower further back looks at everything. */
const KEPT = 4096
/** Transactions between two times that old ones are removed. */
const TRIM_EVERY = 256
/** Transactions read in one go; with more, looking at everything is cheaper. */
const MAX_READ = 1000

export interface Changes {
  /** The last transaction, for the next call. */
  readonly seq: number
  /** Keys of the streams that others changed since; undefined where that is not known any more. */
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

  /** The transaction under way changes the stream with this key in a way that its watchers are told of. */
  note(key: number): void {
    if (this.#followers.hasOthers) this.#changed.add(key)
  }

  /** To be called at the end of each transaction, within it. */
  write(): void {
    if (this.#changed.size === 0) return
    const keys = JSON.stringify([...this.#changed])
    this.#changed.clear()
    const { lastInsertRowid } = this.#insert.run(this.#followers.id, keys)
    const seq = Number(lastInsertRowid)
    if (seq % TRIM_EVERY === 0) this.#trim.run(seq - KEPT)
  }

  /** To be called when a transaction did not happen. */
  forget(): void {
    this.#changed.clear()
    this.#followers.forget()
  }

  /** The last transaction that is in the log; 0 where none is. */
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
