/** A response in the background is cancelled though the process that stops its run dies over it: real processes. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { openStore } from '../../src/streams/open-store.ts'
import type { StreamStore } from '../../src/streams/store.ts'
import { stream, upstream } from '../support/upstream.ts'
import type { UpstreamRequest } from '../support/upstream.ts'
import { Worker } from './worker-process.ts'

const CREATED = { type: 'response.created', sequence_number: 0, response: { id: 'resp_1', status: 'queued' } }
/** Milliseconds that a machine which does much else may take. */
const PATIENCE = 20_000
const CANCEL = '/v1/responses/resp_1/cancel'

/** What a service is asked, each thing when somebody waits for it. */
class Asked {
  readonly #waiting: ((request: UpstreamRequest) => void)[] = []
  readonly #come: UpstreamRequest[] = []

  push(request: UpstreamRequest): void {
    const next = this.#waiting.shift()
    if (next) next(request)
    else this.#come.push(request)
  }

  async next(): Promise<UpstreamRequest> {
    return this.#come.shift() ?? new Promise((resolve) => this.#waiting.push(resolve))
  }
}

interface Stage {
  readonly asked: Asked
  readonly place: string
  readonly store: StreamStore
  readonly worker: () => Promise<Worker>
}

/** A service that answers what the test says, and a store for processes that are killed when it ends. */
async function stage(): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-cancel-'))
  const place = join(folder, 'streams.db')
  const store = openStore(place)
  const workers: Worker[] = []
  onTestFinished(async () => {
    await Promise.all(workers.map((worker) => worker.kill()))
    await store.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const asked = new Asked()
  const { baseURL } = await upstream((request) => asked.push(request))
  const worker = async (): Promise<Worker> => {
    const one = new Worker(place, baseURL)
    workers.push(one)
    await one.ready
    return one
  }
  return { asked, place, store, worker }
}

/** Another process cancels, once: nothing is owed any more. */
async function isCancelled({ asked, store, worker }: Stage): Promise<void> {
  await worker()
  const { req, res } = await asked.next()
  expect([req.method, req.url]).toEqual(['POST', CANCEL])
  res.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  await expect
    .poll(
      async () => {
        const lease = { stream: 'run', incarnation: (await store.head('run'))?.incarnation ?? '' }
        const claimed = await store.leases.claim(lease, { holder: 'test', ttlMs: 1 })
        return claimed.outcome === 'lost' && (await store.leases.expired()).length === 0
      },
      { timeout: PATIENCE },
    )
    .toBe(true)
}

it('is cancelled by another process when the one that cancels is killed', { timeout: 60_000 }, async () => {
  const there = await stage()
  const { asked, store, worker } = there
  const first = await worker()
  await first.do({ do: 'start', request: { id: 'run', kind: 'answer' } })
  stream((await asked.next()).res, CREATED)
  await expect.poll(async () => (await store.head('run'))?.tail.position, { timeout: PATIENCE }).toBe(1)
  const stopping = first.do({ do: 'stop', id: 'run' })
  expect((await asked.next()).req.url).toBe(CANCEL)
  // The service does not answer that, and the run has its end all the same.
  expect(await stopping).toEqual({ status: 'stopped' })
  await first.kill()
  await isCancelled(there)
})

it('is cancelled by what was learnt of it when its run had ended', { timeout: 60_000 }, async () => {
  const there = await stage()
  const { asked, worker } = there
  const first = await worker()
  await first.do({ do: 'start', request: { id: 'run', kind: 'answer' } })
  const made = await asked.next()
  expect(made.req.url).toBe('/v1/responses')
  // Its id is not known yet.
  expect(await first.do({ do: 'stop', id: 'run' })).toEqual({ status: 'stopped' })
  stream(made.res, CREATED)
  expect((await asked.next()).req.url).toBe(CANCEL)
  // What that process keeps then, it keeps behind what it learnt.
  await first.do({ do: 'start', request: { kind: 'count', input: { to: 1, paceMs: 1, checkpointEvery: 1 } } })
  await first.kill()
  await isCancelled(there)
})
