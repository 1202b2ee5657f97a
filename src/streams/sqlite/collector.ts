/**
 * Removes records that were deleted or trimmed, a slice at a time: deleting millions of rows at once would block the
 * event loop, and lock the file, for seconds. A slice is bounded by records and bytes, and adapts to the time it
 * takes. Leftovers of a crash are found again. Records that forks inherit stay.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Logger } from '../../logging/logger.ts'
import { StoreError } from '../errors.ts'
import type { CommitQueue } from './commits/commit-queue.ts'
import type { ForkTable } from './tables/fork-table.ts'
import { MAX_POSITION } from './tables/stream-row.ts'

/** Most records and bytes removed in one transaction; at least one record. */
const MAX_RECORDS = 500
const MAX_BYTES = 1024 * 1024
/** Milliseconds that a slice may take: accordingly the next one is halved or doubled. */
const SLICE_MS = 5

export class Collector {
  readonly #forks: ForkTable
  readonly #queue: CommitQueue
  readonly #logger: Logger
  readonly #next: StatementSync
  readonly #sizes: StatementSync
  readonly #records: StatementSync
  readonly #producers: StatementSync
  readonly #collected: StatementSync
  readonly #trimmed: StatementSync
  /** Size of a slice as a fraction of the maximum. */
  #share = 1
  #running = false
  #wanted = false

  constructor(db: DatabaseSync, forks: ForkTable, queue: CommitQueue, logger: Logger) {
    this.#forks = forks
    this.#queue = queue
    this.#logger = logger
    this.#next = db.prepare(`SELECT stream, ${MAX_POSITION} AS last, 1 AS deleted FROM garbage
      UNION ALL SELECT stream, first, 0 FROM trimmed JOIN streams ON key = stream LIMIT 1`)
    // Read without the overflow pages of large records.
    this.#sizes = db.prepare(`SELECT place, octet_length(data) AS bytes FROM records
      WHERE place > (:stream << 32) | :held AND place <= (:stream << 32) | :last ORDER BY place LIMIT :limit`)
    this.#records = db.prepare('DELETE FROM records WHERE place > (:stream << 32) | :held AND place <= :last')
    this.#producers = db.prepare(`DELETE FROM producers WHERE stream = :stream AND id IN (
      SELECT id FROM producers WHERE stream = :stream LIMIT :limit)`)
    this.#collected = db.prepare('DELETE FROM garbage WHERE stream = ?')
    this.#trimmed = db.prepare('DELETE FROM trimmed WHERE stream = ?')
  }

  /** Collects in the background, until nothing is left or the store closes. */
  wake(): void {
    this.#wanted = true
    if (!this.#running) void this.#run()
  }

  async #run(): Promise<void> {
    this.#running = true
    try {
      while (this.#wanted) {
        this.#wanted = false
        while (await this.#collect());
      }
    } catch (error) {
      if (!(error instanceof StoreError && error.code === 'closed')) {
        this.#logger.warn({ err: error }, 'deleted records are left to the next sweep')
      }
    }
    this.#running = false
  }

  /** Returns whether there may be more. */
  async #collect(): Promise<boolean> {
    const weight = { records: MAX_RECORDS, bytes: 0, frees: true }
    try {
      return await this.#queue.submit(weight, () => this.#slice())
    } catch (error) {
      // On a full disk a smaller slice may fit.
      if (!(error instanceof StoreError && error.code === 'full') || this.#limit === 1) throw error
      this.#share /= 8
      return true
    }
  }

  get #limit(): number {
    return Math.max(1, Math.round(this.#share * MAX_RECORDS))
  }

  #slice(): boolean {
    const row = this.#next.get()
    if (!row) return false
    const stream = Number(row['stream'])
    const since = performance.now()
    const heldUpTo = this.#forks.heldUpTo(stream)
    const held = heldUpTo ?? 0
    const last = this.#lastOfSlice(stream, held, Number(row['last']))
    if (last !== undefined) this.#records.run({ stream, held, last })
    else if (row['deleted'] === 0) this.#trimmed.run(stream)
    else if (this.#producers.run({ stream, limit: this.#limit }).changes === 0) {
      this.#collected.run(stream)
      if (heldUpTo === undefined) this.#forks.release(stream)
    }
    const isSlow = performance.now() - since > SLICE_MS
    this.#share = isSlow ? Math.max(this.#share / 2, 1 / MAX_RECORDS) : Math.min(this.#share * 2, 1)
    return true
  }

  /** Where a slice of a stream's records between two positions ends; undefined if there are none. */
  #lastOfSlice(stream: number, held: number, position: number): number | undefined {
    let last: number | undefined
    let bytes = 0
    for (const row of this.#sizes.iterate({ stream, held, last: position, limit: this.#limit })) {
      last = Number(row['place'])
      bytes += Number(row['bytes'])
      if (bytes >= this.#share * MAX_BYTES) break
    }
    return last
  }
}
