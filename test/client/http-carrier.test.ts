/** Streams where WebSockets do not get through. Time and network are the test's. */
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { type ClientOptions, type RemoteStream, type StreamClient, connect } from '../../src/client/index.ts'
import {
  FakeEndpoint,
  FakeNetwork,
  type FakeRequest,
  type FakeWindow,
  at,
  fakeWindow,
  numbers,
  records,
} from './fakes.ts'

const SECOND = 1000

let network: FakeNetwork
let endpoint: FakeEndpoint
let page: FakeWindow
let client: StreamClient

beforeEach(() => {
  vi.useFakeTimers()
  vi.spyOn(Math, 'random').mockReturnValue(1)
  page = fakeWindow()
  network = new FakeNetwork()
  endpoint = new FakeEndpoint()
  client = connect('wss://server/ws', { webSocket: network.connect, fetch: endpoint.fetch })
})

afterEach(async () => {
  client.close()
  await vi.advanceTimersByTimeAsync(0)
  expect([vi.getTimerCount(), page.listeners]).toEqual([0, 0])
  page.remove()
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const settled = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0)

/** WebSockets fail, the endpoint answers, and they fail again. */
async function blocked(): Promise<void> {
  network.socket.cut()
  while (endpoint.requests.length === 0) await vi.advanceTimersByTimeAsync(100)
  endpoint.request.refuse(404, 'stream_not_found')
  await settled()
  network.socket.cut()
  await settled()
}

/** A stream over server-sent events that have begun. */
async function followed(): Promise<{ stream: RemoteStream<number>; request: FakeRequest }> {
  const stream = client.stream<number>('s')
  await blocked()
  return { stream, request: endpoint.request.events() }
}

describe('the fall back', () => {
  it('the fall back asks whether the server is there, and follows its streams over HTTP', async () => {
    const stream = client.stream('a/b')
    await blocked()
    expect(endpoint.requests.map(({ url }) => url.href)).toEqual([
      'https://server/streams/%40probe',
      'https://server/streams/a%2Fb?offset=-1&live=sse&encoding=base64',
    ])
    expect([client.state, stream.status]).toEqual(['connecting', 'connecting'])
  })

  it('the fall back goes on in the middle of a stream', async () => {
    const stream = client.stream('s')
    network.socket.open().frame({ type: 'subscribed', stream: 's', offset: at(0) }, records('s', 0, 3))
    network.socket.cut()
    await vi.advanceTimersByTimeAsync(0.5 * SECOND)
    await blocked()
    expect(endpoint.request.url.search).toBe(`?offset=${at(3)}&live=sse&encoding=base64`)
    endpoint.request.events().records(3, 5)
    await settled()
    expect(stream.take()).toEqual(numbers(0, 5))
    expect([client.state, network.sockets.length]).toEqual(['connected', 3])
  })

  it('the fall back does not follow a stream that has more than it can hold before its records are taken', async () => {
    const [full] = [client.stream('s'), client.stream('t')]
    network.socket.open().frame({ type: 'subscribed', stream: 's', offset: at(0) }, records('s', 0, 10_000))
    network.socket.cut()
    await vi.advanceTimersByTimeAsync(0.5 * SECOND)
    await blocked()
    expect(endpoint.requests.map(({ url }) => url.pathname)).toEqual(['/streams/%40probe', '/streams/t'])
    expect(full.take()).toHaveLength(10_000)
    expect(endpoint.request.url.href).toBe(
      `https://server/streams/s?offset=${at(10_000)}&live=sse&encoding=base64`,
    )
    expect(endpoint.requests).toHaveLength(3)
  })

  it.each([
    ['does not answer', (request: FakeRequest) => request.fail()],
    ['is going down', (request: FakeRequest) => request.refuse(503, 'draining')],
    ['is behind a proxy that cannot reach it', (request: FakeRequest) => request.text(502, 'Bad gateway')],
    ['is hidden by a page of the network', (request: FakeRequest) => request.text(200, '<h1>Sign in</h1>')],
    ['has no such endpoint', (request: FakeRequest) => request.refuse(404, 'route_not_found')],
    ['is another one', (request: FakeRequest) => request.text(404, 'Not found')],
    ['says nothing', () => {}],
  ])('the fall back does not happen while the server %s', async (_what, answer) => {
    client.stream('s')
    for (let tries = 1; tries < 5; tries++) {
      network.socket.cut()
      const asked = endpoint.requests.length
      while (endpoint.requests.length === asked) await vi.advanceTimersByTimeAsync(100)
      answer(endpoint.request)
      await settled()
      // Then the path of the WebSocket itself, where a server answers.
      if (endpoint.request.url.pathname === '/ws') endpoint.request.refuse(426, 'upgrade_required')
      await vi.advanceTimersByTimeAsync(5 * SECOND)
      expect(network.sockets).toHaveLength(tries + 1)
    }
    const paths = new Set(endpoint.requests.map(({ url }) => url.pathname))
    expect(['/streams/%40probe', '/ws']).toEqual(expect.arrayContaining([...paths]))
    expect(client).toMatchObject({ state: 'reconnecting', error: { name: 'StreamError' } })
  })

  it.each([
    ['the session is over', 401, 'unauthenticated'],
    ['the user may not', 403, 'forbidden'],
    ['the path is wrong', 404, 'route_not_found'],
  ])(
    'does not happen where %s: streams and commands fail with what the server says',
    async (_, status, code) => {
      const stream = client.stream('s')
      const stopped = client.stop('r')
      network.socket.cut()
      await vi.advanceTimersByTimeAsync(0.5 * SECOND)
      endpoint.request.refuse(status, code)
      await settled()
      expect(endpoint.request.url.href).toBe('https://server/ws')
      endpoint.request.refuse(status, code)
      await settled()
      network.socket.cut()
      const error = { code, message: `This is ${code}` }
      await expect(stopped).rejects.toMatchObject(error)
      expect({ status: stream.status, error: stream.error }).toMatchObject({ status: 'error', error })
      expect(client).toMatchObject({ state: 'idle', error })
      // Whoever signed in meanwhile tries again.
      const next = client.stream('s')
      expect([client.state, client.error]).toEqual(['connecting', undefined])
      network.socket.open().frame({ type: 'subscribed', stream: 's', offset: at(0) })
      expect(next.status).toBe('running')
    },
  )

  it('the fall back is offered by a server that serves streams over HTTP alone', async () => {
    client.stream('s')
    await blocked()
    endpoint.request.events().records(0, 1)
    await settled()
    expect(client).toMatchObject({ state: 'connected', error: undefined })
  })

  it('the fall back takes commands that have no answer with it', async () => {
    const started = client.start('Hello', { id: 'r', chat: 'c' })
    const stopped = client.stop('other')
    await blocked()
    const [, start, stop] = endpoint.requests as [FakeRequest, FakeRequest, FakeRequest]
    expect([start.url.pathname, start.init.method, start.init.body]).toEqual([
      '/streams',
      'POST',
      '{"id":"r","input":"Hello","chat":"c"}',
    ])
    expect(stop.url.pathname).toBe('/streams/other/stop')
    start.json(201, { stream: 'r' })
    stop.json(200, { status: 'stopped' })
    expect(await stopped).toBe('stopped')
    expect((await started).id).toBe('r')
  })

  it('the fall back can be somewhere else, or switched off', async () => {
    client.close()
    const options = { webSocket: network.connect, fetch: endpoint.fetch }
    client = connect('ws://server/ws', { ...options, http: 'https://endpoint/logs/' })
    client.stream('s')
    await blocked()
    expect(endpoint.requests[0]?.url.href).toBe('https://endpoint/logs/%40probe')
    expect(endpoint.request.url.href).toBe('https://endpoint/logs/s?offset=-1&live=sse&encoding=base64')
    client.close()
    client = connect('ws://server/ws', { ...options, http: false })
    client.stream('s')
    const asked = endpoint.requests.length
    for (let tries = 0; tries < 5; tries++) {
      network.socket.cut()
      await vi.advanceTimersByTimeAsync(10 * SECOND)
    }
    // What is asked for is why the WebSocket failed, and no stream.
    expect(new Set(endpoint.requests.slice(asked).map(({ url }) => url.href))).toEqual(
      new Set(['http://server/ws']),
    )
  })
})

describe('server-sent events', () => {
  it('server-sent events bring records, and the end as it is told', async () => {
    const { stream, request } = await followed()
    request.event('control', { streamFromOffset: at(0), streamNextOffset: at(0), upToDate: true })
    await settled()
    expect([stream.status, stream.offset]).toEqual(['running', at(0)])
    request.records(0, 3)
    request.write(
      `event: data\ndata: [3,\ndata: 4]\n\nevent: control\ndata: {"streamFromOffset":"${at(3)}","streamNextOffset":"${at(5)}"}\n\n`,
    )
    request.event('control', {
      streamFromOffset: at(5),
      streamNextOffset: at(5),
      streamClosed: true,
      end: { status: 'failed', message: 'Over.' },
    })
    await settled()
    expect(stream.take()).toEqual(numbers(0, 5))
    expect(stream).toMatchObject({ status: 'failed', error: { code: 'failed', message: 'Over.' } })
    expect([request.aborted, client.state]).toEqual([true, 'idle'])
  })

  it('server-sent events tell the end with the last records, too', async () => {
    const { stream, request } = await followed()
    request.event('data', [0, { status: 'failed' }])
    const places = { streamFromOffset: at(0), streamNextOffset: at(2) }
    request.event('control', { ...places, streamClosed: true, end: { status: 'stopped' } })
    await settled()
    expect([stream.take(), stream.status, stream.offset]).toEqual([
      [0, { status: 'failed' }],
      'stopped',
      at(2),
    ])
    expect(stream.end).toEqual({ status: 'stopped' })
  })

  it('server-sent events tell of a close without an end, whatever the last record looks like', async () => {
    const { stream, request } = await followed()
    request.event('data', [0, { type: 'millrace.end', status: 'failed' }])
    request.event('control', { streamFromOffset: at(0), streamNextOffset: at(2), streamClosed: true })
    await settled()
    const records = [0, { type: 'millrace.end', status: 'failed' }]
    expect([stream.take(), stream.status, stream.end]).toEqual([records, 'closed', undefined])
  })

  it('server-sent events bring bytes', async () => {
    const stream = client.stream('s')
    await blocked()
    const request = endpoint.request.events({ 'stream-sse-data-encoding': 'base64' })
    request.event('data', ['AP8=', 'AA=='])
    request.event('control', { streamFromOffset: at(0), streamNextOffset: at(2) })
    await settled()
    expect(stream.take()).toEqual([new Uint8Array([0, 255]), new Uint8Array([0])])
  })

  it('server-sent events go on from the last record when they break', async () => {
    const { stream, request } = await followed()
    request.records(0, 3)
    request.event('data', [3])
    await settled()
    request.fail()
    await settled()
    expect([client.state, stream.status]).toEqual(['reconnecting', 'running'])
    await vi.advanceTimersByTimeAsync(0.5 * SECOND)
    expect(endpoint.request.url.search).toBe(`?offset=${at(3)}&live=sse&encoding=base64`)
    endpoint.request.events().records(2, 5)
    await settled()
    expect(stream.take()).toEqual(numbers(0, 5))
    expect(client.state).toBe('connected')
  })

  it('server-sent events that begin at now do so once', async () => {
    const stream = client.stream('s', { offset: 'now' })
    await blocked()
    const request = endpoint.request.events()
    request.records(7, 8)
    await settled()
    request.end()
    await vi.advanceTimersByTimeAsync(0.5 * SECOND)
    expect(stream.take()).toEqual([7])
    expect(endpoint.request.url.search).toBe(`?offset=${at(8)}&live=sse&encoding=base64`)
  })

  it('server-sent events are asked for again where records are missing, once', async () => {
    const { stream, request } = await followed()
    request.records(0, 2)
    request.records(3, 4)
    request.records(4, 5)
    await vi.advanceTimersByTimeAsync(0.5 * SECOND)
    expect([stream.take(), request.aborted]).toEqual([[0, 1], false])
    expect(endpoint.request.url.search).toBe(`?offset=${at(2)}&live=sse&encoding=base64`)
    endpoint.request.events().records(3, 4)
    await settled()
    expect(stream).toMatchObject({ status: 'error', error: { code: 'gap' } })
  })

  it('server-sent events come back when a server that goes down says so', async () => {
    const { request } = await followed()
    request.records(0, 1)
    request.write('retry: 3250\n\n')
    request.end()
    await vi.advanceTimersByTimeAsync(3249)
    expect(endpoint.request).toBe(request)
    await vi.advanceTimersByTimeAsync(1)
    expect(endpoint.request).not.toBe(request)
  })

  it.each(['', 'retry: 0\n\n', 'retry: soon\n\n', 'retry: -1\n\n', ': nothing\n\n'])(
    'are asked for after growing pauses while every answer is %j and ends',
    async (text) => {
      await followed()
      const pauses: number[] = []
      for (let tries = 0; tries < 4; tries++) {
        const { request } = endpoint
        const ended = Date.now()
        if (tries > 0) request.events()
        request.write(text)
        request.end()
        while (endpoint.request === request) await vi.advanceTimersByTimeAsync(100)
        pauses.push((Date.now() - ended) / SECOND)
      }
      expect(pauses).toEqual([0.5, 1, 2, 4])
    },
  )

  it('server-sent events are asked for after growing pauses while the server is down', async () => {
    await followed()
    const pauses: number[] = []
    for (let tries = 0; tries < 4; tries++) {
      const { request } = endpoint
      const failed = Date.now()
      request.fail()
      while (endpoint.request === request) await vi.advanceTimersByTimeAsync(100)
      pauses.push((Date.now() - failed) / SECOND)
    }
    expect(pauses).toEqual([0.5, 1, 2, 4])
    endpoint.request.events().write(':\n\n')
    await vi.advanceTimersByTimeAsync(2 * SECOND)
    const { request } = endpoint
    request.end()
    await vi.advanceTimersByTimeAsync(0.5 * SECOND)
    expect(endpoint.request).not.toBe(request)
  })

  it.each([
    ['stream_gone', 'gone', 'gone'],
    ['offset_lost', 'error', 'offset_lost'],
  ])('server-sent events end with the error %s', async (code, status, ours) => {
    const { stream, request } = await followed()
    request.event('error', { code, message: 'It is over.' })
    await settled()
    expect(stream).toMatchObject({ status, error: { code: ours, message: 'It is over.' } })
  })

  it('server-sent events are asked for again while the store fails', async () => {
    const { stream, request } = await followed()
    request.event('error', { code: 'store_failed', message: '' })
    await vi.advanceTimersByTimeAsync(0.5 * SECOND)
    endpoint.request.refuse(503, 'store_failed')
    await vi.advanceTimersByTimeAsync(1 * SECOND)
    endpoint.request.events().records(0, 1)
    await settled()
    expect(stream.take()).toEqual([0])
  })

  it.each([
    [404, 'stream_not_found'],
    [410, 'offset_past_end'],
    [500, 'internal_error'],
  ])('server-sent events are refused with %i %s', async (status, code) => {
    const stream = client.stream('s')
    await blocked()
    endpoint.request.refuse(status, code)
    await settled()
    expect(stream).toMatchObject({ status: 'error', error: { code } })
  })

  it('server-sent events are refused by a proxy in its own words', async () => {
    const stream = client.stream('s')
    await blocked()
    endpoint.request.text(403, 'Forbidden')
    await settled()
    expect(stream.error).toMatchObject({ code: 'http_403' })
  })

  it('server-sent events are given up after 40 seconds without a sign of life', async () => {
    const { request } = await followed()
    for (let signs = 0; signs < 4; signs++) {
      request.write(':\n\n')
      await vi.advanceTimersByTimeAsync(39 * SECOND)
    }
    expect(request.aborted).toBe(false)
    await vi.advanceTimersByTimeAsync(SECOND)
    expect(request.aborted).toBe(true)
    await vi.advanceTimersByTimeAsync(0.5 * SECOND)
    expect(endpoint.request).not.toBe(request)
  })

  it('server-sent events are given up sooner when the browser wakes up, and asked for at once', async () => {
    const { request } = await followed()
    page.dispatch('online')
    await vi.advanceTimersByTimeAsync(17 * SECOND)
    expect(request.aborted).toBe(true)
    const { length } = endpoint.requests
    page.dispatch('online')
    await settled()
    expect(endpoint.requests).toHaveLength(length + 1)
  })

  it('server-sent events stop when the stream is closed, and when it has more than it can hold', async () => {
    const { stream, request } = await followed()
    request.records(0, 10_000)
    await settled()
    expect(request.aborted).toBe(true)
    expect(stream.take()).toHaveLength(10_000)
    expect(endpoint.request.url.search).toBe(`?offset=${at(10_000)}&live=sse&encoding=base64`)
    stream.close()
    expect(endpoint.request.aborted).toBe(true)
    await vi.advanceTimersByTimeAsync(60 * SECOND)
    expect(endpoint.requests).toHaveLength(3)
  })

  it('server-sent events serve each of two readers of one stream', async () => {
    const { stream, request } = await followed()
    const other = client.stream('s', { offset: at(2) })
    endpoint.request.events().records(2, 4)
    request.records(0, 4)
    await settled()
    expect([stream.take(), other.take()]).toEqual([numbers(0, 4), [2, 3]])
    stream.close()
    expect([request.aborted, endpoint.request.aborted]).toEqual([true, false])
  })
})

/** A long poll is answered. */
function poll(request: FakeRequest, from: number, to: number, more: Record<string, string> = {}): void {
  request.answer(
    Response.json(numbers(from, to), {
      headers: { 'stream-from-offset': at(from), 'stream-next-offset': at(to), ...more },
    }),
  )
}

describe('events that do not come through', () => {
  it.each([
    ['a proxy that holds the answer back', () => {}],
    ['a proxy that holds what is in it back', (request: FakeRequest) => void request.events()],
  ])('events that do not come through are replaced by long polls behind %s', async (_what, begin) => {
    const stream = client.stream<number>('s')
    await blocked()
    begin(endpoint.request)
    const first = endpoint.request
    await vi.advanceTimersByTimeAsync(5.5 * SECOND)
    expect([first.aborted, endpoint.request.url.search]).toEqual([true, '?offset=-1&encoding=base64'])
    poll(endpoint.request, 0, 3)
    await settled()
    expect([stream.take(), client.state]).toEqual([[0, 1, 2], 'connected'])
    expect(endpoint.request.url.search).toBe(`?offset=${at(3)}&live=long-poll&encoding=base64`)
    await vi.advanceTimersByTimeAsync(25 * SECOND)
    endpoint.request.answer(
      new Response(null, {
        status: 204,
        headers: { 'stream-from-offset': at(3), 'stream-next-offset': at(3) },
      }),
    )
    await settled()
    expect([client.state, endpoint.requests.length]).toEqual(['connected', 5])
    poll(endpoint.request, 3, 4)
    await settled()
    expect(stream.take()).toEqual([3])
    // The next stream knows it.
    client.stream('t')
    expect(endpoint.request.url.search).toBe('?offset=-1&encoding=base64')
  })

  it.each([
    ['with records', [0, 1]],
    ['alone', []],
  ])('events that do not come through tell the end %s', async (_how, body: readonly number[]) => {
    const stream = client.stream('s')
    await blocked()
    await vi.advanceTimersByTimeAsync(5.5 * SECOND)
    const places = { 'stream-from-offset': at(0), 'stream-next-offset': at(body.length) }
    const end = '{"status":"stopped","message":"\\u20ac"}'
    endpoint.request.answer(
      Response.json(body, { headers: { ...places, 'stream-closed': 'true', 'stream-end': end } }),
    )
    await settled()
    expect([stream.take(), stream.status, client.state]).toEqual([body, 'stopped', 'idle'])
    expect(stream.end).toEqual({ status: 'stopped', message: '€' })
  })

  it('events that do not come through are given up for good only when they fall silent twice', async () => {
    const { request } = await followed()
    request.records(0, 1)
    await vi.advanceTimersByTimeAsync(40.5 * SECOND)
    expect(endpoint.request.url.search).toBe(`?offset=${at(1)}&encoding=base64`)
    poll(endpoint.request, 1, 2)
    await settled()
    expect(endpoint.request.url.search).toBe(`?offset=${at(2)}&live=sse&encoding=base64`)
    endpoint.request.events().records(2, 3)
    await vi.advanceTimersByTimeAsync(41 * SECOND)
    poll(endpoint.request, 3, 4)
    await settled()
    expect(endpoint.request.url.search).toBe(`?offset=${at(4)}&live=long-poll&encoding=base64`)
  })

  it('events that do not come through are asked for again while no poll comes through either', async () => {
    client.stream('s')
    await blocked()
    await vi.advanceTimersByTimeAsync(5.5 * SECOND)
    await vi.advanceTimersByTimeAsync(42 * SECOND)
    expect(endpoint.request.url.search).toBe('?offset=-1&live=sse&encoding=base64')
  })

  it('events that do not come through are not asked for in a storm where polls are answered at once and with nothing', async () => {
    client.stream('s')
    await blocked()
    await vi.advanceTimersByTimeAsync(5.5 * SECOND)
    const { length } = endpoint.requests
    for (let ms = 0; ms < 30_000; ms += 500) {
      poll(endpoint.request, 0, 0)
      await vi.advanceTimersByTimeAsync(500)
    }
    expect(endpoint.requests.length).toBeLessThan(length + 16)
  })
})

describe('a token over HTTP', () => {
  const authorizations = () =>
    endpoint.requests.map(({ init }) => (init.headers as Record<string, string>)['authorization'])

  async function withToken(token: ClientOptions['token']): Promise<void> {
    client.close()
    client = connect('wss://server/ws', {
      webSocket: network.connect,
      fetch: endpoint.fetch,
      ...(token && { token }),
    })
    client.stream('s')
    await settled()
    await blocked()
    await settled()
  }

  it('a token over HTTP goes with every request, and no cookie with it', async () => {
    await withToken('secret')
    void client.stop('s').catch(() => undefined)
    await settled()
    expect(authorizations()).toEqual(['Bearer secret', 'Bearer secret', 'Bearer secret'])
    expect(endpoint.request.init.credentials).toBe('same-origin')
  })

  it('a token over HTTP that was refused is asked for anew, once', async () => {
    const asked: boolean[] = []
    await withToken((refused) => {
      asked.push(refused)
      return `token ${asked.length}`
    })
    asked.length = 0
    const stopped = client.stop('s')
    await settled()
    endpoint.request.refuse(401, 'unauthenticated')
    await settled()
    expect([asked, authorizations().slice(-2)]).toEqual([
      [false, true],
      ['Bearer token 1', 'Bearer token 2'],
    ])
    endpoint.request.refuse(401, 'unauthenticated')
    await expect(stopped).rejects.toMatchObject({ code: 'unauthenticated' })
  })

  it('a token over HTTP is not needed: cookies go to other hosts as they do with WebSockets', async () => {
    await withToken(undefined)
    expect([endpoint.request.init.credentials, authorizations()]).toEqual(['include', [undefined, undefined]])
  })
})

describe('a page without a network, over HTTP', () => {
  it('over HTTP a page without a network says so at once, and is connected again as soon as something comes', async () => {
    const { request } = await followed()
    request.write(':\n\n')
    await settled()
    page.dispatch('offline')
    expect(client).toMatchObject({ state: 'reconnecting', error: { code: 'offline' } })
    request.records(0, 1)
    await settled()
    expect(client).toMatchObject({ state: 'connected', error: undefined })
    page.dispatch('offline')
    await vi.advanceTimersByTimeAsync(17.5 * SECOND)
    expect(endpoint.request.url.search).toBe(`?offset=${at(1)}&live=sse&encoding=base64`)
  })
})

describe('the state over HTTP', () => {
  let stream: RemoteStream<number>
  let states: string[]

  beforeEach(async () => {
    ;({ stream } = await followed())
    await settled()
    states = []
    client.subscribe(() => states.push(client.state))
  })

  it('the state over HTTP is that of the streams that are left when one is let go', async () => {
    const other = client.stream('t')
    endpoint.request.fail()
    await settled()
    expect(client.state).toBe('reconnecting')
    other.close()
    expect(client.state).toBe('connected')
    stream.close()
    expect(states).toEqual(['reconnecting', 'connected', 'idle'])
  })

  it('the state over HTTP is that of the streams that are left when one cannot be read', async () => {
    const other = client.stream('t')
    endpoint.request.fail()
    await vi.advanceTimersByTimeAsync(0.5 * SECOND)
    endpoint.request.refuse(404, 'stream_not_found')
    await settled()
    expect([other.status, states]).toEqual(['error', ['reconnecting', 'connected']])
  })

  it('the state over HTTP is `reconnecting` for as long as one stream has no connection', async () => {
    client.stream('t')
    const { request } = endpoint
    endpoint.requests[1]?.fail()
    await settled()
    request.events()
    await settled()
    expect(states).toEqual(['reconnecting'])
    await vi.advanceTimersByTimeAsync(0.5 * SECOND)
    endpoint.request.events()
    await settled()
    expect(states).toEqual(['reconnecting', 'connected'])
  })

  it('the state over HTTP stays `connected` while one more stream is asked for', async () => {
    client.stream('t')
    endpoint.request.events()
    await settled()
    expect(states).toEqual([])
  })
})

describe('a command over HTTP', () => {
  beforeEach(followed)

  it('a command over HTTP is sent again while the server is away', async () => {
    const started = client.start(1, { id: 'r' })
    endpoint.request.fail()
    await vi.advanceTimersByTimeAsync(0.5 * SECOND)
    endpoint.request.refuse(503, 'runs_closed')
    await vi.advanceTimersByTimeAsync(1 * SECOND)
    endpoint.request.text(502, 'Bad gateway')
    await vi.advanceTimersByTimeAsync(2 * SECOND)
    expect(endpoint.request.init.body).toBe('{"id":"r","input":1}')
    endpoint.request.json(201, { stream: 'r' })
    expect((await started).id).toBe('r')
  })

  it('a command over HTTP is sent again when nothing comes for 40 seconds', async () => {
    const stopped = client.stop('s')
    const { request } = endpoint
    await vi.advanceTimersByTimeAsync(41 * SECOND)
    expect([request.aborted, endpoint.request === request]).toEqual([true, false])
    endpoint.request.json(200, { status: 'completed' })
    expect(await stopped).toBe('completed')
  })

  it('a command over HTTP takes the connection of a stream when a browser has no other for it, which comes back', async () => {
    const [, stream] = endpoint.requests as [FakeRequest, FakeRequest]
    stream.records(0, 2)
    await settled()
    const stopped = client.stop('s')
    const { request } = endpoint
    await vi.advanceTimersByTimeAsync(0.7 * SECOND)
    expect(stream.aborted).toBe(false)
    await vi.advanceTimersByTimeAsync(0.1 * SECOND)
    expect([stream.aborted, request.aborted, client.state]).toEqual([true, false, 'connected'])
    request.json(200, { status: 'stopped' })
    expect(await stopped).toBe('stopped')
    await vi.advanceTimersByTimeAsync(1 * SECOND)
    expect(endpoint.request.url.search).toBe(`?offset=${at(2)}&live=sse&encoding=base64`)
  })

  it('a command over HTTP asks the other pages for theirs where the own one has none, and they give way once a second', async () => {
    const [, stream] = endpoint.requests as [FakeRequest, FakeRequest]
    stream.records(0, 2)
    await settled()
    const channel = new BroadcastChannel('millrace room https://server')
    onTestFinished(() => channel.close())
    const heard = new Promise((resolve) => void (channel.onmessage = resolve))
    const other = connect('wss://server/ws', { webSocket: network.connect, fetch: endpoint.fetch })
    const stopped = other.stop('s')
    network.socket.cut()
    await vi.advanceTimersByTimeAsync(0.5 * SECOND)
    endpoint.request.refuse(404, 'stream_not_found')
    await settled()
    network.socket.cut()
    await vi.advanceTimersByTimeAsync(0.8 * SECOND)
    await heard
    await vi.waitFor(() => expect(stream.aborted).toBe(true))
    endpoint.request.json(200, { status: 'stopped' })
    expect(await stopped).toBe('stopped')
    other.close()
  })

  it('a command over HTTP tells when the server wants to be asked again', async () => {
    const started = client.start(1)
    endpoint.request.answer(
      Response.json(
        { error: { code: 'too_many_runs', message: 'Slow' } },
        { status: 429, headers: { 'retry-after': '30' } },
      ),
    )
    await expect(started).rejects.toMatchObject({ code: 'too_many_runs', message: 'Slow', retryAfter: 30 })
  })

  it('a command over HTTP waits for as long as a server that is busy wants, and says why', async () => {
    endpoint.request.records(0, 1)
    await settled()
    const stopped = client.stop('s')
    const busy = { error: { code: 'draining', message: 'The server is shutting down.' } }
    endpoint.request.answer(Response.json(busy, { status: 503, headers: { 'retry-after': '7' } }))
    await settled()
    expect(client).toMatchObject({ state: 'reconnecting', error: { code: 'draining' } })
    const { request } = endpoint
    await vi.advanceTimersByTimeAsync(6.9 * SECOND)
    expect(endpoint.request).toBe(request)
    await vi.advanceTimersByTimeAsync(0.1 * SECOND)
    endpoint.request.json(200, { status: 'stopped' })
    expect(await stopped).toBe('stopped')
  })

  it.each([
    [429, 'too_many_runs'],
    [404, 'start_not_served'],
  ])('a command over HTTP rejects with the refusal %i %s', async (status, code) => {
    const started = client.start(1)
    endpoint.request.refuse(status, code)
    await expect(started).rejects.toMatchObject({ name: 'StreamError', code })
  })

  it('a command over HTTP rejects when the client is closed', async () => {
    const stopped = client.stop('s')
    client.close()
    await expect(stopped).rejects.toMatchObject({ code: 'closed' })
    await expect(client.start(1)).rejects.toMatchObject({ code: 'closed' })
  })
})
