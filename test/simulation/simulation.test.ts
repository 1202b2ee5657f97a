/**
 * Clusters in one process, from fresh seeds each time: a failure names its own. `npm run simulate` plays more of them;
 * CONTRIBUTING.md tells how.
 */
import { randomInt } from 'node:crypto'
import process from 'node:process'
import { beforeAll, describe, expect, test } from 'vitest'
import { EXPECTED_FAILURES } from './expected-failures.ts'
import type { ExpectedFailure } from './expected-failures.ts'
import type { Found } from './campaign.ts'
import { simulation } from './in-a-process.ts'
import { PLANTED_BUGS } from './planted-bugs.ts'

const TIMEOUT = 300_000
const FRESH_SEEDS = 200

describe('a cluster in one process', () => {
  test(
    'keeps every promise, whatever happens to it',
    async () => {
      const from = process.env.MILLRACE_SIMULATION_SEED ?? String(randomInt(2 ** 31))
      const { out, passed } = await simulation('--from', from, '--seeds', String(FRESH_SEEDS))
      expect(passed, `MILLRACE_SIMULATION_SEED=${from} plays these seeds again.\n${out}`).toBe(true)
      console.info(out.trim())
    },
    TIMEOUT,
  )

  test(
    'goes the same way twice from one seed, in two processes',
    async () => {
      const [one, another] = await Promise.all([
        simulation('--fingerprints', '20'),
        simulation('--fingerprints', '20'),
      ])
      expect(one.passed, one.out).toBe(true)
      expect(one.out.trim().split('\n')).toHaveLength(20)
      expect(another.out).toBe(one.out)
    },
    TIMEOUT,
  )
})

test(
  'the core breaks the promises of expected-failures.ts, each in its hazard',
  async () => {
    const { out } = await simulation('--expected', '--json')
    const played = JSON.parse(out) as (ExpectedFailure & { broken: string | null })[]
    const broken = played.map(({ hazard, broken: invariant }) => ({ hazard, invariant }))
    expect(broken).toEqual(EXPECTED_FAILURES)
  },
  TIMEOUT,
)

describe('within 2,000 seeds it is found that', () => {
  let results: ReadonlyMap<string, { readonly seeds: number; readonly found?: Found }>

  beforeAll(async () => {
    const { out } = await simulation('--planted', 'all', '--json')
    const lines = JSON.parse(out) as { bug: string; seeds: number; found?: Found }[]
    results = new Map(lines.map(({ bug, ...result }) => [bug, result]))
  }, TIMEOUT)

  test.each(Object.entries(PLANTED_BUGS))('%s: %s', (bug) => {
    expect(results.get(bug)?.found, `${bug} in ${results.get(bug)?.seeds} seeds`).toBeDefined()
  })
})
