import { spawnSync } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Seconds after which the answer would not be worth the wait. */
const TIMEOUT = 5

/** Where a file, or one that it imports, breaks the syntax: `<path>:<line>`. Node keeps that to itself. */
export function placeOfSyntaxError(path: string): string | undefined {
  // The same extension as this module's: .ts among the sources, .js when built.
  const program = fileURLToPath(new URL(`./find-syntax-error${extname(import.meta.url)}`, import.meta.url))
  const flags = ['--experimental-vm-modules', '--no-warnings']
  const options = { encoding: 'utf8', timeout: TIMEOUT * 1000 } as const
  const { stderr } = spawnSync(process.execPath, [...flags, program, path], options)
  return /^\S.*:\d+(?=\n)/.exec(stderr)?.[0]
}
