/** What a test run amounted to, read from the report that vitest's JSON reporter writes. */
import { readFileSync } from 'node:fs'

export interface TestReport {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** Why tests were skipped, and how many for each reason that is known. */
  readonly reasons: ReadonlyMap<string, number>
}

/** The parts of vitest's report that are read here. */
interface VitestReport {
  readonly testResults: readonly {
    readonly status: string
    readonly assertionResults: readonly {
      readonly status: string
      readonly meta?: { readonly skipReason?: string }
    }[]
  }[]
}

/** Reads the reports of several runs as one; undefined when none of them came to writing one. */
export function readTestReport(...paths: readonly string[]): TestReport | undefined {
  const reports = paths.flatMap((path) => {
    try {
      return [JSON.parse(readFileSync(path, 'utf8')) as VitestReport]
    } catch {
      return []
    }
  })
  if (reports.length === 0) return undefined
  return summarise({ testResults: reports.flatMap((report) => report.testResults) })
}

/** Counts tests. A file that fails before any of its tests (it does not load) counts as one failed test. */
export function summarise(report: VitestReport): TestReport {
  let passed = 0
  let failed = 0
  let skipped = 0
  const reasons = new Map<string, number>()
  for (const file of report.testResults) {
    const failedBefore = failed
    for (const test of file.assertionResults) {
      if (test.status === 'passed') passed += 1
      else if (test.status === 'failed') failed += 1
      else skipped += 1
      const reason = test.meta?.skipReason
      if (reason) reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
    }
    if (file.status === 'failed' && failed === failedBefore) failed += 1
  }
  return { passed, failed, skipped, reasons }
}

/** 'N passed, N failed, N skipped', the last part only when there is something to say. */
export function countLine({ passed, failed, skipped }: TestReport): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}
