/**
 * Keeps a full disk from blocking the store permanently. SQLite writes to its log, and checkpoints the log into the
 * database when it is long. If the log fills the disk first, there is no room for that.
 *
 * Invariant: a reserve file is as large as what the log would add to the database. So a checkpoint is always
 * possible: the reserve is freed, the log is checkpointed and truncated, and the reserve is taken again from the
 * freed space. A write that would break the invariant is refused as `full`, unless it removes more than it adds: then
 * it may use the reserve for its log.
 */
import { statSync } from 'node:fs'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { isBusy, storeError } from '../store-error.ts'
import { Reserve } from './reserve.ts'

/** Step by which the reserve grows, and its smallest size, so that deletes can write their log. */
const STEP_BYTES = 256 * 1024
/**
 * Extra size of the reserve, if the disk has it. The closer the log comes to its limit, the more often it must be
 * checked, which costs a third of a short transaction.
 */
const SPARE_BYTES = STEP_BYTES / 2
/** What a write adds to the database beside its bytes: split pages, rows of other tables. */
const PAGES_OF_A_WRITE = 4
/** Milliseconds for which a full disk is assumed to stay full. */
const FULL_MS = 250

export class LogRoom {
  readonly #db: DatabaseSync
  readonly #path: string
  readonly #reserve: Reserve
  readonly #pages: StatementSync
  readonly #pageBytes: number
  #held: number
  /** Most bytes that a checkpoint adds to the database. */
  #due = Number.POSITIVE_INFINITY
  #fullUntil = Number.NEGATIVE_INFINITY
  #tightUntil = Number.NEGATIVE_INFINITY

  constructor(db: DatabaseSync, path: string) {
    this.#db = db
    this.#path = path
    this.#reserve = new Reserve(path)
    this.#held = this.#reserve.size
    // Their snapshot costs more than they do.
    this.#pages = db.prepare(
      'SELECT page_count, freelist_count FROM pragma_page_count, pragma_freelist_count',
    )
    this.#pageBytes = Number(db.prepare('PRAGMA page_size').get()?.['page_size'])
  }

  /**
   * Call this before a transaction that adds this many bytes.
   *
   * @throws {StoreError} `full` if the disk has no room to checkpoint them.
   */
  admit(bytes: number): void {
    const added = this.#addedBy(bytes)
    if (this.#due + added <= this.#held) return
    if (performance.now() >= this.#fullUntil) {
      if (this.#hasRoomFor(added)) return
      this.#fullUntil = performance.now() + FULL_MS
    }
    throw storeError('full', this.#path)
  }

  /** Call this after it was committed. */
  written(bytes: number): void {
    this.#due += this.#addedBy(bytes)
  }

  /** Call this after something was removed. */
  freed(): void {
    this.#fullUntil = Number.NEGATIVE_INFINITY
    if (this.#held > 0 || this.#bringIn() !== 'done') return
    this.#held = this.#reserve.take(STEP_BYTES)
  }

  /**
   * Checkpoints the log, using the reserve if necessary. Returns whether a write that did not fit may be retried; one
   * that `frees` space may use the reserve for its log.
   */
  makeRoom(frees: boolean): boolean {
    const before = this.#logBytes()
    let outcome = this.#bringIn()
    if (outcome === 'busy') return false
    const gained = outcome === 'done' && before > 0
    const isLarge = this.#held > STEP_BYTES
    if (outcome === 'failed' || isLarge || (frees && !gained)) {
      this.#reserve.release()
      this.#held = 0
      if (outcome === 'failed') outcome = this.#bringIn()
    }
    this.#look(0)
    if (frees && !gained) return true
    if (this.#held === 0) this.#held = this.#reserve.take(STEP_BYTES)
    return outcome === 'done' && (before > 0 || isLarge)
  }

  #addedBy(bytes: number): number {
    return bytes + bytes / 4 + PAGES_OF_A_WRITE * this.#pageBytes
  }

  #hasRoomFor(added: number): boolean {
    const needed = this.#look(added)
    if (needed + SPARE_BYTES <= this.#held) return true
    if (performance.now() >= this.#tightUntil) {
      if (this.#holds(needed + SPARE_BYTES)) return true
      this.#tightUntil = performance.now() + FULL_MS
    }
    if (this.#holds(needed)) return true
    // While there is room for it.
    this.makeRoom(false)
    return this.#holds(this.#look(added))
  }

  /** Measures what the log adds to the database, with this many bytes more, less the free pages. */
  #look(added: number): number {
    const { page_count: all, freelist_count: free } = this.#pages.get() ?? {}
    const size = statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0
    this.#due = Math.max(0, Number(all) * this.#pageBytes - size)
    return this.#due + Math.max(0, added - Number(free) * this.#pageBytes)
  }

  /** Whether the reserve has this size, or can be grown to it. */
  #holds(bytes: number): boolean {
    // Without room for a first step, nothing may be enough: removals leave free pages.
    if (bytes <= this.#held && (this.#held > 0 || bytes === 0)) return true
    const wanted = Math.ceil(Math.max(bytes, 1) / STEP_BYTES) * STEP_BYTES
    if (!this.#reserve.grow(wanted)) return false
    this.#held = wanted
    return true
  }

  #logBytes(): number {
    return statSync(`${this.#path}-wal`, { throwIfNoEntry: false })?.size ?? 0
  }

  /** Checkpoints and truncates the log, unless another process reads from it. */
  #bringIn(): 'done' | 'busy' | 'failed' {
    try {
      return this.#db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.['busy'] === 0 ? 'done' : 'busy'
    } catch (error) {
      return isBusy(error) ? 'busy' : 'failed'
    }
  }
}
