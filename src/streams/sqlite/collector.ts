/**
 * Removes the records of deleted streams, a slice at a time: deleting millions of rows at once would
 * hold the event loop, and the lock on the file, for seconds. What a crash leaves is found again.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Logger } from '../../logging/logger.ts'
import { StoreError } from '../errors.ts'
import type { CommitQueue } from './commit-queue.ts'
import { MAX_POSITION } from './stream-table.ts'

/** Records removed in one transaction. */
const SLICE = 500

export class Collector {
  readonly #queue: CommitQueue
  readonly #logger: Logger
  readonly #next: StatementSync
  readonly #records: StatementSync
  readonly #producers: StatementSync
  readonly #done: StatementSync
  #running = false
  #wanted = false

  constructor(db: DatabaseSync, queue: CommitQueue, logger: Logger) {
    this.#queue = queue
    this.#logger = logger
    this.#next = db.prepare('SELECT stream FROM garbage LIMIT 1')
    this.#records = db.prepare(`DELETE FROM records WHERE place IN (SELECT place FROM records
      WHERE place BETWEEN :stream << 32 AND (:stream << 32) | ${MAX_POSITION} ORDER BY place LIMIT ${SLICE})`)
    this.#producers = db.prepare('DELETE FROM producers WHERE stream = ?')
    this.#done = db.prepare('DELETE FROM garbage WHERE stream = ?')
  }

  /** Collects what there is, in the background; ends by itself, and when the store closes. */
  wake(): void {
    this.#wanted = true
    if (!this.#running) void this.#run()
  }

  async #run(): Promise<void> {
    this.#running = true
    try {
      while (this.#wanted) {
        this.#wanted = false
        while (await this.#queue.submit({ records: SLICE, bytes: 0, frees: true }, () => this.#slice()));
      }
    } catch (error) {
      if (!(error instanceof StoreError && error.code === 'closed')) {
        this.#logger.warn({ err: error }, 'Records of deleted streams are left for the next sweep to remove')
      }
    }
    this.#running = false
  }

  /** Whether there may be more. */
  #slice(): boolean {
    const stream = this.#next.get()?.['stream']
    if (typeof stream !== 'number') return false
    if (this.#records.run({ stream }).changes === 0) {
      this.#producers.run(stream)
      this.#done.run(stream)
    }
    return true
  }
}
