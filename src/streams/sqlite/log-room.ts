/**
 * Keeps a full disk from being full for good. SQLite writes to its log, and brings the log into the
 * database when it is long; on a disk that the log fills first, there is no room left for that.
 *
 * The invariant: a reserve on the disk is as large as what the log would add to the database. So it can
 * always be brought in: the reserve is given back, the log is brought into the database and cut to
 * nothing, and the reserve is taken again from what that freed. A write that would break the invariant is
 * refused as `full`. One that removes more than it adds is not: it may use the reserve for its log.
 */
import { statSync } from 'node:fs'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { isBusy, storeError } from './store-error.ts'
import { Reserve } from './reserve.ts'

/** The reserve grows in such steps, and is so large at the least, for deletes to write their log in. */
const STEP_BYTES = 256 * 1024
/**
 * What the reserve holds beyond that, where the disk has it: the closer the log comes to its room, the more often
 * it has to be looked at, which takes a third of a short transaction.
 */
const SPARE_BYTES = STEP_BYTES / 2
/** What a write adds to the database beside its bytes: pages that are split, rows of other tables. */
const PAGES_OF_A_WRITE = 4
/** Milliseconds for which a disk that was full is taken to be so. */
const FULL_MS = 250

export class LogRoom {
  readonly #db: DatabaseSync
  readonly #path: string
  readonly #reserve: Reserve
  readonly #pages: StatementSync
  readonly #pageBytes: number
  #held: number
  /** Bytes that the log adds to the database when it is brought in, at most. */
  #due = Number.POSITIVE_INFINITY
  #fullUntil = Number.NEGATIVE_INFINITY
  #tightUntil = Number.NEGATIVE_INFINITY

  constructor(db: DatabaseSync, path: string) {
    this.#db = db
    this.#path = path
    this.#reserve = new Reserve(path)
    this.#held = this.#reserve.size
    // The snapshot that they are taken from costs more than they do.
    this.#pages = db.prepare(
      'SELECT page_count, freelist_count FROM pragma_page_count, pragma_freelist_count',
    )
    this.#pageBytes = Number(db.prepare('PRAGMA page_size').get()?.['page_size'])
  }

  /**
   * To be called before a transaction that adds so many bytes.
   *
   * @throws {StoreError} `full` when the disk has no room to bring them into the database.
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

  /** To be called when it was committed. */
  written(bytes: number): void {
    this.#due += this.#addedBy(bytes)
  }

  /** To be called when something was removed. */
  freed(): void {
    this.#fullUntil = Number.NEGATIVE_INFINITY
    if (this.#held > 0 || this.#bringIn() !== 'done') return
    this.#held = this.#reserve.take(STEP_BYTES)
  }

  /**
   * Brings the log into the database, with the room of the reserve if need be. Whether what did not fit
   * may be tried again; what `frees` room has the reserve for its log then, until it has done so.
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

  /** Looks at what the log adds to the database; with so many bytes more, those that are free already aside. */
  #look(added: number): number {
    const { page_count: all, freelist_count: free } = this.#pages.get() ?? {}
    const size = statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0
    this.#due = Math.max(0, Number(all) * this.#pageBytes - size)
    return this.#due + Math.max(0, added - Number(free) * this.#pageBytes)
  }

  /** Whether the reserve is so large, or can be made so. */
  #holds(bytes: number): boolean {
    // Without room for a first step it may still hold nothing: of what is removed, pages are free.
    if (bytes <= this.#held && (this.#held > 0 || bytes === 0)) return true
    const wanted = Math.ceil(Math.max(bytes, 1) / STEP_BYTES) * STEP_BYTES
    if (!this.#reserve.grow(wanted)) return false
    this.#held = wanted
    return true
  }

  #logBytes(): number {
    return statSync(`${this.#path}-wal`, { throwIfNoEntry: false })?.size ?? 0
  }

  /** Brings the log into the database and cuts it to nothing, unless another process is reading from it. */
  #bringIn(): 'done' | 'busy' | 'failed' {
    try {
      return this.#db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.['busy'] === 0 ? 'done' : 'busy'
    } catch (error) {
      return isBusy(error) ? 'busy' : 'failed'
    }
  }
}
