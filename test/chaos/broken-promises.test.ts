/** What the chaos tests see is held against the promises: here is what that finds in reports that are made up. */
import { describe, expect, test } from 'vitest'
import { brokenPromises } from './broken-promises.ts'
import { RUNS } from './workload.ts'

type Report = Parameters<typeof brokenPromises>[0]

interface Log {
  records: unknown[]
  end: unknown
}

const HOW_MANY = 600

/** A report in which everything is as it should be, but for one run. */
function reportOf(run: string, change: (log: Log, heard: unknown[]) => void, stopAnswer = 'stopped'): Report {
  const logs = new Map<string, readonly string[]>()
  const readers = RUNS.map(({ id, source, end }) => {
    const length = source.type === 'answering' && end.status === 'completed' ? source.words : HOW_MANY
    const records: unknown[] = Array.from({ length }, (_, n) =>
      source.type === 'answering' ? { delta: `7.${n} ` } : { n, by: 1 },
    )
    const log: Log = { records: [...records], end }
    const heard = [...records]
    if (id === run) change(log, heard)
    logs.set(id, [JSON.stringify(log)])
    const plan = { name: 'R1', run: id, route: 'socket' as const, joinsAt: 0, slow: 0, reloadsAfter: 0 }
    return { plan: { ...plan, name: `R of ${id}` }, records: heard, ...end }
  })
  const stops = RUNS.filter(({ end }) => end.status === 'stopped').map(({ id }) => {
    return { run: id, how: '', answer: id === run ? stopAnswer : 'stopped', ms: 1 }
  })
  return { readers, logs, stops }
}

describe('a report of real processes', () => {
  test('with nothing wrong breaks no promise', () => {
    expect(brokenPromises(reportOf('', () => {}))).toEqual([])
  })

  test.each([
    ['a reader that missed a record', 'counting-1', (_log: Log, heard: unknown[]) => heard.splice(5, 1)],
    [
      'a reader that had one twice',
      'chapters',
      (_log: Log, heard: unknown[]) => heard.splice(5, 0, heard[4]),
    ],
    ['a reader that stopped short', 'answering', (_log: Log, heard: unknown[]) => heard.pop()],
    ['a record that was kept twice', 'counting-2', ({ records }: Log) => records.splice(5, 0, records[4])],
    [
      'a record of another generation',
      'answering',
      ({ records }: Log) => records.splice(9, 1, { delta: '8.9 ' }),
    ],
    ['a run without an end', 'fleeting-kind', (log: Log) => (log.end = null)],
    [
      'a run that was interrupted and could go on',
      'counting-1',
      (log: Log) => (log.end = { status: 'failed', reason: 'interrupted' }),
    ],
  ])('says of %s that a promise is broken', (_what, run, change) => {
    expect(brokenPromises(reportOf(run, change))).not.toEqual([])
  })

  test('says of a stop that did not hold that a promise is broken', () => {
    const violations = brokenPromises(reportOf('stopping-1', () => {}, 'completed'))
    expect(violations.map(({ invariant }) => invariant)).toContain('stop-holds')
  })
})
