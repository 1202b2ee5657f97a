/**
 * Group commit without a linger: the writes that arrive in one turn of the event loop, and those
 * that arrive while a commit holds it, share the next transaction. A write is answered after its
 * COMMIT; when that fails, exactly the writes in it fail, and the next ones start afresh.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { isBusy, storeError, toStoreError } from './store-error.ts'

/** Bounds a transaction, and so how long one commit holds the event loop. */
const MAX_RECORDS = 1000
const MAX_BYTES = 1024 * 1024
/** Between two attempts to begin while another process writes: its commits take about this long. */
const RETRY_MS = 5

/** How much a write adds to its transaction. */
export interface Weight {
  readonly records: number
  readonly bytes: number
}

interface Write {
  readonly weight: Weight
  readonly run: () => void
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
  readonly since: number
}

export interface CommitQueueOptions {
  readonly path: string
  readonly lockTimeoutMs: number
  /** A transaction has begun: what other processes wrote is to be seen from now on. */
  readonly onBegin: () => void
  /** It is durable; none of its writes is answered yet. */
  readonly onCommit: () => void
  /** It did not happen. */
  readonly onRollback: () => void
}

export class CommitQueue {
  readonly #db: DatabaseSync
  readonly #options: CommitQueueOptions
  readonly #begin: StatementSync
  readonly #commit: StatementSync
  #writes: Write[] = []
  #immediate: NodeJS.Immediate | undefined
  #retry: NodeJS.Timeout | undefined
  #closed: PromiseWithResolvers<void> | undefined

  constructor(db: DatabaseSync, options: CommitQueueOptions) {
    this.#db = db
    this.#options = options
    this.#begin = db.prepare('BEGIN IMMEDIATE')
    this.#commit = db.prepare('COMMIT')
  }

  /**
   * Runs `work` in the next transaction; it must not wait, and must not throw but for the database's
   * sake. The signal withdraws a write that has not begun.
   */
  submit<T>(weight: Weight, work: () => T, signal?: AbortSignal): Promise<T> {
    if (this.#closed) return Promise.reject(storeError('closed', this.#options.path))
    return new Promise((resolve, reject) => {
      let result: T
      const withdraw = (): void => {
        this.#writes = this.#writes.filter((other) => other !== write)
        reject(signal?.reason)
      }
      const write: Write = {
        weight,
        run: () => {
          signal?.removeEventListener('abort', withdraw)
          result = work()
        },
        resolve: () => resolve(result),
        reject: (reason) => {
          signal?.removeEventListener('abort', withdraw)
          reject(reason)
        },
        since: performance.now(),
      }
      signal?.addEventListener('abort', withdraw, { once: true })
      this.#writes.push(write)
      this.#schedule()
    })
  }

  /** Takes no more writes; resolves when those it has are answered. */
  close(): Promise<void> {
    this.#closed ??= Promise.withResolvers()
    this.#schedule()
    return this.#closed.promise
  }

  #schedule(): void {
    if (this.#retry || this.#immediate) return
    this.#immediate = setImmediate(() => this.#flush())
  }

  #flush(): void {
    this.#immediate = undefined
    if (this.#writes.length > 0) this.#transact()
    if (this.#writes.length > 0) this.#schedule()
    else this.#closed?.resolve()
  }

  #transact(): void {
    const { path, onBegin, onCommit, onRollback } = this.#options
    try {
      this.#begin.run()
    } catch (error) {
      if (isBusy(error)) this.#waitForLock(error)
      else for (const write of this.#take()) write.reject(toStoreError(error, path))
      return
    }
    const batch = this.#take()
    try {
      onBegin()
      for (const write of batch) write.run()
      this.#commit.run()
    } catch (error) {
      this.#rollback()
      onRollback()
      for (const write of batch) write.reject(toStoreError(error, path))
      return
    }
    onCommit()
    for (const write of batch) write.resolve()
  }

  #take(): Write[] {
    let records = 0
    let bytes = 0
    let count = 0
    for (const { weight } of this.#writes) {
      records += weight.records
      bytes += weight.bytes
      if (count > 0 && (records > MAX_RECORDS || bytes > MAX_BYTES)) break
      count++
    }
    return this.#writes.splice(0, count)
  }

  /** Waiting here, and not in SQLite, leaves the event loop to everybody else. */
  #waitForLock(error: unknown): void {
    const { path, lockTimeoutMs } = this.#options
    const now = performance.now()
    const waiting: Write[] = []
    for (const write of this.#writes) {
      if (now - write.since < lockTimeoutMs) waiting.push(write)
      else write.reject(toStoreError(error, path))
    }
    this.#writes = waiting
    if (this.#writes.length === 0) return
    this.#retry = setTimeout(() => {
      this.#retry = undefined
      this.#flush()
    }, RETRY_MS)
  }

  #rollback(): void {
    try {
      this.#db.exec('ROLLBACK')
    } catch {
      // SQLite rolls some failures back by itself. Should it not have, the next BEGIN says so.
    }
  }
}
