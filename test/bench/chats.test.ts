/** That the load of chats runs, beside what the documentation of the AI SDK has a server do. */
import { execFile } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import type { Results } from '../../bench/report/results.ts'

it('measures chats', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-test-'))
  try {
    const args = ['bench/main.ts', '--quick', '--only', 'chats-500', '--results', folder]
    const { stderr } = await promisify(execFile)(process.execPath, args)
    expect(stderr).toBe('')
    const [file = ''] = globSync(join(folder, '*.json'))
    const { measurements } = JSON.parse(readFileSync(file, 'utf8')) as Results
    expect(measurements.map(({ variant }) => variant)).toEqual(['AI SDK', 'Millrace', 'Millrace, SQLite'])
    for (const { outcome } of measurements) expect(outcome).toHaveProperty('cpu', expect.any(Number))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
