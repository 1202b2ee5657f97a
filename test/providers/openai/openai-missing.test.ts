/** A server where the peer dependency is not installed: its sources alone, away from node_modules. */
import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

const PROGRAM = `
import { loadOpenAI, openai } from './providers/openai/openai.ts'
const report = ({ name, code, message }) => console.log(JSON.stringify({ name, code, message }))
await loadOpenAI().catch(report)
const provider = openai({ model: 'm', input: 'prompt', apiKey: 'sk-1' })
await Array.fromAsync(provider({ signal: new AbortController().signal })).catch(report)
await import('./openai.ts').catch(report)
`

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-openai-'))
  for (const part of ['protocol', 'providers', 'time']) {
    await cp(new URL(`../../../src/${part}`, import.meta.url), join(folder, part), { recursive: true })
  }
  await cp(new URL('../../../src/openai.ts', import.meta.url), join(folder, 'openai.ts'))
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  await writeFile(join(folder, 'program.ts'), PROGRAM)
})

afterAll(() => rm(folder, { recursive: true, force: true }))

test('says what to install, when it is loaded, when it is asked, and when an application imports it', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['program.ts'], { cwd: folder })
  const missing = {
    name: 'UpstreamError',
    code: 'sdk_missing',
    message:
      'The package "openai" is not installed on this server. The person who runs the server must run: npm install openai',
  }
  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([
    missing,
    missing,
    { name: 'Error', message: 'millrace/openai needs the package openai: npm install openai' },
  ])
})
