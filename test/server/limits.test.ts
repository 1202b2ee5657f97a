/** What a client may ask of the server, and what it gets for more. */
import { once } from 'node:events'
import { describe, expect, it, vi } from 'vitest'
import { WebSocketConsumer, type WebSocketData, http, websocket } from '../../src/index.ts'
import { streamSocket } from '../../src/routing/stream-routes.ts'
import { Delivery } from '../../src/delivery/delivery.ts'
import { memory } from '../../src/streams/memory/store.ts'
import { OPCODES, clientFrame } from '../support/raw-client.ts'
import { serve } from '../support/server.ts'

class Echo extends WebSocketConsumer {
  override receive(message: WebSocketData): Promise<void> {
    return this.send(message)
  }
}

const routes = [websocket('/ws', Echo), http('/page', () => new Response('page'))]

describe('connections', () => {
  it('past the most are answered 503 until one of them ends', async () => {
    await using server = await serve({ routes }, { maxConnections: 2 })
    const [one, two] = [await server.connect('/ws'), await server.connect('/ws')]
    await expect(server.connect('/ws')).rejects.toMatchObject({
      status: 503,
      headers: { 'retry-after': '5' },
      body: { error: { code: 'too_many_connections' } },
    })
    expect((await fetch(server.url('/page'))).status).toBe(200)
    await one.close()
    await using three = await server.connect('/ws')
    three.send('served')
    expect(await three.receive()).toBe('served')
    await two.close()
  })

  it('are counted once, however their handshakes went', async () => {
    class Moody extends WebSocketConsumer {
      override async connect(): Promise<void> {
        if (this.scope.query.has('throw')) throw new Error('broken')
        if (this.scope.query.has('refuse')) this.close()
        else await this.accept()
      }
    }
    await using server = await serve({ routes: [websocket('/moody', Moody)] }, { maxConnections: 2 })
    const refusals = [
      ['/moody?throw', 500],
      ['/moody?refuse', 403],
      ['/nowhere', 404],
    ] as const
    for (const [path, status] of [...refusals, ...refusals]) {
      await using client = await server.raw()
      client.upgrade(path)
      expect((await client.response()).status).toBe(status)
      await client.closed
      await (await server.connect('/moody')).close()
    }
    await using one = await server.connect('/moody')
    await using two = await server.connect('/moody')
    await expect(server.connect('/moody')).rejects.toMatchObject({ status: 503 })
    expect([one.socket.readyState, two.socket.readyState]).toEqual([1, 1])
  })
})

describe('a message', () => {
  it('of the greatest size passes, and one byte more closes with 1009', async () => {
    await using server = await serve({ routes }, { maxMessageSize: 1000 })
    await using client = await server.connect('/ws')
    client.send('x'.repeat(1000))
    expect(await client.receive()).toHaveLength(1000)
    client.send('x'.repeat(1001))
    expect(await client.closed).toEqual({ code: 1009, reason: 'A message is larger than the server accepts' })
  })

  it('in fragments is limited as a whole', async () => {
    await using server = await serve({ routes }, { maxMessageSize: 1000 })
    await using client = await server.raw()
    client.upgrade(
      '/ws',
      {},
      Buffer.concat([
        clientFrame(OPCODES.text, 'x'.repeat(600), 0),
        clientFrame(OPCODES.continuation, 'x'.repeat(600)),
      ]),
    )
    await client.response()
    expect(await client.closeFrame()).toEqual({
      code: 1009,
      reason: 'A message is larger than the server accepts',
    })
  })

  it('is refused by what its head announces, before it came', async () => {
    await using server = await serve({ routes })
    await using client = await server.raw()
    client.upgrade('/ws', {}, Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0]))
    await client.response()
    expect(await client.closeFrame()).toMatchObject({ code: 1009 })
  })

  it('may be as large as its route says, and on other routes as the server says', async () => {
    const routes = [
      websocket('/large', Echo, { maxMessageSize: 3_000_000 }),
      websocket('/small', Echo, { maxMessageSize: 10 }),
      websocket('/ws', Echo),
    ]
    await using server = await serve({ routes }, { maxMessageSize: 1000 })
    await using large = await server.connect('/large')
    large.send('x'.repeat(3_000_000))
    expect(await large.receive()).toHaveLength(3_000_000)
    for (const [path, size] of [
      ['/ws', 1000],
      ['/small', 10],
    ] as const) {
      await using client = await server.connect(path)
      client.send('x'.repeat(size))
      expect(await client.receive()).toHaveLength(size)
      // The head of a frame that is one byte too long, and nothing behind it: nobody waits for the rest.
      await using raw = await server.raw()
      raw.upgrade(path, {}, clientFrame(OPCODES.text, 'x'.repeat(size + 1)).subarray(0, 8))
      await raw.response()
      expect(await raw.closeFrame()).toEqual({
        code: 1009,
        reason: 'A message is larger than the server accepts',
      })
    }
  })

  it('takes a whole history on a stream socket whose route has room for it', async () => {
    const store = memory()
    const lengths: number[] = []
    const start = ({ input }: { input: unknown }): { id: string } => {
      lengths.push(JSON.stringify(input).length)
      return { id: 'r' }
    }
    const options = { store, delivery: new Delivery({ store }), start, maxMessageSize: 9_000_000 }
    await using server = await serve({ routes: [streamSocket('/ws', options)] })
    await using client = await server.connect('/ws', { subprotocols: ['millrace.v1'] })
    client.send(JSON.stringify({ type: 'start', req: '1', input: 'x'.repeat(8_000_000) }))
    expect(JSON.parse((await client.receive()) as string)).toEqual({ type: 'started', req: '1', stream: 'r' })
    expect(lengths).toEqual([8_000_002])
  })

  it.each([0, -1, 1.5, Number.NaN, Infinity, 2 ** 30])('of %s bytes is no limit of a route', (size) => {
    expect(() => websocket('/ws', Echo, { maxMessageSize: size })).toThrow(
      new RangeError(
        `websocket(/ws): maxMessageSize is ${size}; it takes a whole number from 1 to 536870912`,
      ),
    )
  })

  it('is refused at the start a mark above which its client would be cut before it is waited for', async () => {
    await expect(serve({ routes }, { highWaterMark: 2_000_000, maxUnsent: 1_000_000 })).rejects.toThrow(
      'highWaterMark is 2000000; it takes at most maxUnsent, 1000000',
    )
  })

  it('in too many fragments closes with 1008', async () => {
    await using server = await serve({ routes }, { maxFragments: 4 })
    const fragments = (count: number): Buffer =>
      Buffer.concat(
        Array.from({ length: count }, (_, index) =>
          clientFrame(index === 0 ? OPCODES.text : OPCODES.continuation, 'x', index === count - 1 ? 0x80 : 0),
        ),
      )
    await using client = await server.raw()
    client.upgrade('/ws', {}, fragments(4))
    await client.response()
    expect((await client.frame()).payload.toString()).toBe('xxxx')
    client.write(fragments(5))
    expect(await client.closeFrame()).toEqual({ code: 1008, reason: 'A message comes in too many fragments' })
  })

  it.each<[string, Uint8Array, number, string]>([
    [
      'invalid UTF-8',
      clientFrame(OPCODES.text, Buffer.from([0xc3, 0x28])),
      1007,
      'A text frame is not valid UTF-8',
    ],
    [
      'UTF-8 of half a surrogate pair',
      clientFrame(OPCODES.text, Buffer.from([0xed, 0xa0, 0xbd])),
      1007,
      'A text frame is not valid UTF-8',
    ],
    ['a reserved opcode', clientFrame(3, 'x'), 1002, 'A frame breaks the WebSocket protocol'],
    ['a reserved bit', clientFrame(OPCODES.text, 'x', 0xc0), 1002, 'A frame breaks the WebSocket protocol'],
    ['no mask', Buffer.from([0x81, 0x01, 0x78]), 1002, 'A frame breaks the WebSocket protocol'],
    [
      'a continuation of nothing',
      clientFrame(OPCODES.continuation, 'x'),
      1002,
      'A frame breaks the WebSocket protocol',
    ],
    ['a ping in fragments', clientFrame(OPCODES.ping, 'x', 0), 1002, 'A frame breaks the WebSocket protocol'],
    [
      'a ping of 126 bytes',
      clientFrame(OPCODES.ping, 'x'.repeat(126)),
      1002,
      'A frame breaks the WebSocket protocol',
    ],
    [
      'a close code that may not be sent',
      clientFrame(OPCODES.close, Buffer.from([0x03, 0xed])),
      1002,
      'A frame breaks the WebSocket protocol',
    ],
  ])('that is %s closes with its code and reason', async (_case, bytes, code, reason) => {
    const ends: unknown[] = []
    class Ending extends Echo {
      override disconnect(...end: [number, string]): void {
        ends.push(end)
      }
    }
    await using server = await serve({ routes: [websocket('/ws', Ending)] })
    await using client = await server.raw()
    client.upgrade('/ws', {}, bytes)
    await client.response()
    expect(await client.closeFrame()).toEqual({ code, reason })
    await client.closed
    expect(ends).toEqual([[code, reason]])
    expect(server.log.entries).toEqual([])
  })
})

describe('headers', () => {
  it('of 64 KB are answered 431, and the next client is served', async () => {
    await using server = await serve({ routes })
    await using client = await server.raw()
    client.upgrade('/ws', { 'x-large': 'x'.repeat(65_536) })
    const response = await client.response()
    expect([response.status, JSON.parse(response.body)]).toMatchObject([
      431,
      { error: { code: 'headers_too_large' } },
    ])
    await (await server.connect('/ws')).close()
  })

  it('that go on behind the answer do not reset it', async () => {
    await using server = await serve({ routes })
    await using client = await server.raw()
    for (let i = 0; i < 40; i++)
      client.write(i === 0 ? `GET /ws HTTP/1.1\r\nx: ${'x'.repeat(65_536)}` : 'x'.repeat(65_536))
    expect(await client.response()).toMatchObject({ status: 431 })
  })

  it('that are no HTTP are answered 400', async () => {
    await using server = await serve({ routes })
    for (const bytes of [
      '\u0016\u0003\u0001\u0002\u0000\u0001',
      'GET /ws\r\n\r\n',
      'GET /ws HTTP/9.9\r\n\r\n',
      'GET /ws HTTP/1.1\r\nbad header\r\n\r\n',
    ]) {
      await using client = await server.raw()
      client.write(bytes)
      const response = await client.response()
      expect([response.status, JSON.parse(response.body)]).toMatchObject([
        400,
        { error: { code: 'bad_request' } },
      ])
      await client.closed
    }
  })

  it('that never end are answered 408, sent or not', async () => {
    await using server = await serve({ routes }, { handshakeTimeout: 0.1 })
    for (const begin of ['GET /ws HTTP/1.1\r\nhost: localhost\r\n', '']) {
      await using client = await server.raw()
      client.write(begin)
      const response = await client.response()
      expect([response.status, JSON.parse(response.body)]).toMatchObject([
        408,
        { error: { code: 'request_timeout' } },
      ])
      await client.closed
    }
  })

  it('that make no sense do not spoil an answer that has begun', async () => {
    const pieces = Promise.withResolvers<ReadableStreamDefaultController<Uint8Array>>()
    const body = (): ReadableStream =>
      new ReadableStream<Uint8Array>({ start: (controller) => pieces.resolve(controller) })
    await using server = await serve({ routes: [http('/stream', () => new Response(body()))] })
    const failed = once(server.running.server, 'clientError')
    await using client = await server.raw()
    client.request('GET /stream')
    const controller = await pieces.promise
    controller.enqueue(Buffer.from('begun'))
    await vi.waitUntil(() => Buffer.concat(client.chunks).includes('begun'))
    client.write('nonsense\r\n\r\n')
    await failed
    controller.enqueue(Buffer.from('ended'))
    controller.close()
    await client.closed
    const text = Buffer.concat(client.chunks).toString()
    expect(text).toMatch(/begun.*ended.*\r\n0\r\n\r\nHTTP\/1\.1 400 /s)
  })
})

describe('a consumer that does not answer', () => {
  it('is answered for with 503, and told', async () => {
    const ended = Promise.withResolvers<unknown>()
    class Silent extends WebSocketConsumer {
      override async connect(): Promise<void> {}
      override disconnect(...end: unknown[]): void {
        ended.resolve(end)
      }
    }
    await using server = await serve({ routes: [websocket('/silent', Silent)] }, { handshakeTimeout: 0.05 })
    await expect(server.connect('/silent')).rejects.toMatchObject({
      status: 503,
      body: { error: { code: 'handshake_timeout' } },
    })
    expect(await ended.promise).toEqual([1006, 'The server did not accept the connection in time.'])
    expect(server.log.entries).toMatchObject([
      { level: 'warn', message: 'consumer neither accepted nor refused in time' },
    ])
  })

  it('is told when the client leaves while it thinks', async () => {
    const began = Promise.withResolvers<void>()
    const outcome = Promise.withResolvers<unknown>()
    class Slow extends WebSocketConsumer {
      override async connect(): Promise<void> {
        began.resolve()
        await new Promise((resolve) => this.signal.addEventListener('abort', resolve))
        outcome.resolve(await this.accept().catch((error: unknown) => error))
      }
    }
    await using server = await serve({ routes: [websocket('/slow', Slow)] })
    await using client = await server.raw()
    client.upgrade('/slow')
    await began.promise
    client.socket.destroy()
    expect(await outcome.promise).toMatchObject({ name: 'ConnectionClosedError', code: 1006 })
    expect(server.log.entries).toEqual([])
  })

  it('keeps little of what the client sends meanwhile, and loses nothing of it', async () => {
    const accept = Promise.withResolvers<void>()
    class Late extends Echo {
      override async connect(): Promise<void> {
        await accept.promise
        await this.accept()
      }
    }
    await using server = await serve({ routes: [websocket('/late', Late)] })
    const accepted = server.nextSocket()
    await using client = await server.raw()
    const socket = await accepted
    const messages = 40
    client.upgrade('/late')
    for (let i = 0; i < messages; i++) client.write(clientFrame(OPCODES.binary, Buffer.alloc(100_000, i)))
    await vi.waitUntil(() => socket.isPaused())
    expect(socket.bytesRead).toBeLessThan(1_000_000)
    accept.resolve()
    await client.response()
    for (let i = 0; i < messages; i++)
      expect((await client.frame()).payload.equals(Buffer.alloc(100_000, i))).toBe(true)
  })
})

it('a flood is held back while its consumer is busy, and is handled whole', async () => {
  const release = Promise.withResolvers<void>()
  let received = 0
  class Busy extends WebSocketConsumer {
    override async receive(): Promise<void> {
      await release.promise
      received++
      if (received === 200) await this.send('all')
    }
  }
  await using server = await serve({ routes: [websocket('/busy', Busy)] })
  const accepted = server.nextSocket()
  await using client = await server.connect('/busy')
  const socket = await accepted
  for (let i = 0; i < 200; i++) client.send(Buffer.alloc(100_000))
  await vi.waitUntil(() => socket.isPaused())
  expect(socket.bytesRead).toBeLessThan(2_000_000)
  release.resolve()
  expect(await client.receive()).toBe('all')
})
