/**
 * Group commit without added delay: writes that arrive in one turn of the event loop, and while a commit blocks it,
 * share the next transaction. A write is answered after its COMMIT; if that fails, exactly its writes fail, and the
 * next transaction starts afresh. If one write may be at fault, the writes are retried in halves, down to single
 * ones, so that the others succeed.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { StoreError, StoreErrorCode } from '../../errors.ts'
import { WaitingWrites } from '../../bookkeeping/waiting-writes.ts'
import type { FileGuard } from '../file/file-guard.ts'
import type { LogRoom } from '../file/log-room.ts'
import { PendingWrite } from './pending-write.ts'
import type { Weight } from './pending-write.ts'
import { isBusy, storeError, toStoreError } from '../store-error.ts'

/** Bounds a transaction, and so the time for which a commit blocks the event loop. */
const MAX_RECORDS = 1000
const MAX_BYTES = 1024 * 1024

/**
 * Pauses between attempts to begin while another process writes. At first the file is free for moments only, so
 * attempts are frequent; after a while something else holds it. An attempt costs about 10 us.
 */
const FIRST_RETRY_MS = 1
const EAGER_MS = 200
const LONGEST_RETRY_MS = 10

/** Errors caused by a single write; all others are caused by the file, and would recur. */
const OF_ONE_WRITE: ReadonlySet<StoreErrorCode> = new Set(['failed'])

export interface CommitQueueOptions {
  readonly path: string
  readonly lockTimeoutMs: number
  /** Gives the time of a transaction. */
  readonly clock: () => number
  readonly guard: FileGuard
  readonly room: LogRoom
  /** A transaction has begun: writes of other processes are visible from now on. */
  readonly onBegin: () => void
  /** Its writes have run; deferred writes are made now. */
  readonly onEnd: () => void
  /** It is durable; none of its writes is answered yet. */
  readonly onCommit: () => void
  /** It was rolled back. */
  readonly onRollback: () => void
}

export class CommitQueue {
  readonly #db: DatabaseSync
  readonly #options: CommitQueueOptions
  readonly #begin: StatementSync
  readonly #commit: StatementSync
  readonly #waiting = new WaitingWrites()
  #writes: PendingWrite[] = []
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
   * Runs `work` in the next transaction, with its time. `work` must be synchronous, and may throw only errors of the
   * database. If the transaction fails, it may run again in another one. The signal withdraws a write that has not
   * begun.
   *
   * Rejects at once with the `StoreError` `overloaded` if too many writes wait.
   */
  submit<T>(weight: Weight, work: (now: number) => T, signal?: AbortSignal): Promise<T> {
    if (this.#closed) return Promise.reject(storeError('closed', this.#options.path))
    return new Promise<T>((resolve, reject) => {
      const answer = resolve as (result: unknown) => void
      const write = new PendingWrite(weight, this.#waiting, work, answer, reject)
      if (signal) write.until(signal, () => this.#forget(write))
      this.#writes.push(write)
      this.#schedule()
    })
  }

  /** Accepts no more writes. Resolves when all accepted ones are answered. */
  close(): Promise<void> {
    this.#closed ??= Promise.withResolvers()
    this.#schedule()
    return this.#closed.promise
  }

  #forget(write: PendingWrite): void {
    this.#writes = this.#writes.filter((other) => other !== write)
  }

  #schedule(): void {
    if (this.#retry || this.#immediate) return
    this.#immediate = setImmediate(() => this.#flush())
  }

  #flushIn(milliseconds: number): void {
    this.#retry = setTimeout(() => {
      this.#retry = undefined
      this.#flush()
    }, milliseconds)
  }

  #flush(): void {
    this.#immediate = undefined
    if (this.#writes.length > 0) this.#transact()
    if (this.#writes.length > 0) this.#schedule()
    else this.#closed?.resolve()
  }

  #transact(): void {
    const { clock, onBegin, onEnd, onCommit, guard, room } = this.#options
    const batch = this.#admit(this.#take())
    if (batch.length === 0 || !this.#begins(batch)) return
    let bytes = 0
    let frees = false
    try {
      onBegin()
      const now = clock()
      for (const write of batch) {
        write.run(now)
        bytes += write.weight.bytes
        if (write.weight.frees) frees = true
      }
      onEnd()
      this.#commit.run()
      room.written(bytes)
      guard.checkPlace()
    } catch (error) {
      this.#failed(batch, error)
      return
    }
    if (frees) room.freed()
    onCommit()
    for (const write of batch) write.resolve()
  }

  /** The writes that may be tried; the others are refused. */
  #admit(batch: readonly PendingWrite[]): readonly PendingWrite[] {
    const { guard, room } = this.#options
    let areTried = false
    try {
      guard.checkDamage()
      areTried = true
      let bytes = 0
      let grows = false
      for (const { weight } of batch) {
        bytes += weight.bytes
        if (!weight.frees) grows = true
      }
      if (grows) room.admit(bytes)
      return batch
    } catch (error) {
      const tried = areTried ? batch.filter(({ weight }) => weight.frees) : []
      for (const write of batch) if (!tried.includes(write)) write.reject(error)
      return tried
    }
  }

  #begins(batch: readonly PendingWrite[]): boolean {
    try {
      this.#begin.run()
      return true
    } catch (error) {
      if (isBusy(error)) {
        this.#writes.unshift(...batch)
        this.#waitForLock(error)
      } else this.#failed(batch, error)
      return false
    }
  }

  /** Rolls back a transaction, if there is one, and retries writes that may succeed. */
  #failed(batch: readonly PendingWrite[], error: unknown): void {
    const { path, guard, onRollback } = this.#options
    this.#rollback()
    onRollback()
    const failure = toStoreError(error, path)
    guard.note(failure)
    if (failure.code === 'full') this.#retryWithRoom(batch, failure)
    else if (batch.length > 1 && OF_ONE_WRITE.has(failure.code)) this.#retryInHalves(batch)
    else for (const write of batch) write.reject(failure)
  }

  /** A few times only: writes that do not fit then never will. */
  #retryWithRoom(batch: readonly PendingWrite[], failure: StoreError): void {
    const again = batch.filter(({ weight, tries }) => tries < (weight.frees ? 2 : 1))
    const hasRoom = again.length > 0 && this.#options.room.makeRoom(again.every(({ weight }) => weight.frees))
    for (const write of batch) {
      if (!hasRoom || !again.includes(write)) write.reject(failure)
      else write.tries++
    }
    if (hasRoom) this.#writes.unshift(...again)
  }

  #take(): PendingWrite[] {
    let records = 0
    let bytes = 0
    let count = 0
    for (const { weight, half } of this.#writes) {
      records += weight.records
      bytes += weight.bytes
      const isFull = records > MAX_RECORDS || bytes > MAX_BYTES
      if (count > 0 && (isFull || half !== this.#writes[0]?.half)) break
      count++
    }
    if (count < this.#writes.length) return this.#writes.splice(0, count)
    const all = this.#writes
    this.#writes = []
    return all
  }

  /** Before all others, in their order: one fault among a thousand writes causes twenty transactions. */
  #retryInHalves(batch: readonly PendingWrite[]): void {
    const halves = [Symbol('first half'), Symbol('second half')] as const
    for (const [n, write] of batch.entries()) write.half = halves[n * 2 < batch.length ? 0 : 1]
    this.#writes.unshift(...batch)
  }

  /** Waiting here instead of in SQLite keeps the event loop free. */
  #waitForLock(error: unknown): void {
    const { path, lockTimeoutMs } = this.#options
    const now = performance.now()
    // In their order: writes retried in halves came before all others.
    const waiting = this.#writes.findIndex(({ since }) => now - since < lockTimeoutMs)
    for (const write of this.#writes.splice(0, waiting === -1 ? this.#writes.length : waiting)) {
      write.reject(toStoreError(error, path))
    }
    const [first] = this.#writes
    if (!first) return
    this.#flushIn(Math.min(Math.max((now - first.since - EAGER_MS) / 20, FIRST_RETRY_MS), LONGEST_RETRY_MS))
  }

  #rollback(): void {
    try {
      this.#db.exec('ROLLBACK')
    } catch {
      // SQLite rolls back some failures by itself. If it did not, the next BEGIN fails.
    }
  }
}
