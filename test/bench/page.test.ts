import { expect, it } from 'vitest'
import { GROUPS } from '../../bench/groups.ts'
import { renderPage } from '../../bench/report/page.ts'
import type { Measurement, Results } from '../../bench/report/results.ts'

const measured = (load: string, variant: string, cpu: number): Measurement => ({
  group: 'delivery',
  load,
  variant,
  outcome: { cpu, p50: 1.5, p99: 12.345, perSecond: 123_456 },
})

const results: Results = {
  environment: {
    cpu: 'A processor',
    cores: 2,
    memoryGiB: 24,
    system: 'Linux 6',
    node: '24.0.0',
    busy: 0.1,
    pinned: true,
    versions: { ws: '8.0.0' },
  },
  startedAt: '2026-01-02T03:04:05.678Z',
  took: 480,
  seconds: 4,
  quick: false,
  measurements: [
    measured('streams-500', 'ws', 10),
    measured('streams-500', 'Millrace', 4),
    { group: 'delivery', load: 'streams-2000', variant: 'ws', outcome: { notMeasured: 'did not keep up' } },
    measured('streams-2000', 'Millrace', 3),
    {
      group: 'group',
      load: 'group-100',
      variant: 'Millrace + Redis',
      outcome: { notMeasured: 'redis-server is not installed' },
    },
  ],
}
const page = renderPage(results, GROUPS)

it('says where, when and with what', () => {
  expect(page).toContain('2026-01-02 03:04 UTC, in one run of 8 min, 4 s each')
  expect(page).toContain('A processor, 2 cores, 24 GiB; Linux 6; Node 24.0.0')
  expect(page).toContain('ws 8.0.0')
  expect(page).not.toContain('A quick run')
  expect(renderPage({ ...results, quick: true }, GROUPS)).toContain('A quick run')
  expect(page).not.toContain('was busy')
  const busy = { ...results.environment, busy: 3 }
  expect(renderPage({ ...results, environment: busy }, GROUPS)).toContain('was busy when this run began')
})

it('has ratios before absolute figures', () => {
  const ratios = page.indexOf('| 500 streams at 50/s | 1 | 0.40 |')
  const figures = page.indexOf('| 500 streams at 50/s | Millrace | 4.00 | 1.50 | 12.3 | 123,456 |')
  expect(ratios).toBeGreaterThan(0)
  expect(figures).toBeGreaterThan(ratios)
})

it('says what was not measured, and makes no ratio of it', () => {
  expect(page).toContain('| 2,000 streams at 50/s | ws | not measured: did not keep up |')
  expect(page).toContain('| 2,000 streams at 50/s | – | – |')
  expect(page).toContain('| not measured: redis-server is not installed |')
})

it('leaves out what was not run', () => {
  expect(page).not.toContain('## Appends')
})

it('makes tables whose rows are as wide as their heads', () => {
  const tables = page.split('\n\n').filter((block) => block.startsWith('|'))
  expect(tables).toHaveLength(5)
  for (const table of tables) {
    const widths = table
      .trim()
      .split('\n')
      .map((row) => row.split('|').length)
    expect(new Set(widths).size).toBe(1)
  }
})
