/** What providers, runs: kinds, and the hooks of a start throw where nobody can catch it: the process and the others go on. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ClumsyProcess, HEAD } from '../support/clumsy-process.ts'

const SERVER = `${HEAD}
  const abortable = (signal, text) => signal.addEventListener('abort', () => { throw new Error(text) })
  const ways = {
    timer: () => soon('from a timer'),
    promise: () => void Promise.reject(new Error('from a promise')),
    listener: ({ signal }) => abortable(signal, 'from a listener'),
    abort: ({ signal }) => void new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  }
  async function* talk(context, way) {
    ways[way]?.(context)
    yield 'a word'
    if (way !== 'whole') await new Promise((resolve) => context.signal.addEventListener('abort', resolve))
    else soon('after the end')
  }
  const store = memory()
  const dying = {
    async *run() {},
    newAttempt: () => (soon('from newAttempt'), ['again']),
    closing: () => (soon('from closing'), []),
  }
  // Of a process that died: whoever takes it over does so in nobody's name.
  const leaveDead = async (id) => {
    const run = { startedAt: Date.now(), attempt: 1, kind: 'dying' }
    await store.create(id, { owner: 'ann', metadata: { run }, lease: { holder: 'dead', ttlMs: 1 } })
    return streams.runs.get(id)
  }
  const streams = streaming({
    store,
    logger,
    leaseTtl: 0.5,
    // Of each message the log tells once in ten seconds: each has a kind of its own.
    runs: { dying, ...Object.fromEntries(['none', 'whole', ...Object.keys(ways)].map((way) =>
      [way, { run: (_input, context) => talk(context, way) }])) },
    mayStart: ({ input, signal }) => {
      if (input.hook === 'mayStart') soon('from mayStart')
      return true
    },
  })
  const services = {
    ...streams.services,
    start: ({ asked, input, ...request }) => {
      if (input.hook === 'start') soon('from start')
      if (input.dead) return leaveDead('dead')
      return input.bare
        ? streams.runs.start(request, (context) => talk(context, input.way))
        : streams.runs.start({ ...request, kind: input.way ?? 'none', input })
    },
  }
  const authenticate = (request) => {
    const { searchParams } = new URL(request.url)
    if (searchParams.has('clumsy')) soon('from authenticate')
    return 'ann'
  }
  millrace({
    logger,
    streams,
    authenticate,
    routes: [streamSocket('/ws/streams', services), ...[httpStreams('/streams', services)].flat()],
    fetch: () => new Response('served'),
  }).listen({ port: 0 }).then(({ url }) => console.log(JSON.stringify({ message: url })))
`

interface Start {
  readonly way?: string
  readonly hook?: string
  /** Without a kind. */
  readonly bare?: boolean
  /** Left by a process that died. */
  readonly dead?: boolean
}

const SPEAKING = { subprotocols: ['millrace.v1'] }

let child: ClumsyProcess

beforeAll(async () => {
  child = await ClumsyProcess.start(SERVER)
})

afterAll(() => child[Symbol.asyncDispose]())

async function start(input: Start, query = ''): Promise<string> {
  const body = JSON.stringify({ input })
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${child.url}/streams${query}`, { method: 'POST', headers, body })
  expect(answer.status).toBe(201)
  return ((await answer.json()) as { stream: string }).stream
}

async function stop(run: string): Promise<unknown> {
  return (await fetch(`${child.url}/streams/${run}/stop`, { method: 'POST' })).json()
}

/** How a run ended: the last event of its stream. */
async function endOf(run: string): Promise<unknown> {
  const events = await child.text(`/streams/${run}?offset=-1&live=sse`)
  return JSON.parse(events.slice(events.lastIndexOf('data:') + 5))
}

function threw(name: string, outcome: string): string {
  return `${name} threw where nobody could catch it: ${outcome}`
}

describe('a provider', () => {
  it.each(['timer', 'promise'])('that throws from a %s fails its run alone', async (way) => {
    const other = await start({})
    const run = await start({ way })
    const err = `from a ${way}`
    const message = threw(`the provider of a run of the kind ${way}`, 'its run fails')
    expect(await child.next()).toEqual({ message, err, run })
    expect(await child.next()).toEqual({ message: 'run failed', err, run })
    expect(await endOf(run)).toMatchObject({ end: { status: 'failed', reason: 'provider_failed' } })
    expect(await stop(other)).toEqual({ status: 'stopped' })
  })

  it('that throws costs the socket that started its run nothing', async () => {
    await using client = await child.connect('/ws/streams', SPEAKING)
    client.send(JSON.stringify({ type: 'start', req: '1', input: { way: 'timer', bare: true } }))
    expect(JSON.parse(String(await client.receive()))).toMatchObject({ type: 'started', req: '1' })
    expect((await child.next()).message).toBe(threw('the provider of a run', 'its run fails'))
    expect((await child.next()).message).toBe('run failed')
    client.send(JSON.stringify({ type: 'start', req: '2', input: {} }))
    expect(JSON.parse(String(await client.receive()))).toMatchObject({ type: 'started', req: '2' })
  })

  it('that throws as it is stopped is logged, and its aborts are no errors', async () => {
    for (const way of ['abort', 'listener']) {
      expect(await stop(await start({ way }))).toEqual({ status: 'stopped' })
    }
    const message = threw('the provider of a run of the kind listener', 'its run has an end already')
    expect(await child.next()).toMatchObject({ message, err: 'from a listener' })
  })

  it('that throws when it has ended is logged, and its run is whole', async () => {
    const run = await start({ way: 'whole' })
    expect(await child.next()).toMatchObject({ err: 'after the end', run })
    expect(await endOf(run)).toMatchObject({ end: { status: 'completed' } })
  })
})

it('newAttempt and closing that throw later are logged, and cost the process nothing', async () => {
  const run = await start({ dead: true })
  const marked = threw('newAttempt of the kind dying', 'its run goes on')
  const closed = threw('closing of the kind dying', 'its run has its end')
  const lines = [await child.next(), await child.next()]
  expect(lines).toContainEqual({ message: marked, err: 'from newAttempt', run })
  expect(lines).toContainEqual({ message: closed, err: 'from closing', run })
  expect(await endOf(run)).toMatchObject({ end: { status: 'completed' } })
})

describe.each(['mayStart', 'start'])('%s', (hook) => {
  it('that throws later is logged, and costs neither the socket nor the run', async () => {
    await using client = await child.connect('/ws/streams', SPEAKING)
    client.send(JSON.stringify({ type: 'start', req: '1', input: { hook } }))
    const { stream } = JSON.parse(String(await client.receive())) as { stream: string }
    const message = threw(hook, 'the server goes on')
    expect(await child.next()).toEqual({ message, err: `from ${hook}`, path: '/ws/streams' })
    client.send(JSON.stringify({ type: 'stop', req: '2', stream }))
    expect(JSON.parse(String(await client.receive()))).toMatchObject({ type: 'stopped', status: 'stopped' })
  })
})

it('authenticate that throws later is logged, and the server goes on', async () => {
  await using _client = await child.connect('/ws/streams?clumsy', SPEAKING)
  const message = threw('authenticate', 'the server goes on')
  expect(await child.next()).toMatchObject({ message, err: 'from authenticate' })
  await start({}, '?clumsy')
  await start({ hook: 'start' })
  expect(await child.text('/')).toBe('served')
})
