/**
 * `npm run check`: everything that must hold before a change lands, each tool in a step of its own. One line a
 * step; of a failed step, all it printed. The exit code is 0 only when every step passed.
 */
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { runSteps } from './steps.ts'
import type { Step } from './steps.ts'
import { countLine, readTestReport } from './test-report.ts'
import type { TestReport } from './test-report.ts'

export interface CheckResult {
  readonly passed: boolean
  /** Undefined when the tests did not run to their end. */
  readonly tests: TestReport | undefined
}

/** Runs every step with `env` added to its environment. */
export async function check(env: Readonly<Record<string, string>> = {}): Promise<CheckResult> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-check-'))
  const interrupt = new AbortController()
  const onSignal = (): void => interrupt.abort()
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal)
  const progress = showProgress()
  try {
    const outcomes = await runSteps(stepsOfCheck(folder), {
      width: availableParallelism(),
      signal: interrupt.signal,
      env: { ...env, NO_COLOR: '1', npm_config_loglevel: 'error' },
      print: progress.print,
      onRunning: progress.running,
    })
    const tests = readTestReport(...Object.keys(TEST_RUNS).map((run) => reportOf(folder, run)))
    for (const [reason, count] of tests?.reasons ?? []) progress.print(`  ${count} skipped: ${reason}`)
    return { passed: outcomes.every((outcome) => outcome.status === 'passed'), tests }
  } finally {
    progress.end()
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The projects of vitest's configuration that run together. The suite of others mostly waits, so it has a run of its own. */
const TEST_RUNS = { tests: ['unit', 'system'], conformance: ['conformance'] }

function reportOf(folder: string, run: string): string {
  return join(folder, `${run}.json`)
}

function testStep(folder: string, name: keyof typeof TEST_RUNS): Step {
  const report = reportOf(folder, name)
  const projects = TEST_RUNS[name].map((project) => `--project=${project}`)
  return {
    name,
    after: ['build'],
    command: [
      'vitest',
      'run',
      ...projects,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
    ],
    remark() {
      const counted = readTestReport(report)
      return counted && countLine(counted)
    },
  }
}

function stepsOfCheck(folder: string): Step[] {
  const { name, version } = JSON.parse(readFileSync('package.json', 'utf8')) as Record<string, string>
  const tarball = join(folder, `${name}-${version}.tgz`)
  // The longest first: the tests wait for the build, and the short steps fill in beside them.
  return [
    { name: 'build', command: ['node', 'scripts/build.ts'] },
    { name: 'format', command: ['oxfmt', '--check'] },
    { name: 'lint', command: ['oxlint'] },
    testStep(folder, 'tests'),
    testStep(folder, 'conformance'),
    ...typeScriptProjects().map((project): Step => ({
      name: ['types', ...project.split('/').slice(0, -1)].join(' '),
      command: ['tsc', '--noEmit', '-p', project],
    })),
    { name: 'knip', command: ['knip', '--no-config-hints'] },
    { name: 'pack', after: ['build'], command: ['node', 'scripts/pack.ts', folder] },
    { name: 'publint', after: ['pack'], command: ['publint', 'run', '--strict', tarball] },
    { name: 'attw', after: ['pack'], command: ['attw', '--profile', 'esm-only', tarball] },
  ]
}

/** Every tsconfig.json of the repository, the root's first. */
function typeScriptProjects(): string[] {
  return globSync('{.,web,templates,src/*,examples,examples/*}/tsconfig.json').toSorted(
    (a, b) => a.length - b.length,
  )
}

/** On a terminal, keeps a last line that says what runs and for how long; elsewhere only prints. */
function showProgress(): {
  print: (line: string) => void
  running: (names: readonly string[]) => void
  end: () => void
} {
  const { stdout } = process
  if (!stdout.isTTY) {
    return { print: (line) => void stdout.write(`${line}\n`), running() {}, end() {} }
  }
  const began = performance.now()
  const erase = '\r\u001B[2K'
  let names: readonly string[] = []
  const draw = (): void => {
    const seconds = Math.round((performance.now() - began) / 1000)
    stdout.write(`${erase}… ${names.join(', ')} (${seconds} s)`)
  }
  const timer = setInterval(draw, 1000)
  return {
    print: (line) => void stdout.write(`${erase}${line}\n`),
    running(next) {
      names = next
      draw()
    },
    end() {
      clearInterval(timer)
      stdout.write(erase)
    },
  }
}

if (import.meta.main) {
  process.chdir(resolve(import.meta.dirname, '..'))
  const { passed } = await check()
  console.log(passed ? 'All checks passed.' : 'Some checks failed.')
  process.exitCode = passed ? 0 : 1
}
