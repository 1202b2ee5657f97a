/** The real Next: a build that touches no file, and a development server whose application is edited. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { installPublished } from '../support/published.ts'
import { freePort } from '../support/redis.ts'

/** Half a minute for the server, and more for the build: CI looks at the same rules without Next in kept-parts.test.ts. */
const isLong = process.env['MILLRACE_LONG'] === '1'

const APP = (word: string) => `
import { millrace, run, sqlite } from 'millrace'
import { z } from 'zod'
const answer = run({
  input: z.object({ prompt: z.string() }),
  async *run({ prompt }) { yield '${word} ' + prompt },
})
const hold = run({
  async *run(_input, { signal }) {
    yield 'held'
    await new Promise((done) => signal.addEventListener('abort', done))
  },
})
export const app = millrace({ store: sqlite('./data/data.db'), runs: { answer, hold } })
`

const ROUTE = `
import { app } from '../../../millrace.js'
export const GET = app.fetch
export const POST = app.fetch
`

let folder: string
let server: ChildProcess | undefined

describe.skipIf(!isLong)('Next (MILLRACE_LONG=1)', () => {
  /** In the repository, where packages and their peers are found; Millrace itself as it is published. */
  beforeAll(async () => {
    folder = mkdtempSync(resolve('millrace-next-'))
    await installPublished(folder)
    write('package.json', '{ "private": true, "type": "module" }')
    write('millrace.js', APP('old'))
    write('next.config.ts', readFileSync('examples/nextjs/next.config.ts', 'utf8'))
    write('app/millrace/[...path]/route.js', ROUTE)
    write('app/layout.js', 'export default ({ children }) => <html><body>{children}</body></html>')
    write('app/page.js', 'export default () => <p>Hello</p>')
  }, 120_000)

  afterAll(async () => {
    if (server?.exitCode === null) {
      server.kill()
      await once(server, 'exit')
    }
    rmSync(folder, { recursive: true, force: true })
  })

  it('keeps store, runs and readers of an application that is edited', { timeout: 180_000 }, async () => {
    const port = await freePort()
    const streams = `http://127.0.0.1:${port}/millrace/streams`
    server = next('dev', '-p', String(port), '-H', '127.0.0.1')
    const start = (body: object): Promise<Response> =>
      fetch(streams, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    /** What a new run of the application says, as the server has it now. */
    const said = async (): Promise<string> => {
      const response = await start({ kind: 'answer', input: { prompt: 'x' } })
      const { stream } = (await response.json()) as { stream: string }
      return await (await fetch(`${streams}/${stream}?offset=-1&live=sse`)).text()
    }
    await until(() => fetch(streams).then(({ ok }) => ok))
    expect((await start({ kind: 'hold', id: 'held' })).status).toBe(201)
    expect(await said()).toContain('old x')
    write('millrace.js', APP('new'))
    await until(async () => (await said()).includes('new x'))
    const stopped = await fetch(`${streams}/held/stop`, { method: 'POST' })
    expect(await stopped.json()).toEqual({ status: 'stopped' })
    server.kill()
    await once(server, 'exit')
  })

  it('builds, and touches no file of the store', { timeout: 300_000 }, async () => {
    rmSync(join(folder, 'data'), { recursive: true })
    await finished(next('build'))
    expect(existsSync(join(folder, 'data'))).toBe(false)
    expect(existsSync(join(folder, '.next/BUILD_ID'))).toBe(true)
  })
})

function write(path: string, text: string): void {
  mkdirSync(join(folder, path, '..'), { recursive: true })
  writeFileSync(join(folder, path), text)
}

function next(...args: string[]): ChildProcess {
  return spawn(process.execPath, [resolve('node_modules/next/dist/bin/next'), ...args], {
    cwd: folder,
    env: {
      ...process.env,
      NODE_ENV: args[0] === 'build' ? 'production' : 'development',
      NEXT_TELEMETRY_DISABLED: '1',
    },
    stdio: 'ignore',
  })
}

async function finished(child: ChildProcess): Promise<void> {
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`${child.spawnargs.join(' ')} ended with ${code}`)
}

/** Asks until it is so: Next compiles when it is asked. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo().catch(() => false))) await sleep(200)
}
