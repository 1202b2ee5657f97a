import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { WebSocketConsumer, http, websocket } from '../../../src/index.ts'
import { proxyTrust } from '../../../src/server/request/proxy-trust.ts'
import { type RequestHead, RequestScope } from '../../../src/server/request/request-scope.ts'
import { serve } from '../../support/server.ts'

type Headers = RequestHead['headers']

/** The scope of a request from 10.0.0.1. */
function scopeOf(
  target: string,
  headers: Headers = {},
  trust: boolean | readonly string[] = false,
  rootPath: string = '',
): RequestScope {
  const peer = { address: '10.0.0.1', port: 1234 }
  const head = { method: 'GET', target, headers: { host: 'a.example', ...headers }, peer, encrypted: false }
  return new RequestScope('websocket', head, { rootPath, proxies: proxyTrust(trust) })
}

describe('a scope', () => {
  it('tells path, query, host and client', () => {
    const scope = scopeOf('/a%20b/?x=1&x=2&y=%20', { host: 'A.example:80' })
    expect(scope).toMatchObject({
      type: 'websocket',
      path: '/a%20b/',
      host: 'A.example:80',
      scheme: 'http',
      rootPath: '',
    })
    expect([...scope.query]).toEqual([
      ['x', '1'],
      ['x', '2'],
      ['y', ' '],
    ])
    expect(scope.client).toEqual({ address: '10.0.0.1', port: 1234 })
    expect(scope.id).not.toBe(scopeOf('/').id)
  })

  it('tells headers, whatever their case, and those that came twice', () => {
    const { headers } = scopeOf('/', { 'x-a': '1', 'set-cookie': ['a=1', 'b=2'] })
    expect(headers.get('X-A')).toBe('1')
    expect(headers.getSetCookie()).toEqual(['a=1', 'b=2'])
  })

  it('leaves the root path out of the path', () => {
    expect(scopeOf('/app/ws', {}, false, '/app')).toMatchObject({ path: '/ws', rootPath: '/app' })
  })

  it('tells the subprotocols in their order', () => {
    expect(scopeOf('/', { 'sec-websocket-protocol': 'v2,  v1' }).subprotocols).toEqual(['v2', 'v1'])
    expect(scopeOf('/').subprotocols).toEqual([])
  })

  it('makes a request with all of it but the body', () => {
    const { signal } = new AbortController()
    const request = scopeOf('/a?b=c', { cookie: 'd=e' }).toRequest(signal)
    expect([request.method, request.url, request.headers.get('cookie')]).toEqual([
      'GET',
      'http://a.example/a?b=c',
      'd=e',
    ])
  })
})

describe('cookies', () => {
  it.each<[string, object]>([
    ['a=1; b=2', { a: '1', b: '2' }],
    ['a=%20x%E2%82%AC', { a: ' x€' }],
    ['a=1; a=2', { a: '1' }],
    ['a=%; b=2', { b: '2' }],
    ['a=%E2%82; b=2', { b: '2' }],
    ['a=%; a=2', { a: '2' }],
    ['nonsense; =x; b=2; ;;', { b: '2' }],
    ['', {}],
  ])('of %j are %j', (cookie, expected) => {
    const { cookies } = scopeOf('/', { cookie })
    const present = Object.entries(cookies).filter(([name, value]) => name !== '' && value !== undefined)
    expect(Object.fromEntries(present)).toEqual(expected)
  })

  it('reach no prototype by any name', () => {
    const { cookies } = scopeOf('/', { cookie: '__proto__=x; constructor=y' })
    expect(cookies['toString']).toBeUndefined()
    expect(cookies['constructor']).toBe('y')
  })
})

describe('a host', () => {
  it.each([
    'a.example',
    'a.example:8000',
    'localhost',
    '127.0.0.1:1',
    '[::1]',
    '[::1]:8000',
    'a_b.example',
    'a.example.',
  ])('may be %s', (host) => {
    expect(scopeOf('/', { host }).host).toBe(host)
  })

  it.each([
    '',
    ' ',
    'a b',
    'a/b',
    'a?b',
    'a#b',
    'u@a',
    'u:p@a',
    'a\\b',
    '[::1',
    '::1',
    'a:99999',
    'a:b',
    '[g::1]',
    '1.2.3.4.5:x',
    'a,b',
  ])('may not be %j', (host) => {
    expect(() => scopeOf('/', { host })).toThrow('The Host header is not a host.')
  })
})

describe('proxy headers', () => {
  const forwarded = {
    'x-forwarded-for': '1.2.3.4',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'public.example',
  }

  it.each<[string, boolean | readonly string[]]>([
    ['nobody', false],
    ['others', ['10.0.0.2', '192.168.0.0/16']],
  ])('are not believed where %s is trusted', (_who, trust) => {
    expect(scopeOf('/', forwarded, trust)).toMatchObject({
      scheme: 'http',
      host: 'a.example',
      client: { address: '10.0.0.1', port: 1234 },
    })
  })

  it.each<[string, boolean | readonly string[]]>([
    ['everybody', true],
    ['its address', ['10.0.0.1']],
    ['its range', ['10.0.0.0/8']],
  ])('are believed where the peer is trusted by %s', (_how, trust) => {
    expect(scopeOf('/', forwarded, trust)).toMatchObject({
      scheme: 'https',
      host: 'public.example',
      client: { address: '1.2.3.4', port: 0 },
    })
  })

  it('that came twice count as the proxy nearest to the server wrote them', () => {
    const headers = {
      'x-forwarded-proto': 'https, http',
      'x-forwarded-host': 'spoofed.example, real.example',
    }
    expect(scopeOf('/', headers, true)).toMatchObject({ scheme: 'http', host: 'real.example' })
  })

  it('that say nothing change nothing', () => {
    const headers = { 'x-forwarded-proto': '', 'x-forwarded-host': '', 'x-forwarded-for': '' }
    expect(scopeOf('/', headers, true)).toMatchObject({
      scheme: 'http',
      host: 'a.example',
      client: { address: '10.0.0.1' },
    })
  })

  it('know the schemes of WebSockets', () => {
    expect(scopeOf('/', { 'x-forwarded-proto': 'wss' }, true).scheme).toBe('https')
  })
})

it('a consumer and a handler find it all over a real connection', async () => {
  class Describing extends WebSocketConsumer {
    override async connect(): Promise<void> {
      await this.accept()
      await this.send(JSON.stringify(describeScope(this.scope)))
    }
  }
  const describeScope = (scope: Describing['scope']): object => ({
    type: scope.type,
    path: scope.path,
    scheme: scope.scheme,
    params: scope.params,
    query: scope.query.get('q'),
    cookie: scope.cookies['a'],
    header: scope.headers.get('x-a'),
    client: scope.client.address,
    hasPort: scope.client.port > 0,
    user: scope.user,
  })
  await using server = await serve({
    routes: [
      websocket('/ws/:room', Describing),
      http('/http/:room', (_request, { scope }) => Response.json(describeScope(scope))),
    ],
    authenticate: () => 'Ann',
  })
  const headers = { 'x-a': 'b', cookie: 'a=1', 'x-forwarded-for': '6.6.6.6' }
  const common = {
    scheme: 'http',
    params: { room: 'lobby' },
    query: '1',
    cookie: '1',
    header: 'b',
    client: '127.0.0.1',
    hasPort: true,
  }
  await using client = await server.connect('/ws/lobby?q=1', { headers })
  expect(await client.receiveJson()).toEqual({ ...common, type: 'websocket', path: '/ws/lobby', user: 'Ann' })
  const response = await fetch(server.url('/http/lobby?q=1'), { headers })
  expect(await response.json()).toEqual({ ...common, type: 'http', path: '/http/lobby' })
})

it('a server under a root path behind a trusted proxy routes what is left of the path', async () => {
  await using server = await serve(
    {
      routes: [
        http('/page', (_request, { scope }) =>
          Response.json([scope.rootPath, scope.path, scope.client.address, scope.host]),
        ),
      ],
    },
    { rootPath: '/app/', trustProxy: ['127.0.0.0/8'], allowedHosts: ['public.example'] },
  )
  const headers = { 'x-forwarded-for': '6.6.6.6, 1.2.3.4', 'x-forwarded-host': 'public.example' }
  const response = await fetch(server.url('/app/page'), { headers })
  expect(await response.json()).toEqual(['/app', '/page', '1.2.3.4', 'public.example'])
})

it('what is mounted under a root path sees its own paths', async () => {
  const mounted = new Hono().get('/api/items', (context) => context.text(context.req.url))
  await using server = await serve(
    { routes: [http('/api/*', mounted)], fetch: mounted.fetch },
    { rootPath: '/app' },
  )
  const response = await fetch(server.url('/app/api/items?q=1'))
  expect(await response.text()).toBe(server.url('/api/items?q=1'))
  // Whose host counts, and not that of the header.
  await using client = await server.raw()
  client.request('GET http://127.0.0.1/app/api/items?q=1', { host: 'localhost' })
  expect((await client.response()).body).toBe('http://127.0.0.1/api/items?q=1')
})
