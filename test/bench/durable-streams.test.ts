/** That the loads of the Durable Streams protocol run; its reference server, which may have to be fetched, is left out. */
import { execFile } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import type { Results } from '../../bench/report/results.ts'

it('measures live readers', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-test-'))
  try {
    const loads = 'http-sse,http-long-poll'
    const args = ['bench/main.ts', '--quick', '--only', loads, '--peers', 'Millrace', '--results', folder]
    const { stderr } = await promisify(execFile)(process.execPath, args)
    expect(stderr).toBe('')
    const [file = ''] = globSync(join(folder, '*.json'))
    const { measurements } = JSON.parse(readFileSync(file, 'utf8')) as Results
    expect(measurements.map(({ load }) => load).join()).toBe(loads)
    for (const { outcome } of measurements) expect(outcome).toHaveProperty('cpu', expect.any(Number))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
