import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import {
  type Authenticate,
  HttpError,
  type MillraceOptions,
  WebSocketConsumer,
  forbidden,
  http,
  millrace,
  unauthenticated,
  websocket,
} from '../../../src/index.ts'
import { type TestServer, serve } from '../../support/server.ts'

class Whoami extends WebSocketConsumer {
  override async connect(): Promise<void> {
    await this.accept()
    await this.send(JSON.stringify(this.scope.user))
  }
}

function guarded(
  authenticate: Authenticate,
  listen: Parameters<typeof serve>[1] = {},
  options: MillraceOptions = {},
): Promise<TestServer> {
  return serve(
    {
      authenticate,
      routes: [
        websocket('/ws', Whoami),
        websocket('/open', WebSocketConsumer, { authenticate: false }),
        http('/http', () => new Response('in'), { authenticate }),
      ],
      ...options,
    },
    listen,
  )
}

function refusedConnection(): Error {
  return Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' })
}

describe('authenticate', () => {
  it('sees the whole request and names the user', async () => {
    await using server = await guarded((request) => ({
      cookie: request.headers.get('cookie'),
      token: new URL(request.url).searchParams.get('token'),
      method: request.method,
    }))
    await using client = await server.connect('/ws?token=t', { headers: { cookie: 'a=1' } })
    expect(await client.receiveJson()).toEqual({ cookie: 'a=1', token: 't', method: 'GET' })
  })

  it('may take its time', async () => {
    await using server = await guarded(async () => {
      await new Promise((resolve) => setImmediate(resolve))
      return 'Ann'
    })
    await using client = await server.connect('/ws')
    expect(await client.receiveJson()).toBe('Ann')
  })

  it.each<[string, Authenticate, number, string, string | RegExp]>([
    ['undefined', () => undefined, 401, 'unauthenticated', /Sign in/],
    ['null', () => Promise.resolve(null), 401, 'unauthenticated', /Sign in/],
    ['false', () => false, 401, 'unauthenticated', /Sign in/],
    ['an empty text', () => '', 401, 'unauthenticated', /Sign in/],
    ['a returned forbidden()', () => forbidden('Members only'), 403, 'forbidden', 'Members only'],
    [
      'unauthenticated()',
      () => {
        throw unauthenticated('Your session ended')
      },
      401,
      'unauthenticated',
      'Your session ended',
    ],
    ['forbidden()', () => Promise.reject(forbidden('Members only')), 403, 'forbidden', 'Members only'],
  ])('that answers %s refuses the handshake', async (_answer, authenticate, status, code, message) => {
    await using server = await guarded(authenticate)
    await expect(server.connect('/ws')).rejects.toMatchObject({
      status,
      body: { error: { code, message: expect.stringMatching(message) as string } },
    })
    expect(server.log.entries).toEqual([])
    await (await server.connect('/open')).close()
  })

  it.each<[string, Authenticate]>([
    [
      'throws',
      () => {
        throw new Error('the database password is hunter2')
      },
    ],
    ['rejects', () => Promise.reject(new Error('the database password is hunter2'))],
  ])('that %s answers 500 without details, and is logged', async (_how, authenticate) => {
    await using server = await guarded(authenticate)
    await expect(server.connect('/ws')).rejects.toMatchObject({
      status: 500,
      body: { error: { code: 'internal_error', message: expect.not.stringContaining('hunter2') as string } },
    })
    expect(server.log.entries).toMatchObject([
      { level: 'error', message: 'request failed', fields: { scope: { path: '/ws' } } },
    ])
  })

  it.each<[string, Authenticate]>([
    ['a Response', () => new Response('Sign in first', { status: 401 })],
    ['a Response of another class', () => ({ headers: new Headers(), body: null, status: 302 })],
    ['an Error', () => Promise.resolve(new Error('no session'))],
    ['a function', () => () => 'Ann'],
    ['a symbol', () => Symbol('Ann')],
  ])('that returns %s lets nobody in, and the log says what to return', async (_what, authenticate) => {
    await using server = await guarded(authenticate)
    await expect(server.connect('/ws')).rejects.toMatchObject({
      status: 500,
      body: { error: { code: 'internal_error' } },
    })
    expect((await fetch(server.url('/http'))).status).toBe(500)
    expect(server.log.entries).toMatchObject([
      { level: 'error', message: expect.stringMatching(/instead of a user: return the user/) as string },
      { level: 'error' },
    ])
  })

  it.each<[string, () => Error]>([
    ['fetch', () => Object.assign(new TypeError('fetch failed'), { cause: refusedConnection() })],
    ['a client of a database', () => refusedConnection()],
    ['a connection to several addresses', () => new AggregateError([refusedConnection()])],
    ['AbortSignal.timeout', () => new DOMException('The operation timed out', 'TimeoutError')],
  ])('whose asker is down, as %s says it, is answered 503', async (_who, error) => {
    await using server = await guarded(() => Promise.reject(error()))
    const unavailable = {
      status: 503,
      body: { error: { code: 'authentication_unavailable' } },
      headers: { 'retry-after': '5' },
    }
    await expect(server.connect('/ws')).rejects.toMatchObject(unavailable)
    const response = await fetch(server.url('/http'))
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5'])
    expect(server.log.entries).toMatchObject([
      { level: 'error', message: 'authenticate could not reach a service' },
      { level: 'error' },
    ])
  })

  it('that does not answer is given up over HTTP and for WebSockets alike', async () => {
    const signals: AbortSignal[] = []
    await using server = await guarded(
      ({ signal }) => {
        signals.push(signal)
        return new Promise(() => {})
      },
      {},
      { authenticateTimeout: 0.05 },
    )
    const response = await fetch(server.url('/http'))
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({ error: { code: 'authentication_unavailable' } })
    await expect(server.connect('/ws')).rejects.toMatchObject({ status: 503 })
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
    expect(server.log.entries).toMatchObject([
      { level: 'warn', message: 'authenticate did not answer in time' },
      { level: 'warn' },
    ])
  })

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('is given no limit of %s seconds', (seconds) => {
    expect(() => millrace({ authenticateTimeout: seconds })).toThrow(/authenticateTimeout is/)
  })

  it('that knows nobody is answered with a challenge, as HTTP wants it', async () => {
    await using server = await guarded(() => null)
    await expect(server.connect('/ws')).rejects.toMatchObject({ headers: { 'www-authenticate': 'Bearer' } })
    expect((await fetch(server.url('/http'))).headers.get('www-authenticate')).toBe('Bearer')
  })

  it('may set headers of its refusal', async () => {
    await using server = await guarded(() => {
      throw new HttpError('unauthenticated', 'Sign in', { 'WWW-Authenticate': 'Basic realm="here"' })
    })
    await expect(server.connect('/ws')).rejects.toMatchObject({
      status: 401,
      headers: { 'www-authenticate': 'Basic realm="here"' },
    })
  })

  it('is aborted when the client leaves, and what it answers then is of no use', async () => {
    const asked = Promise.withResolvers<AbortSignal>()
    const answer = Promise.withResolvers<string>()
    const connected: string[] = []
    class Counting extends WebSocketConsumer {
      override async connect(): Promise<void> {
        connected.push('connected')
      }
    }
    await using server = await serve({
      routes: [websocket('/ws', Counting)],
      authenticate: ({ signal }) => {
        asked.resolve(signal)
        return answer.promise
      },
    })
    await using client = await server.raw()
    client.upgrade('/ws')
    const signal = await asked.promise
    client.socket.destroy()
    if (!signal.aborted) await once(signal, 'abort')
    answer.resolve('Ann')
    await new Promise((resolve) => setImmediate(resolve))
    expect(connected).toEqual([])
    expect(server.log.entries).toEqual([])
  })

  it('that fails because it was aborted is no failure of the server', async () => {
    const asked = Promise.withResolvers<void>()
    const failed = Promise.withResolvers<void>()
    await using server = await guarded(async ({ signal }) => {
      asked.resolve()
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      failed.resolve()
      throw signal.reason
    })
    await using client = await server.raw()
    client.upgrade('/ws')
    await asked.promise
    client.socket.resetAndDestroy()
    await failed.promise
    await new Promise((resolve) => setImmediate(resolve))
    expect(server.log.entries).toEqual([])
  })

  it('that does not answer in time is answered for', async () => {
    const aborted = Promise.withResolvers<void>()
    await using server = await guarded(
      ({ signal }) => {
        signal.addEventListener('abort', () => aborted.resolve())
        return new Promise(() => {})
      },
      { handshakeTimeout: 0.05 },
    )
    await expect(server.connect('/ws')).rejects.toMatchObject({
      status: 503,
      body: { error: { code: 'handshake_timeout' } },
    })
    await aborted.promise
    expect(server.log.entries).toMatchObject([
      { level: 'warn', message: 'authenticate did not answer in time' },
    ])
  })

  it('is not asked about a page that may not connect', async () => {
    const asked: string[] = []
    await using server = await guarded((request) => {
      asked.push(request.url)
      return 'Ann'
    })
    await expect(server.connect('/ws', { origin: 'https://evil.example' })).rejects.toMatchObject({
      status: 403,
    })
    expect(asked).toEqual([])
  })
})
