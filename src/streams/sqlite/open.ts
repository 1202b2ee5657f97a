/** Opens the database of the SQLite store: durable against a loss of power, and readable during writes. */
import { accessSync, closeSync, constants, fsyncSync, mkdirSync, openSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import process from 'node:process'
import { DatabaseSync } from 'node:sqlite'
import { StoreError } from '../errors.ts'
import { Reserve } from './file/reserve.ts'
import { isBusy, storeError, toStoreError } from './store-error.ts'
import { migrateDatabase } from './tables/schema.ts'
import type { Migration } from './tables/schema.ts'

export interface OpenedDatabase {
  readonly db: DatabaseSync
  readonly migration: Migration
}

/**
 * A group commit of small records to many streams logs a page per stream: half the usual page size saves a quarter of
 * the cost. Records of a kB and more would need larger pages (measured).
 */
const PAGE_BYTES = 2048
/** Size of the log at which it is checkpointed. */
const LOG_BYTES = 16 * 1024 * 1024
/** Size of the page cache: the ends of some thousand busy streams. */
const CACHE_BYTES = 16 * 1024 * 1024

/** Pause between two attempts at a lock that SQLite does not wait for. */
const RETRY_MS = 10
/** How long SQLite waits for a lock while the file is opened, blocking the event loop. */
const BLOCKING_WAIT_MS = 5

/**
 * Whether SQLite treats a path as that of a file. It does not for an empty path, `:memory:` and some `file:` URLs,
 * which store nothing.
 */
export function isFilePath(path: string): boolean {
  return path !== '' && !path.startsWith(':') && !path.startsWith('file:') && !path.includes('\0')
}

/**
 * Opens the file, creates it (readable by its owner only) and its folder when missing, and migrates it.
 *
 * @throws {StoreError} if the file cannot be used; nothing stays open.
 */
export function openDatabase(path: string, lockTimeoutMs: number, maxFileBytes?: number): OpenedDatabase {
  try {
    return open(path, lockTimeoutMs, maxFileBytes)
  } catch (error) {
    // On a full disk SQLite may have no room for the index of its log.
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
    // Processes take turns here to change the journal mode or the schema.
    const migration = patiently(lockTimeoutMs, () => {
      opened.exec(`PRAGMA busy_timeout = ${BLOCKING_WAIT_MS}; PRAGMA page_size = ${PAGE_BYTES}`)
      opened.exec('PRAGMA journal_mode = WAL')
      return migrateDatabase(opened, path)
    })
    // FULL: a commit returns when the log is on the disk. A checkpoint writes a page once however often the log holds
    // it, so fewer checkpoints are cheaper; the log is truncated after a burst. On macOS a plain fsync leaves data in
    // the cache of the disk; elsewhere these have no effect.
    db.exec('PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON')
    // From now on, waiting for a lock does not block the event loop.
    db.exec(`PRAGMA busy_timeout = 0; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = ${LOG_BYTES / PAGE_BYTES};
      PRAGMA journal_size_limit = ${4 * LOG_BYTES}; PRAGMA cache_size = -${CACHE_BYTES / 1024}`)
    if (maxFileBytes !== undefined) limitFile(db, maxFileBytes)
    return { db, migration }
  } catch (error) {
    db?.close()
    const failure = toStoreError(error, path)
    // SQLite cannot open its log there; its error says no more.
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
 * Creates a folder and its parents, and syncs each parent: SQLite syncs the folder of its files, which is useless
 * while the folder's own name may be lost.
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
  // Windows cannot open folders like this, and keeps names by itself.
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

/** Blocks, so it is only for the start of the process. */
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
