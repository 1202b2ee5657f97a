/** The producers of streams as rows. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { ProducerState } from '../../bookkeeping/stream-state.ts'

export class ProducerTable {
  readonly #select: StatementSync
  readonly #upsert: StatementSync
  readonly #update: StatementSync
  readonly #count: StatementSync
  readonly #forget: StatementSync

  constructor(db: DatabaseSync) {
    this.#select = db.prepare('SELECT epoch, last_seq, position FROM producers WHERE stream = ? AND id = ?')
    this.#upsert =
      db.prepare(`INSERT INTO producers (stream, id, epoch, last_seq, position) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET epoch = excluded.epoch, last_seq = excluded.last_seq, position = excluded.position`)
    this.#update = db.prepare(
      'UPDATE producers SET epoch = ?, last_seq = ?, position = ? WHERE stream = ? AND id = ?',
    )
    this.#count = db.prepare('SELECT count(*) AS n FROM producers WHERE stream = ?')
    this.#forget = db.prepare(`DELETE FROM producers WHERE stream = :stream AND id IN (
      SELECT id FROM producers WHERE stream = :stream ORDER BY position LIMIT :count)`)
  }

  find(stream: number, id: string): ProducerState | undefined {
    const row = this.#select.get(stream, id)
    if (!row) return undefined
    return {
      epoch: Number(row['epoch']),
      lastSeq: Number(row['last_seq']),
      position: Number(row['position']),
    }
  }

  insert(stream: number, id: string, { epoch, lastSeq, position }: ProducerState): void {
    this.#upsert.run(stream, id, epoch, lastSeq, position)
  }

  /** Updates an existing producer. */
  update(stream: number, id: string, { epoch, lastSeq, position }: ProducerState): void {
    this.#update.run(epoch, lastSeq, position, stream, id)
  }

  count(stream: number): number {
    return Number(this.#count.get(stream)?.['n'])
  }

  /** Forgets the producers with the oldest last appends. */
  forget(stream: number, count: number): void {
    this.#forget.run({ stream, count })
  }
}
