/** Reads of the database, each in one snapshot of it. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { FileGuard } from './file/file-guard.ts'
import { isBusy, toStoreError } from './store-error.ts'
import type { StreamTable } from './tables/stream-table.ts'

const RETRY_MS = 5

export interface SnapshotsOptions {
  readonly path: string
  readonly lockTimeoutMs: number
  readonly guard: FileGuard
  /** Throws if the store accepts no calls. */
  readonly checkOpen: () => void
}

export class Snapshots {
  readonly #table: StreamTable
  readonly #options: SnapshotsOptions
  readonly #begin: StatementSync
  readonly #end: StatementSync

  constructor(db: DatabaseSync, table: StreamTable, options: SnapshotsOptions) {
    this.#table = table
    this.#options = options
    this.#begin = db.prepare('BEGIN')
    this.#end = db.prepare('COMMIT')
  }

  /** Runs `work` in a snapshot. Throws errors of SQLite. */
  take<T>(work: () => T): T {
    this.#options.guard.checkPlaceNowAndThen()
    this.#begin.run()
    try {
      this.#table.refresh()
      return work()
    } finally {
      this.#end.run()
    }
  }

  /**
   * The same for a call of the store. In WAL mode writers do not block it, but a process that recovers the file does.
   */
  async look<T>(work: () => T, signal: AbortSignal | undefined): Promise<T> {
    const { lockTimeoutMs, checkOpen } = this.#options
    const since = performance.now()
    for (;;) {
      signal?.throwIfAborted()
      checkOpen()
      try {
        return this.take(work)
      } catch (error) {
        const mayWait = isBusy(error) && performance.now() - since < lockTimeoutMs
        if (!mayWait) this.#fail(error)
      }
      await sleep(RETRY_MS)
    }
  }

  /** Runs work that takes its own snapshots, in a call of the store. */
  within<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): never {
    const { path, guard } = this.#options
    const failure = toStoreError(error, path)
    guard.note(failure)
    throw failure
  }
}
