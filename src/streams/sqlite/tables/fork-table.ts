/**
 * Which streams were forked from which, and which ids are kept for them.
 *
 * A fork does not copy inherited records: its log begins in that of its source, and so on for a source that is a
 * fork. So a row of `forks` stays while its stream has forks, even if the stream is deleted. Its id is then in
 * `retired`, and the records that forks use are not collected.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Fork } from '../../bookkeeping/fork-bookkeeping.ts'
import { MAX_POSITION } from './stream-row.ts'
import type { LogPart, StoredStream } from './stored-stream.ts'

/** A fork, with the key of its source. */
export interface StoredFork extends Fork {
  readonly key: number
}

export class ForkTable {
  readonly #insert: StatementSync
  readonly #source: StatementSync
  readonly #held: StatementSync
  readonly #retire: StatementSync
  readonly #retired: StatementSync
  readonly #forgetRetired: StatementSync
  readonly #delete: StatementSync
  readonly #collect: StatementSync
  readonly #collectTrimmed: StatementSync

  constructor(db: DatabaseSync) {
    this.#insert = db.prepare(
      'INSERT INTO forks (stream, source, incarnation, inherited, stamp, point) VALUES (?, ?, ?, ?, ?, ?)',
    )
    this.#source = db.prepare('SELECT source, incarnation, inherited FROM forks WHERE stream = ?')
    this.#held = db.prepare('SELECT max(inherited) AS last FROM forks WHERE source = ?')
    this.#retire = db.prepare('INSERT INTO retired (stream, id, owner) VALUES (?, ?, ?)')
    this.#retired = db.prepare('SELECT stream, owner FROM retired WHERE id = ?')
    this.#forgetRetired = db.prepare('DELETE FROM retired WHERE stream = ?')
    this.#delete = db.prepare('DELETE FROM forks WHERE stream = ? RETURNING source')
    this.#collect = db.prepare(
      'INSERT OR IGNORE INTO garbage (stream) SELECT stream FROM retired WHERE stream = ?',
    )
    this.#collectTrimmed = db.prepare(
      'INSERT OR IGNORE INTO trimmed (stream) SELECT key FROM streams WHERE key = ? AND first > 0',
    )
  }

  insert({ key: stream }: StoredStream, { key, source, inherited, stamp, point }: StoredFork): void {
    this.#insert.run(stream, key, source.incarnation, inherited, stamp, JSON.stringify(point))
  }

  /** Where the inherited records of a fork are, in order. */
  inheritedBy({ key }: StoredStream): LogPart[] {
    const parts: LogPart[] = []
    for (let row = this.#source.get(key); row; row = this.#source.get(Number(row['source']))) {
      const end = parts.at(-1)?.last ?? MAX_POSITION
      const last = Math.min(end, Number(row['inherited']))
      // The part of a source may end before the source's own records begin.
      if (last === end) parts.pop()
      parts.push({ key: Number(row['source']), incarnation: String(row['incarnation']), last })
    }
    return parts.reverse()
  }

  /** Up to which position forks use a stream's records; undefined without forks. */
  heldUpTo(key: number): number | undefined {
    const last = this.#held.get(key)?.['last']
    return typeof last === 'number' ? last : undefined
  }

  /** A stream that is gone, whose id is kept for its forks. */
  retired(id: string): { readonly owner: string | undefined } | undefined {
    const row = this.#retired.get(id)
    if (!row) return undefined
    const stream = Number(row['stream'])
    if (this.heldUpTo(stream) !== undefined) return { owner: textOf(row['owner']) }
    return undefined
  }

  /** Frees an id for a new stream: a retired stream that awaits collection loses it. */
  take(id: string): void {
    const row = this.#retired.get(id)
    if (row) this.#forgetRetired.run(Number(row['stream']))
  }

  /** Handles the removal of a stream. */
  leave({ key, id, state }: StoredStream): void {
    if (this.heldUpTo(key) === undefined) this.release(key)
    else this.#retire.run(key, id, state.owner ?? null)
  }

  /** Handles a stream that is gone with all its forks: it no longer holds its source. */
  release(key: number): void {
    this.#forgetRetired.run(key)
    const row = this.#delete.get(key)
    if (!row) return
    this.#collect.run(Number(row['source']))
    this.#collectTrimmed.run(Number(row['source']))
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
