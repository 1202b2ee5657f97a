/** What clients may start, as they see it over HTTP and on the stream socket. */
import { expect, it, onTestFinished } from 'vitest'
import { HttpError, httpStreams, memory, streamSocket, streaming } from '../../src/index.ts'
import type { MayStart, StartAttempt, StartHandler, StreamingOptions } from '../../src/index.ts'
import { type TestServer, serve } from '../support/server.ts'
import type { WebSocketClient } from '../support/websocket-client.ts'

interface Setup {
  readonly server: TestServer
  /** As the client with this address, or as this user where there is one. */
  post(who: string, body?: object | string): Promise<Response>
  socket(who: string): Promise<WebSocketClient>
  /** Runs that wait. */
  readonly providers: { end(): void }[]
}

async function setUp(
  options: Partial<StreamingOptions> & { users?: boolean; trustProxy?: boolean } = {},
): Promise<Setup> {
  const { users = false, trustProxy = true, ...rest } = options
  const providers: { end(): void }[] = []
  const streams = streaming({
    store: memory(),
    shutdownGrace: 0,
    runs: {
      wait: {
        async *run(_input, { signal }) {
          const { promise, resolve } = Promise.withResolvers<void>()
          providers.push({ end: resolve })
          signal.addEventListener('abort', () => resolve(), { once: true })
          yield 'begun'
          await promise
        },
      },
    },
    ...rest,
  })
  // Drops what it does not need, as applications do: limits must hold all the same.
  const start: StartHandler = ({ id, owner }) =>
    streams.runs.start({
      kind: 'wait',
      ...(id !== undefined && { id }),
      ...(owner !== undefined && { owner }),
    })
  const authenticate = (request: Request): string | null => request.headers.get('user')
  const endpoint = { ...streams.services, start, ...(users && { authenticate }) }
  const server = await serve(
    { streams, routes: [httpStreams('/streams', endpoint), streamSocket('/ws', endpoint)] },
    { trustProxy, allowedHosts: ['*'] },
  )
  onTestFinished(() => server[Symbol.asyncDispose]())
  const headersOf = (who: string): Record<string, string> =>
    users ? { user: who } : { 'x-forwarded-for': who }
  return {
    server,
    providers,
    post: (who, body = { input: null }) =>
      fetch(server.url('/streams'), {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headersOf(who) },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    socket: (who) => server.connect('/ws', { subprotocols: ['millrace.v1'], headers: headersOf(who) }),
  }
}

async function refusalOf(response: Response): Promise<unknown> {
  const { error } = (await response.json()) as { error: { code: string; message: string } }
  return [response.status, error.code, response.headers.get('retry-after')]
}

async function frameOf(client: WebSocketClient, req: string): Promise<object> {
  client.socket.send(JSON.stringify({ type: 'start', req, input: null }))
  return (await client.receiveJson()) as object
}

it('a client address starts as many in a minute as it may, over HTTP and the socket together; others go on', async () => {
  const { post, socket } = await setUp({ limits: { startsPerAddress: 3 } })
  await using client = await socket('203.0.113.7')
  expect((await post('203.0.113.7')).status).toBe(201)
  expect(await frameOf(client, '1')).toMatchObject({ type: 'started' })
  // What is refused for another reason counts as well.
  expect((await post('203.0.113.7', '{"input":')).status).toBe(400)
  expect(await refusalOf(await post('203.0.113.7'))).toEqual([429, 'too_many_starts', '60'])
  expect(await frameOf(client, '2')).toEqual({
    type: 'error',
    req: '2',
    code: 'too_many_starts',
    message: expect.stringMatching(/^Too many starts within a minute. Try again in \d+ s\.$/) as string,
    retryAfter: expect.any(Number) as number,
  })
  expect((await post('203.0.113.8')).status).toBe(201)
})

it('a client that draws IPv6 addresses of its own network is one client', async () => {
  const { post } = await setUp({ limits: { startsPerAddress: 2 } })
  const statuses = [1, 2, 3].map(async (n) => (await post(`2001:db8:1:2::${n}`)).status)
  expect((await Promise.all(statuses)).toSorted((a, b) => a - b)).toEqual([201, 201, 429])
  expect((await post('2001:db8:1:3::1')).status).toBe(201)
})

it('a client address has as many runs as it may, until one ends; a run that is there needs no place', async () => {
  const { post, providers } = await setUp({ limits: { runsPerAddress: 2 } })
  expect((await post('203.0.113.7', { input: null, id: 'mine' })).status).toBe(201)
  expect((await post('203.0.113.7')).status).toBe(201)
  expect(await refusalOf(await post('203.0.113.7'))).toEqual([429, 'too_many_runs', '5'])
  expect((await post('203.0.113.7', { input: null, id: 'mine' })).status).toBe(201)
  expect((await post('203.0.113.8')).status).toBe(201)
  providers[0]?.end()
  await expect.poll(async () => (await post('203.0.113.7')).status).toBe(201)
  expect(providers).toHaveLength(4)
})

it('a start that is sent again takes no second place, in order or at once', async () => {
  const { post, providers } = await setUp({ limits: { runsPerAddress: 3 } })
  const again = async (): Promise<number> => (await post('203.0.113.7', { input: null, id: 'mine' })).status
  expect(await again()).toBe(201)
  expect(await again()).toBe(201)
  expect(await Promise.all([again(), again()])).toEqual([201, 201])
  expect((await post('203.0.113.7')).status).toBe(201)
  expect((await post('203.0.113.7')).status).toBe(201)
  expect((await post('203.0.113.7')).status).toBe(429)
  expect(providers).toHaveLength(3)
  providers[0]?.end()
  await expect.poll(async () => (await post('203.0.113.7')).status).toBe(201)
  expect((await post('203.0.113.7')).status).toBe(429)
})

it('starts at the same moment do not slip through together', async () => {
  const { post, providers } = await setUp({ limits: { runsPerAddress: 4 } })
  const statuses = await Promise.all(
    Array.from({ length: 30 }, async () => (await post('203.0.113.7')).status),
  )
  expect(statuses.filter((status) => status === 201)).toHaveLength(4)
  expect(providers).toHaveLength(4)
})

it('clients of this machine are not counted, until proxy headers are believed', async () => {
  const limits = { runsPerAddress: 1, startsPerAddress: 1 }
  const own = await setUp({ limits, trustProxy: false })
  const proxied = await setUp({ limits })
  const statuses = async ({ post }: Setup): Promise<number[]> => [
    (await post('')).status,
    (await post('')).status,
  ]
  expect(await statuses(own)).toEqual([201, 201])
  expect(await statuses(proxied)).toEqual([201, 429])
})

it('an owner starts as many in a minute as it may, from wherever; the address does not count', async () => {
  const { post, socket } = await setUp({
    users: true,
    limits: { startsPerOwner: 2, startsPerAddress: 1, runsPerAddress: 1 },
  })
  await using client = await socket('ann')
  expect((await post('ann')).status).toBe(201)
  expect(await frameOf(client, '1')).toMatchObject({ type: 'started' })
  expect(await refusalOf(await post('ann'))).toEqual([429, 'too_many_starts', '60'])
  expect(await frameOf(client, '2')).toMatchObject({ code: 'too_many_starts' })
  expect((await post('bob')).status).toBe(201)
})

it('an owner with as many runs as it may have, and a process, are told when to come back', async () => {
  const { post, socket } = await setUp({ users: true, limits: { runsPerOwner: 1, runsPerProcess: 2 } })
  expect((await post('ann')).status).toBe(201)
  expect(await refusalOf(await post('ann'))).toEqual([429, 'too_many_runs', '5'])
  expect((await post('bob')).status).toBe(201)
  expect(await refusalOf(await post('eve'))).toEqual([429, 'process_full', '5'])
  await using client = await socket('eve')
  expect(await frameOf(client, '1')).toMatchObject({ code: 'process_full', retryAfter: 5 })
})

it('a body is not read when there were too many starts', async () => {
  const { server, post } = await setUp({ limits: { startsPerAddress: 1 } })
  expect((await post('203.0.113.7')).status).toBe(201)
  await using client = await server.raw()
  client.request('POST /streams', {
    'content-type': 'application/json',
    'content-length': '1000000',
    'x-forwarded-for': '203.0.113.7',
  })
  expect((await client.response()).status).toBe(429)
})

it('mayStart knows what is asked for, and decides over HTTP and on the socket', async () => {
  const asked: StartAttempt[] = []
  const mayStart: MayStart = async (attempt) => {
    asked.push(attempt)
    if (attempt.chat === 'dear') throw new HttpError('payment_required', 'Ten cents, please.')
    if (attempt.chat === 'used up') {
      throw new HttpError('too_many_starts', 'Your quota begins anew at noon.', { 'retry-after': '3600' })
    }
    return attempt.chat === undefined
  }
  const { post, socket, providers } = await setUp({ users: true, mayStart })
  const command = { input: { prompt: 'Why?' }, id: 'r' }
  expect((await post('ann', command)).status).toBe(201)
  expect(asked[0]).toMatchObject({ ...command, owner: 'ann', scope: { user: 'ann', path: '/streams' } })
  expect(await refusalOf(await post('ann', { input: null, chat: 'no' }))).toEqual([403, 'forbidden', null])
  expect(await refusalOf(await post('ann', { input: null, chat: 'dear' }))).toEqual([
    402,
    'payment_required',
    null,
  ])
  expect(await refusalOf(await post('ann', { input: null, chat: 'used up' }))).toEqual([
    429,
    'too_many_starts',
    '3600',
  ])
  await using client = await socket('ann')
  client.socket.send(JSON.stringify({ type: 'start', req: '1', input: null, chat: 'used up' }))
  expect(await client.receiveJson()).toEqual({
    type: 'error',
    req: '1',
    code: 'too_many_starts',
    message: 'Your quota begins anew at noon.',
    retryAfter: 3600,
  })
  expect(providers).toHaveLength(1)
})

it.each<[string, MayStart, number, string]>([
  ['answers nothing', (() => {}) as unknown as MayStart, 403, 'forbidden'],
  ['answers 1', (() => 1) as unknown as MayStart, 403, 'forbidden'],
  ['fails', () => Promise.reject(new Error('the password is hunter2')), 500, 'internal_error'],
])(
  'a mayStart that %s lets nothing be started, and gives the place back',
  async (_how, answer, status, code) => {
    let isFirst = true
    const mayStart: MayStart = (attempt) => {
      if (!isFirst) return true
      isFirst = false
      return answer(attempt)
    }
    const { post, providers } = await setUp({ mayStart, limits: { runsPerAddress: 1 } })
    const refused = await post('203.0.113.7')
    expect([refused.status, ((await refused.json()) as { error: { code: string } }).error.code]).toEqual([
      status,
      code,
    ])
    expect((await post('203.0.113.7')).status).toBe(201)
    expect(providers).toHaveLength(1)
  },
)

it('a limit that is none is refused by name', () => {
  const store = memory()
  expect(() => streaming({ store, limits: { startsPerOwner: 0 } })).toThrow('limits.startsPerOwner is 0')
  expect(() => streaming({ store, limits: { runsPerAddress: 1.5 } })).toThrow('limits.runsPerAddress is 1.5')
  expect(() => streaming({ store, limits: { runsPerProcess: Number.NaN } })).toThrow(
    'limits.runsPerProcess is NaN',
  )
  expect(() => streaming({ store, limits: { startsPerHour: 1 } as object })).toThrow(
    'streaming() has no option limits.startsPerHour. Did you mean limits.startsPerOwner?',
  )
})
