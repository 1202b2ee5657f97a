/**
 * Checks that the database file is still in place. SQLite goes on writing to a file that was removed or replaced: its
 * commits are lost with the last process that has it open, and two processes may have one stream in two files. On a
 * damaged file, a commit may destroy older records.
 */
import { statSync } from 'node:fs'
import type { StoreError } from '../../errors.ts'
import { storeError } from '../store-error.ts'

/** Milliseconds between two checks of all files, including those beside the database. */
const LOOK_MS = 250
/**
 * Milliseconds between two checks of the database during consecutive transactions: a check takes some microseconds, a
 * tenth of a short transaction. Writes acknowledged in between are lost together with the file.
 */
const GLANCE_MS = 10

interface Identity {
  readonly file: string
  readonly dev: number
  readonly ino: number
}

export class FileGuard {
  readonly #path: string
  readonly #database: Identity | undefined
  /** The log and its index, which stay the same while any process has the database open. */
  readonly #beside: readonly Identity[]
  #lookedAt = Number.NEGATIVE_INFINITY
  #glancedAt = Number.NEGATIVE_INFINITY
  #damage: StoreError | undefined

  /** @param db a database that was just opened. */
  constructor(path: string) {
    this.#path = path
    this.#database = identityOf(path)
    this.#beside = [`${path}-wal`, `${path}-shm`].flatMap((file) => identityOf(file) ?? [])
  }

  /** Notes an error of SQLite about the file. */
  note(error: StoreError): void {
    // Records that the store itself finds missing concern one stream: the pages are sound.
    if (error.code === 'corrupt' && isFromSqlite(error.cause)) this.#damage ??= error
  }

  /**
   * Call this before a transaction is answered, and from time to time.
   *
   * @throws {StoreError} `io` if the file was removed or replaced, until it is back.
   */
  checkPlace(): void {
    const now = performance.now()
    if (now - this.#glancedAt < GLANCE_MS) return
    this.#glancedAt = now
    const isDue = now - this.#lookedAt >= LOOK_MS
    if (isDue) this.#lookedAt = now
    const files = isDue ? [this.#database, ...this.#beside] : [this.#database]
    const lost = files.find((known) => known && !isStillThere(known))
    if (!lost) return
    this.#lookNext()
    throw storeError('io', this.#path, undefined, `${lost.file} was removed, or replaced by another file`)
  }

  /** The same for frequent calls: it checks the files four times a second. */
  checkPlaceNowAndThen(): void {
    if (performance.now() - this.#lookedAt >= LOOK_MS) this.checkPlace()
  }

  /** @throws {StoreError} `corrupt` once damage was found, permanently. */
  checkDamage(): void {
    if (this.#damage) throw this.#damage
  }

  /** @throws {StoreError} for anything that keeps the store from working. Checks the files each time. */
  check(): void {
    this.checkDamage()
    this.#lookNext()
    this.checkPlace()
  }

  #lookNext(): void {
    this.#lookedAt = Number.NEGATIVE_INFINITY
    this.#glancedAt = Number.NEGATIVE_INFINITY
  }
}

function isFromSqlite(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_SQLITE_ERROR'
}

function identityOf(file: string): Identity | undefined {
  const found = statSync(file, { throwIfNoEntry: false })
  return found && { file, dev: found.dev, ino: found.ino }
}

/** A file that cannot be read does not count as gone: SQLite will report the error. */
function isStillThere({ file, dev, ino }: Identity): boolean {
  try {
    const found = identityOf(file)
    return found?.dev === dev && found.ino === ino
  } catch {
    return true
  }
}
