/**
 * The reference server of the Durable Streams protocol. It is installed when it is first measured, into a folder
 * that is not kept with the code: it brings a database of its own, which nothing else here needs.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { NotMeasured } from '../harness/load.ts'

const VERSION = '0.3.7'
const FOLDER = fileURLToPath(new URL('../results/reference/', import.meta.url))
const PACKAGE = `${FOLDER}node_modules/@durable-streams/server/`

/** The path of its module. @throws {NotMeasured} when it cannot be installed. */
export async function referenceServer(signal: AbortSignal): Promise<string> {
  if (!(await isInstalled())) await install(signal)
  return `${PACKAGE}dist/index.js`
}

async function isInstalled(): Promise<boolean> {
  if (!existsSync(`${PACKAGE}package.json`)) return false
  return (
    (JSON.parse(await readFile(`${PACKAGE}package.json`, 'utf8')) as { version: string }).version === VERSION
  )
}

async function install(signal: AbortSignal): Promise<void> {
  await mkdir(FOLDER, { recursive: true })
  const from = [`@durable-streams/server@${VERSION}`, '--prefix', FOLDER, '--no-save', '--ignore-scripts']
  try {
    await promisify(execFile)('npm', ['install', ...from], { signal, timeout: 120_000 })
  } catch (error) {
    throw new NotMeasured(`@durable-streams/server ${VERSION} could not be installed`, { cause: error })
  }
}
