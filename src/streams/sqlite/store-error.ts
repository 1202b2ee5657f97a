/** Maps errors of SQLite and the file system to the errors of a stream store. */
import { StoreError } from '../errors.ts'
import type { StoreErrorCode } from '../errors.ts'

/** Primary result codes: https://sqlite.org/rescode.html. An extended code has its primary in the low byte. */
const BY_RESULT_CODE: Readonly<Record<number, StoreErrorCode>> = {
  5: 'locked',
  6: 'locked',
  8: 'read_only',
  10: 'io',
  11: 'corrupt',
  13: 'full',
  14: 'cannot_open',
  26: 'not_a_store',
}

const BY_ERRNO: Readonly<Record<string, StoreErrorCode>> = {
  EROFS: 'read_only',
  ENOSPC: 'full',
  EDQUOT: 'full',
  EIO: 'io',
}

const SENTENCES: Readonly<Record<StoreErrorCode, string>> = {
  full: 'is full: free space on its disk; deleting streams makes room under a size limit only',
  locked: 'is locked by another process for too long',
  read_only:
    'may be read but not written: check the permissions of the file and its folder, and how its disk is mounted',
  cannot_open: 'cannot be opened: check that its folder exists and may be written',
  not_a_store: 'is not a stream store: the file holds something else',
  newer_version: 'was written by a newer version of Millrace: upgrade this one',
  corrupt: 'is damaged: stop what uses it and restore a backup',
  io: 'cannot be read or written: its disk reports an error, or the file is not there any more',
  overloaded: 'has too much to write already: try again later',
  unavailable: 'does not answer',
  closed: 'is closed',
  failed: 'failed',
}

/** Damage that SQLite does not notice, because the remaining pages are sound. */
export class DamagedFileError extends Error {
  override readonly name = 'DamagedFileError'
  readonly errcode = 11

  constructor() {
    super('Records are missing between others')
  }
}

export function storeError(code: StoreErrorCode, path: string, cause?: unknown, detail?: string): StoreError {
  const message = `The stream store ${path} ${SENTENCES[code]}${detail === undefined ? '' : ` (${detail})`}`
  return new StoreError(code, message, cause === undefined ? undefined : { cause })
}

/** Any error of the database at `path` as a `StoreError`; a `StoreError` is returned unchanged. */
export function toStoreError(error: unknown, path: string): StoreError {
  if (error instanceof StoreError) return error
  const code = codeOf(error)
  return storeError(
    code,
    path,
    error,
    code === 'failed' && error instanceof Error ? error.message : undefined,
  )
}

/** Whether another process holds a lock, so that waiting may help. */
export function isBusy(error: unknown): boolean {
  return codeOf(error) === 'locked'
}

function codeOf(error: unknown): StoreErrorCode {
  if (!(error instanceof Error)) return 'failed'
  if ('errcode' in error && typeof error.errcode === 'number') {
    return BY_RESULT_CODE[error.errcode & 0xff] ?? 'failed'
  }
  // From the file system, when the file is created: all other errors concern the path.
  if ('errno' in error && 'code' in error) return BY_ERRNO[String(error.code)] ?? 'cannot_open'
  return 'failed'
}
