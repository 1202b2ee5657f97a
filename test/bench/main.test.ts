/** That `npm run bench` runs; how fast anything is, is no test's business. */
import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Results } from '../../bench/report/results.ts'

let folder: string
let running: ChildProcessByStdio<null, Readable, Readable> | undefined

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-bench-test-'))
})

afterEach(async () => {
  if (running && running.exitCode === null && running.signalCode === null) {
    const gone = once(running, 'exit')
    running.kill('SIGTERM')
    await gone
  }
  await rm(folder, { recursive: true, force: true })
})

function bench(...args: string[]): ChildProcessByStdio<null, Readable, Readable> {
  const command = ['bench/main.ts', '--results', folder, ...args]
  running = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] })
  return running
}

async function outcomeOf(child: ChildProcessByStdio<null, Readable, Readable>) {
  const [[code], stdout, stderr] = await Promise.all([
    once(child, 'exit') as Promise<[number | null]>,
    text(child.stdout),
    text(child.stderr),
  ])
  return { code, stdout, stderr }
}

it('measures every peer under a load, and writes its figures and a page of them', async () => {
  const page = join(folder, 'page.md')
  const outcome = await outcomeOf(bench('--quick', '--only', 'streams-4,late-join', '--out', page))
  expect(outcome).toMatchObject({ code: 0, stderr: '' })
  const [file = ''] = globSync(join(folder, '*.json'))
  const { measurements } = JSON.parse(readFileSync(file, 'utf8')) as Results
  expect(measurements.map(({ load, variant }) => `${load} ${variant}`)).toEqual([
    'streams-4 ws',
    'streams-4 ws per turn',
    'streams-4 Socket.IO',
    'streams-4 Hono SSE',
    'streams-4 Millrace',
    'late-join ws',
    'late-join Socket.IO',
    'late-join Hono SSE',
    'late-join Millrace',
  ])
  for (const { outcome } of measurements) expect(outcome).toHaveProperty('cpu', expect.any(Number))
  expect(readFileSync(page, 'utf8')).toContain('| 4 streams at 50/s | Hono SSE |')
})

it('says what is wrong with its arguments', async () => {
  const { code, stdout, stderr } = await outcomeOf(bench('--only', 'nothing'))
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toBe(`There is no load 'nothing'; --help lists them\n`)
})

it.runIf(existsSync(`/proc/${process.pid}/task/${process.pid}/children`))(
  'ends every process it started when it is interrupted',
  async () => {
    const child = bench('--only', 'streams-4', '--peers', 'Millrace', '--seconds', '30')
    const outcome = outcomeOf(child)
    const started = await childrenOf(child.pid as number, 2)
    child.kill('SIGINT')
    const { code, stderr } = await outcome
    expect(code).toBe(130)
    expect(stderr).toContain('Interrupted')
    expect(started.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([])
    expect(globSync(join(folder, '*.json'))).toEqual([])
  },
)

/** The processes that a process started, once there are so many. */
async function childrenOf(pid: number, count: number): Promise<string[]> {
  for (;;) {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
    if (children.length >= count) return children
    // There is no event for this: the processes are somebody else's.
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
