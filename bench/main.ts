/** `npm run bench`: see `--help`. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import { UsageError, helpText, readSettings } from './command-line.ts'
import type { Settings } from './command-line.ts'
import { GROUPS } from './groups.ts'
import { runAll } from './harness/runner.ts'
import type { Progress } from './harness/runner.ts'
import { serviceVersions } from './redis/services.ts'
import { environment } from './report/environment.ts'
import { QUIET, renderPage } from './report/page.ts'
import type { Results } from './report/results.ts'

async function main(args: readonly string[]): Promise<number> {
  let settings: Settings | undefined
  try {
    settings = readSettings(args, GROUPS)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    console.error(error.message)
    return 2
  }
  if (!settings) {
    process.stdout.write(helpText(GROUPS))
    return 0
  }
  const interrupt = new AbortController()
  const stop = (): void => interrupt.abort(new Error('interrupted'))
  process.once('SIGINT', stop).once('SIGTERM', stop).once('SIGHUP', stop)
  try {
    await bench(settings, interrupt.signal)
    return 0
  } catch (error) {
    if (!interrupt.signal.aborted) throw error
    console.error('\nInterrupted: nothing was written, and every process that was started is gone.')
    return 130
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop).off('SIGHUP', stop)
  }
}

async function bench(settings: Settings, signal: AbortSignal): Promise<void> {
  const { groups, seconds, quick, page, results: folder, profile } = settings
  const startedAt = new Date()
  mkdirSync(folder, { recursive: true })
  const context = { seconds, quick, profile: profile ? folder : undefined, signal }
  const where = environment(serviceVersions())
  console.log(
    `${where.cpu}, ${where.cores} cores; Node ${where.node}${where.pinned ? '' : '; processes are not pinned'}`,
  )
  if (where.busy > QUIET) {
    console.log(
      `This machine is busy (load average ${where.busy.toFixed(1)}): its figures will not be worth quoting.`,
    )
  }
  const measurements = await runAll(groups, context, progress())
  const took = Math.round((Date.now() - startedAt.getTime()) / 1000)
  const results: Results = {
    environment: where,
    startedAt: startedAt.toISOString(),
    took,
    seconds,
    quick,
    measurements,
  }
  const file = `${folder}/${startedAt.toISOString().replaceAll(/[:.]/g, '-')}.json`
  writeFileSync(file, `${JSON.stringify(results, undefined, 2)}\n`)
  if (page !== undefined) writeFileSync(page, renderPage(results, groups))
  const written = [file, ...(page === undefined ? [] : [page])].map((path) => relative('.', path))
  console.log(`\nDone in ${took} s: ${written.join(' and ')}`)
}

/** On a terminal what is going on has a line of its own at the end, which is overwritten. */
function progress(): Progress {
  const { stdout } = process
  const erase = stdout.isTTY ? '\r\u001B[2K' : ''
  return {
    line: (text) => void stdout.write(`${erase}${text}\n`),
    now: (text) => void (stdout.isTTY && stdout.write(`${erase}${text.slice(0, stdout.columns - 1)}`)),
  }
}

process.exitCode = await main(process.argv.slice(2))
