/** The stream store that a text names, as `--store` and `MILLRACE_STORE` do. */
import { writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { memoryStreams } from './memory.ts'
import type { StreamStoreOptions } from './options.ts'
import { migrate, sqliteStreams } from './sqlite.ts'
import type { Migration } from './sqlite/schema.ts'
import type { StreamStore } from './store.ts'

/** Where streams are kept when nothing is said: a file under the working folder. */
export const DEFAULT_STORE = '.millrace/streams.db'

const VARIABLE = 'MILLRACE_STORE'

/** A folder of this name is Millrace's own, and what it holds is not for version control. */
const OWN_FOLDER = '.millrace'

/**
 * Opens the stream store that the variable `MILLRACE_STORE` names: `memory:`, the path of an SQLite
 * file, or `sqlite:` and such a path. `millrace serve --store` sets the variable, so that an
 * application which opens its store here can be told on the command line where to keep its streams.
 * Without the variable it is `.millrace/streams.db` in the working folder.
 *
 * @throws {RangeError} for a variable that names no store.
 * @throws {StoreError} when the file cannot be used: see its codes.
 */
export function storeFromEnvironment(options: StreamStoreOptions = {}): StreamStore {
  const where = process.env[VARIABLE]
  try {
    return openStore(where || DEFAULT_STORE, options)
  } catch (error) {
    // Not quoted: an address may hold a password.
    if (!(error instanceof RangeError)) throw error
    throw new RangeError(`${VARIABLE} names no store; ${error.message}`, { cause: error })
  }
}

/**
 * Opens the store at a place.
 *
 * @throws {RangeError} saying what a place is.
 * @throws {StoreError} when the file cannot be used.
 */
export function openStore(where: string, options: StreamStoreOptions = {}): StreamStore {
  const path = pathOfStore(where)
  if (path === undefined) return memoryStreams(options)
  const store = sqliteStreams(path, options)
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
 * The path of the SQLite file that is meant; undefined for the memory.
 *
 * @throws {RangeError} saying what a place is.
 */
export function pathOfStore(where: string): string | undefined {
  if (where === 'memory:') return undefined
  // One letter and a colon are a drive of Windows.
  const [, scheme, rest = ''] = /^([a-z][a-z\d+.-]+):(.*)$/is.exec(where) ?? []
  if (scheme === undefined) return checkPath(where)
  if (scheme.toLowerCase() === 'sqlite') return checkPath(rest)
  const redis = /^rediss?$/i.test(scheme) ? ' (redis:// comes with the Redis store)' : ''
  throw new RangeError(`it takes memory:, a file path or sqlite:<path>${redis}`)
}

function checkPath(path: string): string {
  // SQLite takes names like ":memory:" for something else than a file.
  if (path !== '' && !path.startsWith(':') && !path.includes('\0')) return path
  throw new RangeError('it takes memory:, a file path or sqlite:<path>')
}

function hideFromGit(path: string): void {
  const folder = dirname(path)
  if (basename(folder) !== OWN_FOLDER) return
  try {
    writeFileSync(join(folder, '.gitignore'), '*\n', { flag: 'wx' })
  } catch {
    // It is there, or cannot be: the streams do not depend on it.
  }
}
