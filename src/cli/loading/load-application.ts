/** Brings in the application that a file of the user's exports. */
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Application } from '../../server/application.ts'
import { CommandError, oneLine } from '../command-error.ts'
import { described } from '../../protocol/described.ts'
import { describeLoadFailure } from './load-failure.ts'

/** @throws {CommandError} saying what is wrong with the file, and where in it. */
export async function loadApplication(file: string, exportName: string): Promise<Application> {
  const path = resolve(file)
  await checkFile(path, file)
  let module: Readonly<Record<string, unknown>>
  const { stackTraceLimit } = Error
  // What a call of the file's fails with may come from deep inside, and the file is to be in its stack.
  Error.stackTraceLimit = 50
  try {
    module = (await import(pathToFileURL(path).href)) as typeof module
  } catch (error) {
    throw new CommandError(describeLoadFailure(error, file), error)
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
  return applicationIn(module, file, exportName)
}

/**
 * Until it is undone, what goes wrong beside the loading of a file also ends the process with one line: an
 * exception in a callback, a promise that nobody handled, or an await that never ends. `fail` ends it.
 *
 * @returns its undo.
 */
export function guardLoading(file: string, fail: (line: string) => void = exitWith): () => void {
  const onException = (error: unknown): void => fail(oneLine(describeLoadFailure(error, file)))
  // Nothing keeps a process alive that waits for what never comes: Node would end it without a word.
  const onIdle = (): void => fail(`${file} did not finish loading: an await at its top level never ends`)
  process.on('uncaughtException', onException).on('beforeExit', onIdle)
  return () => process.off('uncaughtException', onException).off('beforeExit', onIdle)
}

function exitWith(line: string): void {
  console.error(`millrace: ${line}`)
  process.exit(1)
}

async function checkFile(path: string, file: string): Promise<void> {
  let isFolder: boolean
  try {
    isFolder = (await stat(path)).isDirectory()
  } catch (error) {
    throw new CommandError(`${file} does not exist`, error)
  }
  if (isFolder) throw new CommandError(`${file} is a folder: name the file that exports the application`)
}

function applicationIn(
  module: Readonly<Record<string, unknown>>,
  file: string,
  exportName: string,
): Application {
  if (!Object.hasOwn(module, exportName)) {
    const names = Object.keys(module).filter((name) => isApplication(module[name]))
    const hint =
      names.length > 0
        ? `--export ${names[0]} serves the application that it does export`
        : 'write: export default millrace({ routes: [ … ] })'
    const what = exportName === 'default' ? 'no default export' : `no export "${exportName}"`
    throw new CommandError(`${file} has ${what}; ${hint}`)
  }
  const value = module[exportName]
  if (isApplication(value)) return value
  const what = exportName === 'default' ? 'the default export' : `the export "${exportName}"`
  if (value instanceof Promise)
    throw new CommandError(`${what} of ${file} is a promise: write await before it`)
  throw new CommandError(
    `${what} of ${file} is ${described(value)}, not an application: export what millrace({ … }) returns`,
  )
}

/** By shape: the file may import another copy of Millrace than the one that runs this command. */
function isApplication(value: unknown): value is Application {
  if (typeof value !== 'object' || value === null) return false
  const { listen, close } = value as Partial<Record<string, unknown>>
  return typeof listen === 'function' && typeof close === 'function'
}
