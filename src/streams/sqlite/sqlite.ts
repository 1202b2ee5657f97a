/** The store in a SQLite file, as applications name it. */
import { resolve } from 'node:path'
import { checkOptions } from '../../protocol/known-options.ts'
import { DeferredStore } from '../deferred-store.ts'
import { StoreError } from '../errors.ts'
import { limitsOf } from '../options.ts'
import type { StreamStore } from '../store.ts'
import { SQLITE_OPTIONS, type SqliteOptions, timesOf } from './options.ts'
import { isFilePath } from './open.ts'
import { storeError } from './store-error.ts'
import { openSqlite } from './store.ts'

/**
 * The store in the file at `path`: `sqlite('./data.db')`. The file is opened, created or migrated as needed, when the
 * store is first used, and by a server before it listens. Until then nothing of it is touched. A file that cannot
 * be used rejects with a `StoreError`: see its codes.
 *
 * @throws {StreamRequestError} `invalid_limit`, and {TypeError} for an option that does not exist, and for what is not the
 * path of a file.
 */
export function sqlite(path: string, options: SqliteOptions = {}): StreamStore {
  checkOptions('sqlite()', options, SQLITE_OPTIONS)
  if (typeof path !== 'string' || !isFilePath(path))
    throw new TypeError("sqlite() takes the path of a file, as './data.db'; memory() keeps streams in memory")
  return deferredSqlite(path, options, () => openSqlite(path, options))
}

/** The same, for callers that open it themselves. Throws for options that are out of range. */
export function deferredSqlite(path: string, options: SqliteOptions, open: () => StreamStore): StreamStore {
  timesOf(options)
  const named = new Error('named here')
  return new DeferredStore({
    limits: limitsOf(options),
    durability: 'power',
    address: `sqlite:${resolve(path)}`,
    open: () => openAsNamed(open, named),
    closed: () => storeError('closed', path),
  })
}

/**
 * An error of opening has the stack of the place where the store was named, which somebody can mend. How it came to be
 * opened, often in a timer or a request, says nothing; what went wrong inside is its `cause`.
 */
function openAsNamed(open: () => StreamStore, named: Error): StreamStore {
  try {
    return open()
  } catch (error) {
    if (error instanceof StoreError && named.stack !== undefined) {
      error.stack = named.stack.replace(/^.*$/m, () => `${error.name}: ${error.message}`)
    }
    throw error
  }
}
