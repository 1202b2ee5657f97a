/**
 * Twenty readers follow five runs while their sockets are cut at random and the server is killed with
 * `kill -9` ten times. In the end every reader has every record once, in order, and the model service
 * has made each response once.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type StreamClient, connect } from 'millrace/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type CuttingProxy, startCuttingProxy } from '../support/cutting-proxy.ts'
import { ResponsesMock } from '../support/responses-mock.ts'

const KILLS = 10
const READERS = 20
const COUNT_TO = 2_000
/** Runs that count, and runs that ask the model service. */
const RUNS = ['counting-1', 'counting-2', 'counting-3', 'answering-1', 'answering-2']

interface Received {
  readonly n?: number
  readonly delta?: string
}

let folder: string
let port: number
let mock: ResponsesMock
let proxy: CuttingProxy
let server: ChildProcess | undefined
const clients: StreamClient[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-chaos-'))
  port = await freePort()
  mock = await ResponsesMock.start({ script: { words: 600, delay: 0.02 } })
  proxy = await startCuttingProxy(port)
})

afterAll(async () => {
  for (const client of clients) client.close()
  await stop('SIGKILL')
  await proxy.close()
  await mock.close()
  await rm(folder, { recursive: true, force: true })
})

test('no record is lost, doubled or out of order, and nothing is generated twice', async () => {
  let received = 0
  await start()
  const starter = newClient()
  for (const id of RUNS) {
    const input = id.startsWith('counting') ? { to: COUNT_TO } : { prompt: 'Say something long.' }
    ;(await starter.start(input, { id })).close()
  }

  const readers = Array.from({ length: READERS }, async (_, index) => {
    // Some come late, so that their past comes out of the log.
    await sleep(index * 200)
    const records: Received[] = []
    for await (const record of newClient().stream<Received>(RUNS[index % RUNS.length] ?? '')) {
      records.push(record)
      received++
    }
    return records
  })
  const all = Promise.all(readers)
  const over = new AbortController()
  const cutting = cutAtRandom(over.signal)

  for (let kill = 0; kill < KILLS; kill++) {
    // In the middle of things: after it has delivered something since it came back.
    const before = received
    await expect.poll(() => received, { timeout: 30_000, interval: 20 }).toBeGreaterThan(before + 100)
    await stop('SIGKILL')
    await start()
  }

  const results = await all
  over.abort()
  await cutting
  const { created, creates, responses } = mock.report
  expect({ created, cancelled: mock.report.cancelled }).toEqual({ created: 2, cancelled: 0 })
  expect(creates).toBeGreaterThanOrEqual(2)
  const sources = responses.map(({ source }) => source)
  for (const [index, records] of results.entries()) {
    const run = RUNS[index % RUNS.length] ?? ''
    if (run.startsWith('counting'))
      expect(records.map(({ n }) => n)).toEqual(Array.from({ length: COUNT_TO }, (_v, n) => n))
    else expect(sources).toContain(records.map(({ delta }) => delta).join(''))
  }
}, 300_000)

function newClient(): StreamClient {
  const client = connect(`ws://127.0.0.1:${proxy.port}/ws/streams/`, { http: false })
  clients.push(client)
  return client
}

async function start(): Promise<void> {
  server = spawn(
    'node',
    [
      '--conditions=millrace:source',
      'test/chaos/server.ts',
      join(folder, 'streams.db'),
      String(port),
      mock.baseURL,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  if (!server.stdout) throw new Error('no output')
  await Promise.race([
    once(server.stdout, 'data'),
    once(server, 'exit').then(() => {
      throw new Error('the server did not start')
    }),
  ])
}

async function stop(signal: NodeJS.Signals): Promise<void> {
  if (!server || server.exitCode !== null || server.signalCode !== null) return
  const exited = once(server, 'exit')
  server.kill(signal)
  await exited
}

async function cutAtRandom(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    if (proxy.connections > 0) proxy.cut(Math.floor(Math.random() * proxy.connections))
    await sleep(100 + Math.random() * 200)
  }
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port: free } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return free
}
