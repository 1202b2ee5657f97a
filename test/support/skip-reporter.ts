import type { Reporter, TestModule } from 'vitest/node'

/** Says, after a run, how many tests were skipped for which missing service. */
export default class SkipReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = new Map<string, number>()
    for (const module of modules) {
      for (const test of module.children.allTests('skipped')) {
        const { skipReason } = test.meta()
        if (skipReason) counts.set(skipReason, (counts.get(skipReason) ?? 0) + 1)
      }
    }
    for (const [reason, count] of counts) console.log(`  ${count} skipped: ${reason}`)
  }
}
