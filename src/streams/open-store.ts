/** Opens the stream store named by `--store` or `MILLRACE_STORE`. */
import { writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { hostSettings } from '../redis/hosts.ts'
import { memory } from './memory/store.ts'
import type { StreamStoreOptions } from './options.ts'
import { noteVariable } from '../protocol/read-variables.ts'
import { redis } from './redis/open.ts'
import { deferredSqlite } from './sqlite/sqlite.ts'
import { migrate, openSqlite } from './sqlite/store.ts'
import { isFilePath } from './sqlite/open.ts'
import type { Migration } from './sqlite/tables/schema.ts'
import type { StreamStore } from './store.ts'

/** The default store: a file in the working folder. */
export const DEFAULT_STORE = '.millrace/streams.db'

const VARIABLE = 'MILLRACE_STORE'

/** Many platforms name the application's Redis by this variable; used if nothing else names a store. */
const SHARED_VARIABLE = 'REDIS_URL'

const MEMORY = 'memory:'

const TAKES = 'it takes memory:, a file path, sqlite:<path> or redis://…'

/** A folder of this name belongs to Millrace, and is excluded from version control. */
const OWN_FOLDER = '.millrace'

/**
 * Opens the stream store that the variable `MILLRACE_STORE` names, or without it `REDIS_URL`: `memory:`, the path of
 * an SQLite file, `sqlite:` and such a path, or a Redis as `redis://…` or `rediss://…`. `millrace serve --store` sets
 * the variable, so that the command line can choose the store of an application that opens it here. Without either it
 * is `.millrace/streams.db` in the working folder. A file is opened when the store is first used, or a server begins
 * to listen.
 *
 * @throws {RangeError} for a variable that does not name a store.
 * @throws {Error} if a Redis is named and the package `redis` is not installed.
 */
export function storeFromEnvironment(options: StreamStoreOptions = {}): StreamStore {
  noteVariable(VARIABLE)
  const variable = process.env[VARIABLE] ? VARIABLE : SHARED_VARIABLE
  const where = process.env[variable] || DEFAULT_STORE
  let path: string | undefined
  try {
    path = pathOfStore(where)
  } catch (error) {
    // Not quoted: an address may hold a password.
    throw new RangeError(`${variable} names no store; ${(error as RangeError).message}`, { cause: error })
  }
  const open = (): StreamStore => openStore(where, options)
  return path === undefined ? open() : deferredSqlite(path, options, open)
}

/**
 * Opens the store at a place. Redis needs the package `redis`. It is not waited for: docs/redis-streams.md tells what
 * calls do while it is unavailable.
 *
 * @throws {RangeError} saying what a place must be, or what is missing.
 * @throws {StoreError} when the file cannot be used.
 */
export function openStore(where: string, options: StreamStoreOptions = {}): StreamStore {
  const path = pathOfStore(where)
  if (path === undefined && where !== MEMORY) {
    return redis({ ...options, url: where })
  }
  if (path === undefined) return memory(options)
  const store = openSqlite(path, options)
  hideFromGit(path)
  return store
}

/** Brings the file at `path` up to date, as opening it does, and closes it again. */
export function migrateStore(path: string): Migration {
  const migration = migrate(path)
  hideFromGit(path)
  return migration
}

/**
 * The path of the SQLite file; undefined for memory and for Redis.
 *
 * @throws {RangeError} saying what a place must be.
 */
export function pathOfStore(where: string): string | undefined {
  if (where === MEMORY) return undefined
  // One letter and a colon are a Windows drive.
  const [, scheme, rest = ''] = /^([a-z][a-z\d+.-]+):(.*)$/is.exec(where) ?? []
  if (scheme === undefined) return checkPath(where)
  if (scheme.toLowerCase() === 'sqlite') return checkPath(rest)
  if (/^rediss?$/i.test(scheme)) return checkUrl(where)
  throw new RangeError(TAKES)
}

function checkUrl(where: string): undefined {
  try {
    hostSettings(where)
  } catch {
    // Not quoted: an address may hold a password.
    throw new RangeError('it takes a Redis as redis://host:6379/0, rediss:// for TLS')
  }
}

function checkPath(path: string): string {
  if (isFilePath(path)) return path
  throw new RangeError(TAKES)
}

function hideFromGit(path: string): void {
  const folder = dirname(path)
  if (basename(folder) !== OWN_FOLDER) return
  try {
    writeFileSync(join(folder, '.gitignore'), '*\n', { flag: 'wx' })
  } catch {
    // It exists, or cannot be created: the streams do not depend on it.
  }
}
