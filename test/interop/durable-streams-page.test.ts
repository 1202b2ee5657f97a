/** The sample of docs/durable-streams.md runs, and the page names the versions that are tested. */
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { temporaryFolder } from '../streams/harnesses.ts'

const page = readFileSync('docs/durable-streams.md', 'utf8')
const { exports, devDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  exports: Record<string, string | { readonly 'millrace:source': string }>
  devDependencies: Record<string, string>
}
const folder = temporaryFolder()

afterAll(folder.dispose)

test('the sample reads over a socket what it wrote over HTTP', async () => {
  const [, sample = ''] = /^```ts\n(.*?)^```$/ms.exec(page) ?? []
  // As a program that has both installed would find them.
  const found = sample.replaceAll(/from '(.*?)'/g, (_, specifier: string) => {
    const target = exports[specifier.replace('millrace', '.')]
    const file =
      typeof target === 'object' ? resolve(target['millrace:source']) : import.meta.resolve(specifier)
    return `from ${JSON.stringify(file)}`
  })
  const path = join(folder.path, 'sample.ts')
  writeFileSync(path, found)
  const { stdout } = await promisify(execFile)(process.execPath, [path], { cwd: folder.path })
  expect(stdout).toContain('[ { n: 1 } ]\n{ n: 2 }\n')
})

test('the packages are those of package.json', () => {
  const named = [...page.matchAll(/^\| `(@durable-streams\/[\w-]+)` ([\d.]+) \|/gm)]
  expect(named).toHaveLength(3)
  for (const [, name = '', version] of named) expect(devDependencies[name]).toBe(version)
})
