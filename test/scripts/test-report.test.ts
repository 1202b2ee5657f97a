import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { countLine, readTestReport, summarise } from '../../scripts/test-report.ts'

const passed = { status: 'passed', meta: {} }
const failed = { status: 'failed', meta: {} }

describe('summarise', () => {
  it('counts tests over all files, and why they were skipped', () => {
    const noRedis = { status: 'skipped', meta: { skipReason: 'redis-server is not installed' } }
    const report = summarise({
      testResults: [
        { status: 'passed', assertionResults: [passed, noRedis, noRedis] },
        { status: 'failed', assertionResults: [passed, failed, { status: 'todo' }] },
      ],
    })
    expect(report).toEqual({
      passed: 2,
      failed: 1,
      skipped: 3,
      reasons: new Map([['redis-server is not installed', 2]]),
    })
  })

  it('counts a file that does not load as a failed test', () => {
    expect(summarise({ testResults: [{ status: 'failed', assertionResults: [] }] })).toMatchObject({
      failed: 1,
    })
  })
})

describe('countLine', () => {
  it('is the closing line that others read', () => {
    const reasons = new Map<string, number>()
    expect(countLine({ passed: 12, failed: 0, skipped: 0, reasons })).toBe('12 passed, 0 failed')
    expect(countLine({ passed: 12, failed: 1, skipped: 3, reasons })).toBe('12 passed, 1 failed, 3 skipped')
  })
})

describe('readTestReport', () => {
  it('has nothing to say of a run that wrote no report', () => {
    expect(readTestReport('no/such/report.json')).toBeUndefined()
  })

  it('counts several runs as one, without those that wrote none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-reports-'))
    try {
      const [one, two] = [join(folder, 'one.json'), join(folder, 'two.json')]
      const report = { testResults: [{ status: 'passed', assertionResults: [passed] }] }
      await writeFile(one, JSON.stringify(report))
      await writeFile(two, JSON.stringify(report))
      expect(readTestReport(one, 'no/such/report.json', two)).toMatchObject({ passed: 2, failed: 0 })
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
