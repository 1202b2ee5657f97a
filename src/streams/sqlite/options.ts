/** Options of the SQLite store. */
import type { OptionNames } from '../../protocol/known-options.ts'
import { STREAM_STORE_OPTIONS, type StreamStoreOptions } from '../options.ts'
import { checkInteger } from '../bookkeeping/requests.ts'

export interface SqliteOptions extends StreamStoreOptions {
  /** Milliseconds to wait for another process that locks the file, before `locked`. Default 5,000. */
  readonly lockTimeoutMs?: number
  /** Milliseconds between two looks for writes of other processes, while there are watchers. Default 20. */
  readonly followIntervalMs?: number
  /** Largest size of the database in bytes, before `full`; its log is extra. Default: what the disk holds. */
  readonly maxFileBytes?: number
}

export const SQLITE_OPTIONS: OptionNames<SqliteOptions> = {
  ...STREAM_STORE_OPTIONS,
  lockTimeoutMs: true,
  followIntervalMs: true,
  maxFileBytes: true,
}

export const LOCK_TIMEOUT_MS = 5000

/** @throws {StreamRequestError} `invalid_limit` */
export function timesOf({ lockTimeoutMs = LOCK_TIMEOUT_MS, followIntervalMs = 20 }: SqliteOptions): {
  readonly lockTimeoutMs: number
  readonly followIntervalMs: number
} {
  checkInteger(followIntervalMs, 1, 60_000, 'invalid_limit', 'followIntervalMs')
  checkInteger(lockTimeoutMs, 0, 600_000, 'invalid_limit', 'lockTimeoutMs')
  return { lockTimeoutMs, followIntervalMs }
}
