/** That the loads which go through Redis run, beside the seed's stack. */
import { execFile } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import type { Results } from '../../bench/report/results.ts'
import { describeWith } from '../support/services.ts'

describeWith(['redis', 'channels'], 'a quick run with Redis', () => {
  it('measures both sides of every load', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-test-'))
    try {
      const args = ['bench/main.ts', '--quick', '--only', 'layer-20,group-10', '--results', folder]
      const { stderr } = await promisify(execFile)(process.execPath, args)
      expect(stderr).toBe('')
      const [file = ''] = globSync(join(folder, '*.json'))
      const { measurements, environment } = JSON.parse(readFileSync(file, 'utf8')) as Results
      expect(measurements.map(({ variant }) => variant)).toEqual([
        'channels_redis',
        'Millrace',
        'Daphne + Channels + Redis',
        'Millrace + Redis',
      ])
      for (const { outcome } of measurements) expect(outcome).toHaveProperty('cpu', expect.any(Number))
      expect(Object.keys(environment.versions)).toEqual(expect.arrayContaining(['redis-server', 'daphne']))
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})
