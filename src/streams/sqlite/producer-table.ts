/** The producers of streams as rows. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { ProducerState } from '../bookkeeping.ts'

export class ProducerTable {
  readonly #select: StatementSync
  readonly #upsert: StatementSync
  readonly #update: StatementSync

  constructor(db: DatabaseSync) {
    this.#select = db.prepare('SELECT epoch, last_seq FROM producers WHERE stream = ? AND id = ?')
    this.#upsert = db.prepare(`INSERT INTO producers (stream, id, epoch, last_seq) VALUES (?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET epoch = excluded.epoch, last_seq = excluded.last_seq`)
    this.#update = db.prepare('UPDATE producers SET epoch = ?, last_seq = ? WHERE stream = ? AND id = ?')
  }

  find(stream: number, id: string): ProducerState | undefined {
    const row = this.#select.get(stream, id)
    return row && { epoch: Number(row['epoch']), lastSeq: Number(row['last_seq']) }
  }

  insert(stream: number, id: string, { epoch, lastSeq }: ProducerState): void {
    this.#upsert.run(stream, id, epoch, lastSeq)
  }

  /** Of one that is there. */
  update(stream: number, id: string, { epoch, lastSeq }: ProducerState): void {
    this.#update.run(epoch, lastSeq, stream, id)
  }
}
