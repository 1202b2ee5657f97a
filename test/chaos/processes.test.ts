/**
 * Fifty readers follow ten runs of four processes behind a plain TCP balancer, while processes are
 * killed with `kill -9`, connections cut, runs stopped from other processes and the store hurt. In the
 * end every reader has every record once and in order, and every run has ended as it should.
 *
 * What is left to chance comes from a seed. It is a new one each time, and part of every failure;
 * `MILLRACE_CHAOS_SEED` gives another. `MILLRACE_CHAOS_JOURNAL=1` prints what happened also when all is well.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { describeWith } from '../support/services.ts'
import { brokenPromises } from './broken-promises.ts'
import { chaosSeed } from './chance.ts'
import { type ChaosReport, ChaosRun } from './chaos-run.ts'
import { persistentRedis, sentinelRedis } from './redis-topologies.ts'
import { type ChaosStore, sqliteStore } from './stores.ts'
import { HUNDRED, RUNS } from './workload.ts'

/** Promise 4 of the design: seconds within which a run whose process died goes on or ends. */
const TAKEOVER = 15
const TIMEOUT = 300_000

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-chaos-'))
})

afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

async function chaosOn(store: ChaosStore): Promise<ChaosReport> {
  try {
    const report = await new ChaosRun(store, folder, chaosSeed()).run()
    console.info(report.summary)
    if (process.env.MILLRACE_CHAOS_JOURNAL) console.info(report.journal)
    return report
  } finally {
    await store.close()
  }
}

function expectNothingLost(report: ChaosReport): void {
  const { readers, logs, mock, stops, takeovers, summary } = report
  expect(brokenPromises(report), summary).toEqual([])
  for (const { id, source, end } of RUNS) {
    // Every process tells the same log, with the same end.
    const [log = '', ...others] = logs.get(id) ?? []
    for (const other of others) expect(other, `${id}; ${summary}`).toBe(log)
    const { records, end: kept } = JSON.parse(log) as { records: unknown[]; end: unknown }
    expect(kept, `${id}; ${summary}`).toMatchObject(end)

    // And that is what each reader was given.
    for (const { plan, ...heard } of readers.filter((one) => one.plan.run === id)) {
      expect({ status: heard.status, reason: heard.reason }, `${plan.name} of ${id}; ${summary}`).toEqual({
        status: end.status,
        reason: end.reason,
      })
      expect(heard.records, `${plan.name} of ${id}; ${summary}`).toEqual(records)
    }

    if (end.status === 'completed' && source.type === 'counting') {
      expect(records.length % HUNDRED, `${id}; ${summary}`).toBe(0)
    }
    if (source.type === 'answering') {
      const text = (records as { delta: string }[]).map(({ delta }) => delta).join('')
      // A response that was stopped may have said more than was read of it.
      const sources = mock.responses.filter((response) => response.text.startsWith(text))
      expect(sources, summary).toHaveLength(1)
      if (end.status === 'completed') expect(text).toBe(sources[0]?.source)
      expect(sources[0]?.status).toBe(end.status === 'completed' ? 'completed' : 'cancelled')
    }
  }
  // Nothing was generated twice.
  expect(mock.created, summary).toBe(RUNS.filter(({ source }) => source.type === 'answering').length)
  expect(stops.map(({ answer }) => answer)).toEqual(stops.map(() => 'stopped'))
  expect(Math.max(...takeovers), summary).toBeLessThan(TAKEOVER * 1000)
}

describe('four processes behind a balancer, killed at random', () => {
  test(
    'on one SQLite file',
    async () => {
      const report = await chaosOn(sqliteStore(folder))
      expectNothingLost(report)
    },
    TIMEOUT,
  )
})

describeWith(['redis'], 'four processes behind a balancer, killed at random, on Redis', ({ redis }) => {
  test(
    'that is killed and started again',
    async () => {
      const report = await chaosOn(await persistentRedis(redis))
      expectNothingLost(report)
      expect(report.faults).toHaveLength(2)
    },
    TIMEOUT,
  )

  test(
    'that fails over',
    async () => {
      const report = await chaosOn(await sentinelRedis(redis))
      expectNothingLost(report)
      expect(report.faults).toHaveLength(2)
    },
    TIMEOUT,
  )
})
