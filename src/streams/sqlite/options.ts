/** Options of the SQLite store. */
import type { OptionNames } from '../../protocol/known-options.ts'
import { STREAM_STORE_OPTIONS, type StreamStoreOptions } from '../options.ts'
import { checkInteger } from '../bookkeeping/requests.ts'

export interface SqliteOptions extends StreamStoreOptions {
  /** Seconds to wait for another process that locks the file, before `locked`; up to 600. Default 5. */
  readonly lockTimeout?: number
  /** Seconds between two looks for writes of other processes, while there are watchers. Default 0.02. */
  readonly followInterval?: number
  /** Largest size of the database in bytes, before `full`; its log is extra. Default: what the disk holds. */
  readonly maxFileBytes?: number
}

export const SQLITE_OPTIONS: OptionNames<SqliteOptions> = {
  ...STREAM_STORE_OPTIONS,
  lockTimeout: true,
  followInterval: true,
  maxFileBytes: true,
}

export const LOCK_TIMEOUT_MS = 5000

/** @throws {StreamRequestError} `invalid_limit` */
export function timesOf({ lockTimeout = LOCK_TIMEOUT_MS / 1000, followInterval = 0.02 }: SqliteOptions): {
  readonly lockTimeoutMs: number
  readonly followIntervalMs: number
} {
  const followIntervalMs = Math.round(followInterval * 1000)
  const lockTimeoutMs = Math.round(lockTimeout * 1000)
  checkInteger(followIntervalMs, 1, 60_000, 'invalid_limit', 'followInterval in milliseconds')
  checkInteger(lockTimeoutMs, 0, 600_000, 'invalid_limit', 'lockTimeout in milliseconds')
  return { lockTimeoutMs, followIntervalMs }
}
