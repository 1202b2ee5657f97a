/** What a handshake is answered with when it does not become a WebSocket, and how one does. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  WebSocketConsumer,
  type WebSocketData,
  forbidden,
  http,
  router,
  websocket,
} from '../../../src/index.ts'
import { OPCODES, clientFrame } from '../../support/raw-client.ts'
import { type TestServer, serve } from '../../support/server.ts'

class Echo extends WebSocketConsumer {
  override receive(message: WebSocketData): Promise<void> {
    return this.send(message)
  }
}

class Versioned extends WebSocketConsumer {
  override async connect(): Promise<void> {
    const [subprotocol] = this.scope.subprotocols
    await this.accept({
      ...(subprotocol && { subprotocol }),
      headers: { 'set-cookie': ['a=1', 'b=2'], 'x-more': 'yes' },
    })
  }
}

class Smuggling extends WebSocketConsumer {
  override async connect(): Promise<void> {
    const [name = '', value = ''] = this.scope.query.getAll('h')
    await this.accept({ headers: { [name]: value } })
  }
}

let server: TestServer

beforeAll(async () => {
  server = await serve({
    routes: [
      websocket('/ws/', Echo),
      websocket('/versioned', Versioned),
      websocket('/smuggling', Smuggling),
      http('/page', () => new Response('page')),
      http('/items', { GET: () => new Response('items'), POST: () => new Response('made') }),
      router('/rooms/:room', [websocket('/', Echo)]),
    ],
  })
})

afterAll(() => server[Symbol.asyncDispose]())

describe('a path', () => {
  it.each([
    ['/nowhere', 404, 'route_not_found'],
    ['/rooms/', 404, 'route_not_found'],
    ['/ws/%', 404, 'route_not_found'],
    ['/page', 400, 'websocket_not_here'],
  ])('%s asked for a WebSocket answers %d %s', async (path, status, code) => {
    await expect(server.connect(path)).rejects.toMatchObject({ status, body: { error: { code } } })
  })

  it.each([
    ['GET', '/ws/', 426, 'upgrade_required'],
    ['POST', '/rooms/a', 426, 'upgrade_required'],
    ['GET', '/nowhere', 404, 'route_not_found'],
    ['PUT', '/items', 405, 'method_not_allowed'],
  ])('%s %s over HTTP answers %d %s', async (method, path, status, code) => {
    const response = await fetch(server.url(path), { method })
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ error: { code } })
    expect(response.headers.get('cache-control')).toBe('no-store')
  })

  it('tells whoever may not connect so over HTTP, too: a browser tells it of no handshake', async () => {
    const authenticate = (request: Request) => {
      const user = request.headers.get('user')
      if (user === 'eve') throw forbidden('Not you')
      return user
    }
    await using guarded = await serve({
      authenticate,
      routes: [
        websocket('/ws/', Echo),
        router('/open', [websocket('/', Echo)], { authenticate: () => 'all' }),
      ],
    })
    const ask = async (path: string, user?: string): Promise<unknown> => {
      const response = await fetch(guarded.url(path), user === undefined ? {} : { headers: { user } })
      return [response.status, ((await response.json()) as { error: { message: string } }).error.message]
    }
    expect(await ask('/ws/')).toEqual([401, expect.any(String)])
    expect(await ask('/ws/', 'eve')).toEqual([403, 'Not you'])
    expect(await ask('/ws/', 'ann')).toEqual([426, expect.any(String)])
    expect(await ask('/open/')).toEqual([426, expect.any(String)])
  })

  it('says what it speaks instead', async () => {
    const upgrade = await fetch(server.url('/ws/'))
    expect(upgrade.headers.get('upgrade')).toBe('websocket')
    const method = await fetch(server.url('/items'), { method: 'DELETE' })
    expect(method.headers.get('allow')).toBe('GET, POST, HEAD')
  })
})

describe('a handshake', () => {
  it.each<[string, Record<string, string>, number, string]>([
    ['of another version', { 'sec-websocket-version': '8' }, 426, 'websocket_version'],
    ['without a key', { 'sec-websocket-key': '' }, 400, 'bad_handshake'],
    ['with a short key', { 'sec-websocket-key': 'c2hvcnQ=' }, 400, 'bad_handshake'],
    ['that offers no token', { 'sec-websocket-protocol': 'a b' }, 400, 'bad_handshake'],
    ['that offers one protocol twice', { 'sec-websocket-protocol': 'a, a' }, 400, 'bad_handshake'],
    ['for a host that is none', { host: 'a b' }, 400, 'bad_request'],
    ['for a host that would end the authority', { host: 'localhost/ws/?' }, 400, 'bad_request'],
    ['for another host', { host: 'evil.example' }, 421, 'host_refused'],
  ])('%s is refused', async (_case, headers, status, code) => {
    await using client = await server.raw()
    client.upgrade('/ws/', headers)
    const response = await client.response()
    expect([response.status, JSON.parse(response.body)]).toEqual([
      status,
      { error: { code, message: expect.any(String) as string } },
    ])
    expect(response.headers).toMatchObject({
      'content-type': 'application/json',
      'cache-control': 'no-store',
      server: 'millrace',
    })
    await client.closed
  })

  it('of another version is told the right one', async () => {
    await using client = await server.raw()
    client.upgrade('/ws/', { 'sec-websocket-version': '14' })
    expect((await client.response()).headers).toMatchObject({
      'sec-websocket-version': '13',
      upgrade: 'websocket',
    })
  })

  it('by another method than GET is refused', async () => {
    await using client = await server.raw()
    const headers = {
      connection: 'upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    }
    client.request('POST /ws/', headers)
    expect(JSON.parse((await client.response()).body)).toMatchObject({ error: { code: 'bad_handshake' } })
  })

  it('leaves the same connection nothing to do, and the next is served', async () => {
    await using refused = await server.raw()
    refused.upgrade('/nowhere')
    expect((await refused.response()).headers['connection']).toBe('close')
    await refused.closed
    await using client = await server.connect('/ws/')
    client.send('hello')
    expect(await client.receive()).toBe('hello')
  })

  it('takes the host from a target that is a whole URL', async () => {
    await using own = await server.raw()
    own.upgrade('http://localhost:1234/ws/', { host: 'evil.example' })
    expect((await own.response()).status).toBe(101)
    await using foreign = await server.raw()
    foreign.upgrade('http://evil.example/ws/')
    expect((await foreign.response()).status).toBe(421)
  })

  it.each(['*', 'ws/', '/a/../ws/', '/%2e%2e/ws/', '/./ws/', '/ws\\', '/ws/#top', 'ftp://localhost/ws/'])(
    'for the target %s is refused',
    async (target) => {
      await using client = await server.raw()
      client.upgrade(target)
      expect((await client.response()).status).toBe(400)
    },
  )
})

describe('accepting', () => {
  it('answers with the chosen subprotocol and headers', async () => {
    await using client = await server.connect('/versioned', { subprotocols: ['v2', 'v1'] })
    expect(client.socket.protocol).toBe('v2')
    expect(client.headers).toMatchObject({
      'set-cookie': ['a=1', 'b=2'],
      'x-more': 'yes',
      server: 'millrace',
    })
  })

  it('agrees on no extension, whatever is offered', async () => {
    await using client = await server.connect('/ws/', { perMessageDeflate: true })
    expect(client.socket.extensions).toBe('')
  })

  it.each([
    ['x-a', 'b\r\nset-cookie: c=d'],
    ['x a', 'b'],
    ['', 'b'],
    ['x-a', '☃'],
    ['Sec-WebSocket-Accept', 'b'],
    ['connection', 'close'],
    ['Content-Length', '0'],
  ])('with the header %j: %j is an error of the consumer, and answers 500', async (name, value) => {
    const query = new URLSearchParams([
      ['h', name],
      ['h', value],
    ])
    await expect(server.connect(`/smuggling?${query.toString()}`)).rejects.toMatchObject({ status: 500 })
  })

  it('hears what the client sent before it was answered', async () => {
    await using client = await server.raw()
    client.upgrade('/ws/', {}, clientFrame(OPCODES.text, 'eager'))
    expect((await client.response()).status).toBe(101)
    expect(await client.frame()).toEqual({ opcode: OPCODES.text, payload: Buffer.from('eager') })
  })
})

it('frames of every length arrive whole, both ways', async () => {
  await using client = await server.connect('/ws/')
  for (const length of [0, 1, 125, 126, 65_535, 65_536, 1_048_576]) {
    client.send('€'.repeat(Math.floor(length / 3)) + 'x'.repeat(length % 3))
    expect(String(await client.receive())).toHaveLength(Math.floor(length / 3) + (length % 3))
    client.send(Buffer.alloc(length, 7))
    expect(await client.receive()).toEqual(Buffer.alloc(length, 7))
  }
})

it('a handshake in HTTP/1.0 is no handshake', async () => {
  await using client = await server.raw()
  const headers =
    'host: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
  client.write(`GET /ws/ HTTP/1.0\r\n${headers}`)
  const response = await client.response()
  expect([response.status, response.body]).toEqual([400, expect.stringContaining('bad_handshake')])
  await client.closed
})
