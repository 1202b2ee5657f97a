/** The samples of docs/adapters.md run, each as a program of its own. */
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { temporaryFolder } from '../streams/harnesses.ts'

const page = readFileSync('docs/adapters.md', 'utf8')
const samples = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1] ?? '')
const folder = temporaryFolder()

afterAll(folder.dispose)

test.each([
  ['resumable-stream', 'Hello, \nworld\n'],
  ['assistant-stream', 'Hello, world\n'],
])('the sample of %s prints what it streams', async (name, printed) => {
  const sample = samples.find((text) => text.includes(`millrace/${name}`))
  if (!sample) throw new Error('There is no such sample.')
  const path = join(folder.path, `${name}.ts`)
  const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    exports: Record<string, string | { readonly 'millrace:source': string }>
  }
  // As a program that has both installed would find them.
  const found = sample.replaceAll(/from '(.*?)'/g, (_, specifier: string) => {
    const target = exports[specifier.replace('millrace', '.')]
    const file =
      typeof target === 'object' ? resolve(target['millrace:source']) : import.meta.resolve(specifier)
    return `from ${JSON.stringify(file)}`
  })
  writeFileSync(path, found)
  const run = promisify(execFile)
  const { stdout } = await run(process.execPath, [path], { cwd: folder.path })
  expect(stdout).toBe(printed)
})
