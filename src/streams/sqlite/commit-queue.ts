/**
 * Group commit without a linger: the writes that arrive in one turn of the event loop, and those
 * that arrive while a commit holds it, share the next transaction. A write is answered after its
 * COMMIT; when that fails, exactly the writes in it fail, and the next ones start afresh. A failure that
 * may be that of one write is not laid on its neighbours: they are tried again in halves, down to
 * transactions of one.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { StoreError, StoreErrorCode } from '../errors.ts'
import { WaitingWrites } from '../bookkeeping/waiting-writes.ts'
import type { FileGuard } from './file-guard.ts'
import type { LogRoom } from './log-room.ts'
import { PendingWrite } from './pending-write.ts'
import type { Weight } from './pending-write.ts'
import { isBusy, storeError, toStoreError } from './store-error.ts'

/** Bounds a transaction, and so how long one commit holds the event loop. */
const MAX_RECORDS = 1000
const MAX_BYTES = 1024 * 1024

/**
 * Between two attempts to begin while another process writes: it is free for moments only, which are to be
 * hit, and after a while it is held by something else. An attempt costs some 10 us.
 */
const FIRST_RETRY_MS = 1
const EAGER_MS = 200
const LONGEST_RETRY_MS = 10

/** The fault of what a write asked for; all others are the file's, and stay whoever tries. */
const OF_ONE_WRITE: ReadonlySet<StoreErrorCode> = new Set(['failed'])

export interface CommitQueueOptions {
  readonly path: string
  readonly lockTimeoutMs: number
  /** Says for each transaction when it is. */
  readonly clock: () => number
  readonly guard: FileGuard
  readonly room: LogRoom
  /** A transaction has begun: what other processes wrote is to be seen from now on. */
  readonly onBegin: () => void
  /** Its writes have run; what they leave to be written is written now. */
  readonly onEnd: () => void
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
   * Runs `work` in the next transaction, with the time of that; it must not wait, and must not throw but for the database's
   * sake. When the transaction fails, it may run again in another one. The signal withdraws a write that
   * has not begun.
   *
   * Rejects with the `StoreError` `overloaded`, at once, when too much waits already.
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

  /** Takes no more writes; resolves when those it has are answered. */
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

  /** Those that may be tried; the others are refused. */
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

  /** Rolls a transaction back, should there be one, and tries again what may succeed. */
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

  /** Some times only: what does not fit then will not by trying. */
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

  /** In front of all others, as they came: of one fault among a thousand writes come twenty transactions. */
  #retryInHalves(batch: readonly PendingWrite[]): void {
    const halves = [Symbol('first half'), Symbol('second half')] as const
    for (const [n, write] of batch.entries()) write.half = halves[n * 2 < batch.length ? 0 : 1]
    this.#writes.unshift(...batch)
  }

  /** Waiting here, and not in SQLite, leaves the event loop to everybody else. */
  #waitForLock(error: unknown): void {
    const { path, lockTimeoutMs } = this.#options
    const now = performance.now()
    // As they came: those that are tried again in halves came before all others.
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
      // SQLite rolls some failures back by itself. Should it not have, the next BEGIN says so.
    }
  }
}
