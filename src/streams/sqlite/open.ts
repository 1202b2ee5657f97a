/** Opens the database of the SQLite store: durable against a loss of power, readable while written. */
import { accessSync, closeSync, constants, fsyncSync, mkdirSync, openSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import process from 'node:process'
import { DatabaseSync } from 'node:sqlite'
import { StoreError } from '../errors.ts'
import { Reserve } from './reserve.ts'
import { isBusy, storeError, toStoreError } from './store-error.ts'
import { migrateDatabase } from './tables/schema.ts'
import type { Migration } from './tables/schema.ts'

export interface OpenedDatabase {
  readonly db: DatabaseSync
  readonly migration: Migration
}

/**
 * A group commit of small records to many streams logs a page for each of them: half the usual size
 * takes a quarter off its cost. For records of a kB and more a larger page would be better (measured).
 */
const PAGE_BYTES = 2048
/** What the log holds before it is checkpointed into the file. */
const LOG_BYTES = 16 * 1024 * 1024
/** Pages held in memory: the ends of some thousand busy streams. */
const CACHE_BYTES = 16 * 1024 * 1024

/** Between two attempts at a lock that SQLite does not wait for by itself. */
const RETRY_MS = 10
/** How long SQLite itself waits for a lock while the file is opened, holding the event loop. */
const BLOCKING_WAIT_MS = 5

/**
 * Whether SQLite takes a path for that of a file. Of `:memory:` and of what a `file:` URL may ask for
 * nothing is kept, while an empty file of that name would be.
 */
export function isFilePath(path: string): boolean {
  return path !== '' && !path.startsWith(':') && !path.startsWith('file:') && !path.includes('\0')
}

/**
 * Opens the file, creates it (readable by its owner only) and its folder when missing, and migrates it.
 *
 * @throws {StoreError} for what cannot be used; nothing stays open.
 */
export function openDatabase(path: string, lockTimeoutMs: number, maxFileBytes?: number): OpenedDatabase {
  try {
    return open(path, lockTimeoutMs, maxFileBytes)
  } catch (error) {
    // On a full disk SQLite may not even have room for the index of its log.
    const reserve = new Reserve(path)
    const mayBeFull = error instanceof StoreError && (error.code === 'full' || error.code === 'io')
    if (!mayBeFull || reserve.size === 0) throw error
    reserve.release()
    return open(path, lockTimeoutMs, maxFileBytes)
  }
}

function open(path: string, lockTimeoutMs: number, maxFileBytes: number | undefined): OpenedDatabase {
  if (!isFilePath(path)) {
    const detail = 'it is not the path of a file; memory() keeps streams in memory'
    throw storeError('cannot_open', path, undefined, detail)
  }
  let db: DatabaseSync | undefined
  try {
    createFile(path)
    db = new DatabaseSync(path)
    const opened = db
    // While a process changes the journal mode or the schema, another one must wait its turn here.
    const migration = patiently(lockTimeoutMs, () => {
      opened.exec(`PRAGMA busy_timeout = ${BLOCKING_WAIT_MS}; PRAGMA page_size = ${PAGE_BYTES}`)
      opened.exec('PRAGMA journal_mode = WAL')
      return migrateDatabase(opened, path)
    })
    // FULL: a commit returns when the log is on the disk. A checkpoint writes a page once, however
    // often the log holds it, so few are cheaper; the log is cut back after a burst.
    // On macOS a plain fsync leaves what it syncs in the cache of the disk; elsewhere these say nothing.
    db.exec('PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON')
    // From now on whoever needs a lock waits for it by turns of the event loop.
    db.exec(`PRAGMA busy_timeout = 0; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = ${LOG_BYTES / PAGE_BYTES};
      PRAGMA journal_size_limit = ${4 * LOG_BYTES}; PRAGMA cache_size = -${CACHE_BYTES / 1024}`)
    if (maxFileBytes !== undefined) limitFile(db, maxFileBytes)
    return { db, migration }
  } catch (error) {
    db?.close()
    const failure = toStoreError(error, path)
    // SQLite cannot open its log there, and says no more than that.
    const isReadOnly = failure.code === 'cannot_open' && isOnReadOnlyDisk(path)
    throw isReadOnly ? storeError('read_only', path, error) : failure
  }
}

function isOnReadOnlyDisk(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return false
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EROFS'
  }
}

function createFile(path: string): void {
  makeFolder(dirname(path))
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
}

/**
 * Makes a folder and those around it, each kept by the one it is in: SQLite syncs the folder of its files, and
 * that is worth nothing while the folder's own name may be lost.
 */
function makeFolder(folder: string): void {
  const first = mkdirSync(folder, { recursive: true })
  if (first === undefined) return
  for (let made = resolve(folder); ; made = dirname(made)) {
    syncFolder(dirname(made))
    if (made === resolve(first)) return
  }
}

function syncFolder(folder: string): void {
  // Windows opens no folder so, and keeps names by itself.
  if (process.platform === 'win32') return
  const handle = openSync(folder, constants.O_RDONLY)
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

function limitFile(db: DatabaseSync, maxFileBytes: number): void {
  const pageSize = Number(db.prepare('PRAGMA page_size').get()?.['page_size'])
  db.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxFileBytes / pageSize))}`)
}

/** Blocks: only a start of the process may do so. */
function patiently<T>(timeoutMs: number, attempt: () => T): T {
  const deadline = performance.now() + timeoutMs
  const sleeper = new Int32Array(new SharedArrayBuffer(4))
  for (;;) {
    try {
      return attempt()
    } catch (error) {
      if (!isBusy(error) || performance.now() >= deadline) throw error
      Atomics.wait(sleeper, 0, 0, RETRY_MS)
    }
  }
}
