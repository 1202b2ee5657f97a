/**
 * Whether what is written still reaches whoever opens the file next. SQLite goes on with a file that was
 * removed, or replaced by another, as if nothing had happened: what is committed then is gone with the
 * last process that holds it, and two processes may have one stream in two files. And on a damaged file
 * a commit may take with it what was kept before.
 */
import { statSync } from 'node:fs'
import type { StoreError } from '../errors.ts'
import { storeError } from './store-error.ts'

/** Milliseconds between two looks at the files, the ones beside the database included. */
const LOOK_MS = 250
/**
 * Milliseconds between two looks at the database while transactions follow each other: a look takes some
 * microseconds, a tenth of a short one. Whatever was acknowledged in them goes the way of all that the file held.
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
  /** The log and its index; they stay the same while any process has the database open. */
  readonly #beside: readonly Identity[]
  #lookedAt = Number.NEGATIVE_INFINITY
  #glancedAt = Number.NEGATIVE_INFINITY
  #damage: StoreError | undefined

  /** Of a database that was just opened. */
  constructor(path: string) {
    this.#path = path
    this.#database = identityOf(path)
    this.#beside = [`${path}-wal`, `${path}-shm`].flatMap((file) => identityOf(file) ?? [])
  }

  /** Notes what SQLite says of the file. */
  note(error: StoreError): void {
    // What the store itself misses is damage to one stream: the pages are sound.
    if (error.code === 'corrupt' && isFromSqlite(error.cause)) this.#damage ??= error
  }

  /**
   * To be called before a transaction is answered, and now and then.
   *
   * @throws {StoreError} `io` for a file that was removed or replaced, until it is back.
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

  /** The same where it is asked often: it looks at the files four times a second. */
  checkPlaceNowAndThen(): void {
    if (performance.now() - this.#lookedAt >= LOOK_MS) this.checkPlace()
  }

  /** @throws {StoreError} `corrupt` once damage was found, for good. */
  checkDamage(): void {
    if (this.#damage) throw this.#damage
  }

  /** @throws {StoreError} for anything that keeps the store from working. Looks at the files each time. */
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

/** What cannot be looked at is not taken for gone: SQLite will say what is wrong with it. */
function isStillThere({ file, dev, ino }: Identity): boolean {
  try {
    const found = identityOf(file)
    return found?.dev === dev && found.ino === ino
  } catch {
    return true
  }
}
