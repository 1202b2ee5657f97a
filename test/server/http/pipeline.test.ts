/** Requests that come on one connection before the answers to those before them. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, it, vi } from 'vitest'
import { WebSocketConsumer, type WebSocketData, http, websocket } from '../../../src/index.ts'
import { OPCODES, type RawClient, clientFrame } from '../../support/raw-client.ts'
import { type TestServer, serve } from '../../support/server.ts'

class Echo extends WebSocketConsumer {
  override receive(message: WebSocketData): Promise<void> {
    return this.send(message)
  }
}

interface Held {
  /** Lets all requests be answered. */
  readonly release: () => void
  /** A request waits for that. */
  readonly held: Promise<void>
  readonly most: () => number
  readonly calls: () => number
  readonly routes: NonNullable<Parameters<typeof serve>[0]['routes']>
}

/** `/held` answers with its query once it may, and counts. */
function holding(): Held {
  const gate = Promise.withResolvers<void>()
  const begun = Promise.withResolvers<void>()
  let [running, most, calls] = [0, 0, 0]
  const held = async (request: Request): Promise<Response> => {
    calls++
    most = Math.max(most, ++running)
    begun.resolve()
    await gate.promise
    running--
    return new Response(new URL(request.url).search.slice(1))
  }
  return {
    release: gate.resolve,
    held: begun.promise,
    most: () => most,
    calls: () => calls,
    routes: [http('/held', held), http('/page', () => new Response('page')), websocket('/ws', Echo)],
  }
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`
const HANDSHAKE =
  'host: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'

async function bodies(client: RawClient, count: number): Promise<string[]> {
  const all: string[] = []
  for (let i = 0; i < count; i++) all.push((await client.response()).body)
  return all
}

describe('a client that does not wait for answers', () => {
  it('has its requests handled one after the other, and answered in their order', async () => {
    const { routes, held, release, most } = holding()
    await using server = await serve({ routes })
    await using client = await server.raw()
    const count = 1000
    client.write(Array.from({ length: count }, (_, i) => get(`/held?${i}`)).join(''))
    await held
    release()
    expect(await bodies(client, count)).toEqual(Array.from({ length: count }, (_, i) => String(i)))
    expect(most()).toBe(1)
  })

  it('is not read on, and loses nothing', async () => {
    const { routes, held, release } = holding()
    await using server = await serve({ routes })
    const accepted = server.nextSocket()
    await using client = await server.raw()
    const socket = await accepted
    const filler = 'x'.repeat(8_000)
    const count = 500
    for (let i = 0; i < count; i++)
      client.write(`GET /held?${i} HTTP/1.1\r\nhost: localhost\r\nx: ${filler}\r\n\r\n`)
    await held
    await vi.waitUntil(() => socket.isPaused(), 30_000)
    expect(socket.bytesRead).toBeLessThan(500_000)
    release()
    expect((await bodies(client, count)).at(-1)).toBe(String(count - 1))
  })

  it('and leaves has nothing more done for it', async () => {
    const { routes, held, release, calls } = holding()
    await using server = await serve({ routes })
    const accepted = server.nextSocket()
    await using client = await server.raw()
    client.write(get('/held').repeat(10))
    await held
    const socket = await accepted
    client.socket.resetAndDestroy()
    await vi.waitUntil(() => socket.destroyed, 30_000)
    release()
    await using next = await server.raw()
    next.write(get('/page'))
    expect((await next.response()).body).toBe('page')
    expect(calls()).toBe(1)
  })

  it('is not late with what the server does not read', async () => {
    const { routes, held, release } = holding()
    await using server = await serve({ routes }, { handshakeTimeout: 0.05 })
    const late = once(server.running.server, 'clientError')
    await using client = await server.raw()
    client.write(`${get('/held?a').repeat(20)}GET /held?b HTTP/1.1\r\nhost:`)
    await held
    await late
    client.write(' localhost\r\n\r\n')
    release()
    expect((await bodies(client, 21)).at(-1)).toBe('b')
  })

  it('is told that a request does not come to its end, behind the answers to the others', async () => {
    const { routes, held, release } = holding()
    await using server = await serve({ routes }, { handshakeTimeout: 0.05 })
    for (const before of [1, 20]) {
      const late = once(server.running.server, 'clientError')
      await using client = await server.raw()
      client.write(`${get('/held?a').repeat(before)}GET /held?b HTTP/1.1\r\nhost:`)
      await held
      await late
      release()
      expect(await bodies(client, before)).toEqual(Array.from({ length: before }, () => 'a'))
      expect(await client.response()).toMatchObject({ status: 408 })
      await client.closed
    }
  })

  it('is told that a request is none, behind the answers to the others', async () => {
    const { routes, held, release } = holding()
    await using server = await serve({ routes })
    await using client = await server.raw()
    client.write(`${get('/held?a')}${get('/held?b')}nonsense\r\n\r\n`)
    await held
    release()
    expect(await bodies(client, 2)).toEqual(['a', 'b'])
    expect(await client.response()).toMatchObject({ status: 400 })
    await client.closed
  })

  it('is told that nothing is tunnelled here, behind the answers to the others', async () => {
    await using server = await serve({ fetch: () => new Response('served') })
    await using client = await server.raw()
    client.write(
      'GET / HTTP/1.1\r\nhost: localhost\r\n\r\nCONNECT a.example:1 HTTP/1.1\r\nhost: a.example:1\r\n\r\n',
    )
    expect(await client.response()).toMatchObject({ status: 200, body: 'served' })
    expect(await client.response()).toMatchObject({ status: 400, headers: { connection: 'close' } })
    await client.closed
  })

  it('with the body of one that waits for its turn is read when it has come', async () => {
    const { routes, held, release } = holding()
    const echo = http('/echo', async (request) => new Response(await request.text()))
    await using server = await serve({ routes: [...routes, echo] })
    await using client = await server.raw()
    const body = 'x'.repeat(300_000)
    client.write(
      `${get('/held?a')}POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${body.length}\r\n\r\n${body}${get('/page')}`,
    )
    await held
    release()
    expect(await bodies(client, 3)).toEqual(['a', body, 'page'])
  })

  it('is cut when it brings more than the server holds for all, and the others are served', async () => {
    const { routes, held, release } = holding()
    await using server = await serve({ routes })
    await using first = await server.raw()
    first.write(get('/held?first'))
    await held
    const tiny = 'GET /held HTTP/1.1\r\nhost:localhost\r\n\r\n'
    const greedy: RawClient[] = []
    while (greedy.every(({ socket }) => !socket.destroyed)) {
      const client = await server.raw()
      client.write(tiny.repeat(Math.floor(65_536 / tiny.length)))
      greedy.push(client)
    }
    await using other = await server.raw()
    other.write(get('/page'))
    expect((await other.response()).body).toBe('page')
    for (const client of greedy) await client[Symbol.asyncDispose]()
    release()
    expect((await first.response()).body).toBe('first')
    expect(server.log.entries).toMatchObject([
      { level: 'warn', message: expect.stringContaining('too many pipelined requests wait') as string },
    ])
  })
})

describe('a handshake behind a request', () => {
  const begin = async (behind: string, first = '/held?first'): Promise<[TestServer, RawClient, Held]> => {
    const all = holding()
    const server = await serve({ routes: all.routes })
    const client = await server.raw()
    client.write(Buffer.concat([Buffer.from(get(first) + behind), clientFrame(OPCODES.text, 'early')]))
    await all.held
    return [server, client, all]
  }

  it('is accepted once that one is answered', async () => {
    const [server, client, { release }] = await begin(`GET /ws HTTP/1.1\r\n${HANDSHAKE}`)
    client.write(clientFrame(OPCODES.text, 'late'))
    release()
    expect(await client.response()).toMatchObject({ status: 200, body: 'first' })
    expect(await client.response()).toMatchObject({ status: 101 })
    expect((await client.frame()).payload.toString()).toBe('early')
    expect((await client.frame()).payload.toString()).toBe('late')
    await client[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })

  it('is refused once that one is answered', async () => {
    const [server, client, { release }] = await begin(`GET /nowhere HTTP/1.1\r\n${HANDSHAKE}`)
    release()
    expect(await client.response()).toMatchObject({ status: 200, body: 'first' })
    expect(await client.response()).toMatchObject({ status: 404 })
    await client.closed
    await server[Symbol.asyncDispose]()
  })

  it('ends with the connection when the answer to that one says so', async () => {
    const all = holding()
    await using server = await serve({ routes: all.routes })
    await using client = await server.raw()
    client.request('GET /held?last', { connection: 'close' })
    client.write(`GET /ws HTTP/1.1\r\n${HANDSHAKE}`)
    await all.held
    all.release()
    expect(await client.response()).toMatchObject({ status: 200, body: 'last' })
    await client.closed
    expect(Buffer.concat(client.chunks).toString('latin1')).not.toContain('101')
  })

  it('does not hold up a long answer to a slow reader', async () => {
    const piece = Buffer.alloc(65_536, 'x')
    async function* body(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 200; i++) yield piece
    }
    const headers = { 'content-length': String(200 * piece.length) }
    await using server = await serve({
      routes: [
        http('/long', () => new Response(ReadableStream.from(body()), { headers })),
        websocket('/ws', Echo),
      ],
    })
    const accepted = server.nextSocket()
    const socket = connect(server.running.port, '127.0.0.1').pause()
    socket.write(`${get('/long')}GET /ws HTTP/1.1\r\n${HANDSHAKE}`)
    let received = 0
    let end = Buffer.alloc(0)
    const upgraded = Promise.withResolvers<void>()
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length
      end = Buffer.concat([end, chunk]).subarray(-1000)
      if (end.includes('101 Switching Protocols')) upgraded.resolve()
    })
    socket.on('close', () => upgraded.reject(new Error('The connection ended')))
    // It reads once the server has more for it than the network takes.
    const writer = await accepted
    await vi.waitUntil(() => writer.writableLength > 0, 30_000)
    socket.resume()
    await upgraded.promise
    expect(received).toBeGreaterThan(200 * piece.length)
    socket.destroy()
  })

  it('is forgotten when the client leaves', async () => {
    const [server, client, { release }] = await begin(`GET /ws HTTP/1.1\r\n${HANDSHAKE}`)
    client.socket.end()
    await client.closed
    release()
    expect(server.log.entries).toEqual([])
    await server[Symbol.asyncDispose]()
  })
})
