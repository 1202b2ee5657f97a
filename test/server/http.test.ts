import { Hono } from 'hono'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  HttpError,
  type MillraceOptions,
  WebSocketConsumer,
  forbidden,
  http,
  millrace,
  router,
  silentLogger,
  websocket,
} from '../../src/index.ts'
import { type TestServer, serve } from '../support/server.ts'
import type { HttpTarget } from '../../src/routing/route.ts'

/** Serves one target at /. */
function serveTarget(
  target: HttpTarget<object>,
  options: Parameters<typeof serve>[1] = {},
): Promise<TestServer> {
  return serve({ routes: [http('/*', target as HttpTarget)] }, options)
}

describe('a handler', () => {
  it('gets the request, its parameters and its scope', async () => {
    await using server = await serve({
      routes: [
        router('/teams/:team', [
          http('/items/:id{int}', async (request, { params, scope }) =>
            Response.json([
              request.method,
              new URL(request.url).pathname,
              await request.text(),
              params,
              scope.params,
              scope.query.get('q'),
            ]),
          ),
        ]),
      ],
    })
    const response = await fetch(server.url('/teams/red/items/7?q=1'), { method: 'POST', body: 'hello' })
    const params = { team: 'red', id: 7 }
    expect(await response.json()).toEqual(['POST', '/teams/red/items/7', 'hello', params, params, '1'])
  })

  it.each<[string, () => Response, number, string]>([
    ['text', () => new Response('€uro'), 200, '€uro'],
    ['bytes', () => new Response(Buffer.from('bytes'), { status: 201 }), 201, 'bytes'],
    ['nothing', () => new Response(null, { status: 204 }), 204, ''],
    ['an empty text', () => new Response(''), 200, ''],
    ['JSON', () => Response.json({ a: 1 }), 200, '{"a":1}'],
  ])('answers with %s', async (_case, handler, status, body) => {
    await using server = await serveTarget(handler)
    const response = await fetch(server.url('/'))
    expect([response.status, await response.text()]).toEqual([status, body])
    expect(response.headers.get('server')).toBe('millrace')
    expect(response.headers.get('transfer-encoding')).toBeNull()
    if (status !== 204) expect(response.headers.get('content-length')).toBe(String(Buffer.byteLength(body)))
  })

  it('sets headers, several cookies included', async () => {
    const headers = new Headers({ 'x-a': '1' })
    headers.append('set-cookie', 'a=1')
    headers.append('set-cookie', 'b=2')
    await using server = await serveTarget(() => new Response('x', { headers }))
    const response = await fetch(server.url('/'))
    expect(response.headers.get('x-a')).toBe('1')
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
  })

  it('streams, each piece when it is there', async () => {
    const pieces = Promise.withResolvers<ReadableStreamDefaultController<Uint8Array>>()
    await using server = await serveTarget(
      () => new Response(new ReadableStream({ start: (controller) => pieces.resolve(controller) })),
    )
    // The head does not wait for the first piece.
    const response = await fetch(server.url('/'))
    const controller = await pieces.promise
    const reader = response.body!.getReader()
    for (const piece of ['one', 'two']) {
      controller.enqueue(Buffer.from(piece))
      expect(Buffer.from(((await reader.read()) as { value: Uint8Array }).value).toString()).toBe(piece)
    }
    controller.close()
    expect((await reader.read()).done).toBe(true)
  })

  it('that reads the body of a client that left in the middle of it has not failed', async () => {
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
    const { promise: ended, resolve: end } = Promise.withResolvers<unknown>()
    const upload = async (request: Request): Promise<Response> => {
      begin()
      const text = request.text()
      text.catch(end)
      return new Response(await text)
    }
    await using server = await serveTarget({ POST: upload })
    const client = await server.raw()
    client.request('POST /', { 'content-length': '10' }, 'half')
    await begun
    await client[Symbol.asyncDispose]()
    expect(await ended).toMatchObject({ message: 'aborted' })
    await server.app.close()
    expect(server.log.entries).toEqual([])
  })

  it('is told when the client leaves a stream', async () => {
    const cancelled = Promise.withResolvers<void>()
    const aborted = Promise.withResolvers<void>()
    await using server = await serveTarget((_request, { signal }) => {
      signal.addEventListener('abort', () => aborted.resolve())
      return new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(Buffer.alloc(1000)),
          cancel: () => cancelled.resolve(),
        }),
      )
    })
    const leaving = new AbortController()
    const response = await fetch(server.url('/'), { signal: leaving.signal })
    await response.body!.getReader().read()
    leaving.abort()
    await Promise.all([cancelled.promise, aborted.promise])
    expect(server.log.entries).toEqual([])
  })

  it.each<[string, RequestInit, () => Response]>([
    ['a whole one', {}, () => new Response('whole')],
    ['one without a body', {}, () => new Response(null, { status: 204 })],
    ['one to HEAD', { method: 'HEAD' }, () => new Response(new ReadableStream())],
    ['one to POST', { method: 'POST', body: 'x' }, () => new Response('whole')],
  ])('is told when its answer is over, %s', async (_case, init, answer) => {
    const over = Promise.withResolvers<unknown>()
    await using server = await serveTarget((request, { signal }) => {
      expect(request.signal).toBe(signal)
      signal.addEventListener('abort', () => over.resolve(signal.reason))
      return answer()
    })
    await (await fetch(server.url('/'), init)).text()
    expect(await over.promise).toMatchObject({ name: 'AbortError', message: 'The answer is complete' })
  })

  it('that looks at its signal when the answer is over finds it aborted', async () => {
    let late: () => AbortSignal = () => AbortSignal.abort()
    await using server = await serveTarget((request) => {
      late = () => request.signal
      return new Response('over')
    })
    await (await fetch(server.url('/'))).text()
    await vi.waitUntil(() => late().aborted)
    expect(late().reason).toMatchObject({ name: 'AbortError' })
  })

  it('may be chosen by method; HEAD is GET without a body', async () => {
    await using server = await serveTarget({
      GET: () => new Response('items'),
      DELETE: () => new Response(null, { status: 204 }),
    })
    const head = await fetch(server.url('/'), { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
    expect((await fetch(server.url('/'), { method: 'DELETE' })).status).toBe(204)
    expect((await fetch(server.url('/'), { method: 'PUT' })).status).toBe(405)
  })

  it('of HEAD is not pumped when its body has no end', async () => {
    const cancelled = Promise.withResolvers<void>()
    const body = (): ReadableStream =>
      new ReadableStream({
        pull: (controller) => controller.enqueue(Buffer.alloc(1)),
        cancel: () => cancelled.resolve(),
      })
    await using server = await serveTarget(() => new Response(body()))
    expect((await fetch(server.url('/'), { method: 'HEAD' })).status).toBe(200)
    await cancelled.promise
  })
})

describe('a handler that fails', () => {
  const secret = 'the password is hunter2'
  const throws = (): never => {
    throw new Error(secret)
  }

  it.each<[string, HttpTarget<object>]>([
    ['throws', throws],
    ['rejects', () => Promise.reject(new Error(secret))],
    ['returns no Response', () => ({ secret }) as unknown as Response],
    ['returns nothing', () => undefined as unknown as Response],
    ['is a fetch that throws', { fetch: throws }],
    ['has a body that fails at once', () => new Response(new ReadableStream({ pull: throws }))],
    [
      'has a body that was read already',
      async () => {
        const response = new Response(secret)
        await response.text()
        return response
      },
    ],
    ['sets a header that cannot be sent', () => new Response(secret, { headers: { 'x-a': '\u0001' } })],
    ['returns the error of a fetch', () => Response.error()],
  ])('%s answers 500 without details, and is logged once', async (_case, target) => {
    await using server = await serveTarget(target)
    const response = await fetch(server.url('/'))
    expect(response.status).toBe(500)
    expect(await response.json()).toEqual({
      error: { code: 'internal_error', message: expect.any(String) as string },
    })
    expect(JSON.stringify([...response.headers])).not.toContain('hunter2')
    expect(server.log.entries).toMatchObject([
      { level: 'error', fields: { scope: { type: 'http', path: '/' } } },
    ])
  })

  it('in the middle of a body cuts the connection, and the client knows', async () => {
    const fail = Promise.withResolvers<void>()
    await using server = await serveTarget(() => {
      async function* body(): AsyncGenerator<Uint8Array> {
        yield Buffer.alloc(100_000)
        await fail.promise
        throw new Error(secret)
      }
      return new Response(ReadableStream.from(body()))
    })
    const response = await fetch(server.url('/'))
    expect(response.status).toBe(200)
    fail.resolve()
    await expect(response.text()).rejects.toThrow('terminated')
    expect(server.log.entries).toMatchObject([{ level: 'error', message: 'response failed' }])
  })

  it('with an HttpError answers what it says', async () => {
    await using server = await serveTarget(() => {
      throw new HttpError('method_not_allowed', 'Not on Sundays.', { allow: 'GET' })
    })
    const response = await fetch(server.url('/'))
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET'])
    expect(await response.json()).toEqual({
      error: { code: 'method_not_allowed', message: 'Not on Sundays.' },
    })
  })
})

describe('a Hono application', () => {
  const hono = new Hono<{ Bindings: { params: Record<string, unknown>; scope: { id: string } } }>()
  hono.get('/api/hello/:name', (context) =>
    context.json({ hello: context.req.param('name'), id: context.env.scope.id }),
  )
  hono.post('/api/echo', async (context) => context.text(await context.req.text(), 201))

  it.each<[string, MillraceOptions]>([
    ['as a route', { routes: [http('/api/*', hono)] }],
    ['as what answers the rest', { fetch: hono.fetch }],
  ])('serves %s', async (_case, options) => {
    await using server = await serve(options)
    expect(await (await fetch(server.url('/api/hello/Ann'))).json()).toEqual({
      hello: 'Ann',
      id: expect.any(String) as string,
    })
    const response = await fetch(server.url('/api/echo'), { method: 'POST', body: 'body' })
    expect([response.status, await response.text()]).toEqual([201, 'body'])
    expect((await fetch(server.url('/api/nowhere'))).status).toBe(404)
  })

  it('leaves WebSocket paths to their routes', async () => {
    await using server = await serve({ fetch: hono.fetch, routes: [websocket('/ws', WebSocketConsumer)] })
    expect((await fetch(server.url('/ws'))).status).toBe(426)
    await using client = await server.connect('/ws')
    expect(client.socket.readyState).toBe(1)
  })
})

describe('guards', () => {
  const routes = [
    router(
      '/admin',
      [
        http('/', (_request, { scope }) => Response.json(scope.user)),
        http('/open', () => new Response('open'), { authenticate: false }),
      ],
      {
        authenticate: (request) => {
          if (request.headers.get('authorization') === 'Bearer mallory') throw forbidden()
          return request.headers.get('authorization') === 'Bearer ann'
            ? { name: 'Ann', method: request.method }
            : null
        },
      },
    ),
    http('/free', () => new Response('free')),
  ]

  it('answer 401 and 403, and name the user', async () => {
    await using server = await serve({ routes, authenticate: () => null })
    const get = (path: string, name?: string): Promise<Response> =>
      fetch(server.url(path), {
        method: 'POST',
        ...(name && { headers: { authorization: `Bearer ${name}` } }),
      })
    expect((await get('/admin')).status).toBe(401)
    expect((await get('/admin', 'mallory')).status).toBe(403)
    expect(await (await get('/admin', 'ann')).json()).toEqual({ name: 'Ann', method: 'POST' })
    expect((await get('/admin/open')).status).toBe(200)
    // The application's own hook guards WebSockets.
    expect((await get('/free')).status).toBe(200)
  })

  it('are not passed by a path that reads differently further in', async () => {
    const hono = new Hono()
    hono.get('/secret', (context) => context.text('secret'))
    await using server = await serve({
      routes: [
        http('/public/*', hono, { authenticate: false }),
        http('/*', hono, { authenticate: () => null }),
      ],
    })
    for (const target of [
      '/public/../secret',
      '/public/%2e%2e/secret',
      '/public\\..\\secret',
      '/secret#/public/',
      '/public/x/../../secret',
    ]) {
      await using client = await server.raw()
      client.request(`GET ${target}`)
      expect([target, (await client.response()).status]).toEqual([target, 400])
    }
    expect((await fetch(server.url('/secret'))).status).toBe(401)
  })

  it('see the path that was routed, whatever the Host header tries', async () => {
    await using server = await serve({
      routes: [
        http('/secret', () => new Response('secret'), {
          authenticate: (request) => new URL(request.url).pathname === '/login' && 'anybody',
        }),
      ],
    })
    for (const host of ['localhost/login?', 'localhost/login#', 'user@localhost', 'localhost\\login']) {
      await using client = await server.raw()
      client.request('GET /secret', { host })
      expect((await client.response()).status).toBe(400)
    }
  })
})

describe('a request', () => {
  it('with a h2c upgrade is answered as if it had none', async () => {
    await using server = await serveTarget(() => new Response('plain'))
    await using client = await server.raw()
    client.request('GET /', {
      connection: 'Upgrade, HTTP2-Settings',
      upgrade: 'h2c',
      'http2-settings': 'AAMAAABkAAQAAP__',
    })
    expect(await client.response()).toMatchObject({ status: 200, body: 'plain' })
  })

  it('by TRACE reaches no hook as something it is not', async () => {
    await using server = await serve({
      routes: [http('/', { GET: () => new Response('x') }, { authenticate: () => 'ann' })],
    })
    await using client = await server.raw()
    client.request('TRACE /')
    expect((await client.response()).status).toBe(405)
  })

  it('without a Host is refused', async () => {
    await using server = await serveTarget(() => new Response('x'))
    await using client = await server.raw()
    client.write('GET / HTTP/1.0\r\n\r\n')
    expect(await client.response()).toMatchObject({ status: 400 })
  })

  it('with two Hosts is refused, over HTTP and for a WebSocket', async () => {
    await using server = await serveTarget(() => new Response('x'))
    for (const headers of [{}, { connection: 'Upgrade', upgrade: 'websocket' }]) {
      await using client = await server.raw()
      client.request('GET /', { ...headers, Host: 'localhost' })
      const response = await client.response()
      expect([response.status, JSON.parse(response.body)]).toMatchObject([
        400,
        { error: { code: 'bad_request', message: 'The request has two Host headers.' } },
      ])
    }
  })

  it('whose body comes too slowly is answered 408, and its handler is told', async () => {
    const told = Promise.withResolvers<void>()
    const reading = (request: Request): Promise<Response> => {
      request.signal.addEventListener('abort', () => told.resolve())
      return request.text().then((text) => new Response(text))
    }
    await using server = await serveTarget(reading, { handshakeTimeout: 0.1, requestTimeout: 0.3 })
    await using client = await server.raw()
    client.request('POST /', { 'content-length': '100' }, 'slow')
    const response = await client.response()
    expect([response.status, JSON.parse(response.body)]).toMatchObject([
      408,
      { error: { code: 'request_timeout' } },
    ])
    await told.promise
    expect(server.log.entries).toEqual([])
  })

  it('whose body nobody reads keeps nobody from the next', async () => {
    await using server = await serveTarget(() => new Response('ignored'))
    await using client = await server.raw()
    const body = 'x'.repeat(200_000)
    client.request('POST /', { 'content-length': String(body.length) }, body)
    expect(await client.response()).toMatchObject({ status: 200, body: 'ignored' })
    client.request('GET /')
    expect(await client.response()).toMatchObject({ status: 200, body: 'ignored' })
  })
})

describe('httpTimeout', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
  afterEach(() => void vi.useRealTimers())

  it('answers 503 for a handler that takes too long, and aborts it', async () => {
    const began = Promise.withResolvers<void>()
    const aborted = Promise.withResolvers<void>()
    await using server = await serveTarget(
      async (request) => {
        began.resolve()
        await new Promise((resolve) => request.signal.addEventListener('abort', resolve))
        aborted.resolve()
        return new Response('too late')
      },
      { httpTimeout: 30, accessLog: true },
    )
    await using client = await server.raw()
    client.request('GET /')
    await began.promise
    vi.advanceTimersByTime(30_000)
    const { status, body } = await client.response()
    expect([status, JSON.parse(body)]).toMatchObject([503, { error: { code: 'response_timeout' } }])
    await aborted.promise
    await vi.waitUntil(() => server.log.entries.length > 0)
    expect(server.log.entries).toMatchObject([{ message: 'request', fields: { status: 503 } }])
  })

  it('does not end an answer that has begun', async () => {
    const resume = Promise.withResolvers<void>()
    await using server = await serveTarget(
      () => {
        async function* body(): AsyncGenerator<Uint8Array> {
          yield Buffer.from('begun ')
          await resume.promise
          yield Buffer.from('and ended')
        }
        return new Response(ReadableStream.from(body()))
      },
      { httpTimeout: 30 },
    )
    const response = await fetch(server.url('/'))
    vi.advanceTimersByTime(60_000)
    resume.resolve()
    expect(await response.text()).toBe('begun and ended')
  })
})

describe('the access log', () => {
  it('names each request without its query, and each WebSocket', async () => {
    await using server = await serve(
      {
        routes: [
          http('/page', () => new Response('x', { status: 201 })),
          websocket('/ws', WebSocketConsumer),
        ],
      },
      { accessLog: true },
    )
    await (await fetch(server.url('/page?token=s3cret'), { headers: { cookie: 'session=s3cret' } })).text()
    await (await server.connect('/ws?token=s3cret')).close()
    await vi.waitUntil(() => server.log.entries.length === 3)
    await expect(server.connect('/nowhere')).rejects.toMatchObject({ status: 404 })
    const lines = server.log.entries.map(({ message, fields }) => ({ message, ...fields }))
    expect(lines).toMatchObject([
      {
        message: 'request',
        method: 'GET',
        status: 201,
        ms: expect.any(Number) as number,
        scope: { path: '/page', client: '127.0.0.1' },
      },
      { message: 'websocket', status: 101, scope: { path: '/ws' } },
      { message: 'websocket closed', code: 1005, scope: { path: '/ws' } },
      { message: 'websocket', status: 404, scope: { path: '/nowhere' } },
    ])
    expect(JSON.stringify(server.log.entries)).not.toContain('s3cret')
  })

  it('names a client that left before the answer', async () => {
    const began = Promise.withResolvers<void>()
    await using server = await serveTarget(
      async (request) => {
        began.resolve()
        await new Promise((resolve) => request.signal.addEventListener('abort', resolve))
        return new Response('nobody reads this')
      },
      { accessLog: true },
    )
    const leaving = new AbortController()
    const answer = fetch(server.url('/'), { signal: leaving.signal }).catch(() => 'left')
    await began.promise
    leaving.abort()
    expect(await answer).toBe('left')
    await expect
      .poll(() => server.log.entries)
      .toMatchObject([{ message: 'request', fields: { status: 499 } }])
  })
})

it('an application answers without a socket', async () => {
  const app = millrace({
    logger: silentLogger,
    routes: [
      http('/hello/:name', (_request, { params }) => new Response(`Hello ${params.name}`)),
      websocket('/ws', WebSocketConsumer),
    ],
  })
  expect(await (await app.fetch(new Request('http://any.example/hello/Ann'))).text()).toBe('Hello Ann')
  expect((await app.fetch(new Request('http://any.example/ws'))).status).toBe(426)
  expect((await app.fetch(new Request('http://any.example/nowhere'))).status).toBe(404)
  await app.close()
})
