/**
 * The file `.env` in the working directory: variables of the commands, and of the application that they run. A variable
 * that is set already stays as it is.
 */
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { parseEnv } from 'node:util'
import { CommandError } from './command-error.ts'

export const ENV_FILE = '.env'

/** The variables that came out of the file. */
const fromFile = new Set<string>()

/** @throws {CommandError} for a file that cannot be read. */
export function readEnvFile(): void {
  for (const [name, value] of Object.entries(parseEnv(textOfFile()))) {
    if (value === undefined || process.env[name] !== undefined) continue
    process.env[name] = value
    fromFile.add(name)
  }
}

/** The variables that this process was started with: a process that it starts reads the file itself. */
export function inheritedEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !fromFile.has(name)))
}

function textOfFile(): string {
  try {
    // Editors of Windows put a mark in front, which would become a part of the first name.
    return readFileSync(ENV_FILE, 'utf8').replace(/^\uFEFF/, '')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw new CommandError(`${ENV_FILE} cannot be read: ${(error as Error).message}`, error)
  }
}
