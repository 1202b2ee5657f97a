import { describe, expect, it } from 'vitest'
import {
  JsonWebSocketConsumer,
  WebSocketConsumer,
  type WebSocketData,
  forbidden,
  http,
  millrace,
  silentLogger,
  websocket,
} from '../../src/index.ts'
import { WebSocketCommunicator } from '../../src/testing/index.ts'

class Echo extends WebSocketConsumer {
  override async receive(message: WebSocketData): Promise<void> {
    if (message === 'throw') throw new Error('broken')
    if (message === 'close') this.close(4000, 'as asked')
    else await this.send(message)
  }
}

const app = millrace({
  logger: silentLogger,
  authenticate: (request) => request.headers.get('cookie') && { cookie: request.headers.get('cookie') },
  routes: [
    websocket('/echo', Echo),
    websocket('/open', Echo, { authenticate: false }),
    http('/page', () => new Response()),
    websocket(
      '/never',
      class extends Echo {
        override async connect(): Promise<void> {}
      },
      { authenticate: false },
    ),
    websocket('/forbidden', Echo, {
      authenticate: () => {
        throw forbidden('Not you')
      },
    }),
    websocket('/broken', Echo, {
      authenticate: () => {
        throw new Error('broken hook')
      },
    }),
  ],
})

describe('connect', () => {
  it('goes through routing, origin and authentication', async () => {
    const results = [
      ['/echo', { cookie: 'a=1' }],
      ['/echo', {}],
      ['/forbidden', {}],
      ['/nowhere', {}],
      ['/page', {}],
      ['/open', { Origin: 'https://elsewhere.example' }],
      ['/open', { Origin: 'http://testserver' }],
    ] as const
    const statuses: unknown[] = []
    for (const [path, headers] of results) {
      await using client = new WebSocketCommunicator(app, path, { headers })
      const result = await client.connect()
      statuses.push(result.accepted || `${result.status} ${result.error?.code}`)
    }
    expect(statuses).toEqual([
      true,
      '401 unauthenticated',
      '403 forbidden',
      '404 route_not_found',
      '400 websocket_not_here',
      '403 origin_refused',
      true,
    ])
  })

  it('rejects with what a hook of the application threw', async () => {
    await using client = new WebSocketCommunicator(app, '/broken')
    await expect(client.connect()).rejects.toThrow('broken hook')
  })

  it('says that the consumer did not answer in time', async () => {
    await using client = new WebSocketCommunicator(app, '/never')
    await expect(client.connect(0.01)).rejects.toThrow(
      'The consumer neither accepted nor refused within 0.01 s',
    )
  })

  it('is called once', async () => {
    await using client = new WebSocketCommunicator(app, '/open')
    await client.connect()
    await expect(client.connect()).rejects.toThrow('connect() was already called')
  })

  it('finds the parameters of a class alone by a pattern', async () => {
    class Room extends WebSocketConsumer<{ room: string; page: number }> {
      override async connect(): Promise<void> {
        await this.accept()
        const { params, query, subprotocols, path } = this.scope
        await this.send(JSON.stringify([params, query.get('q'), subprotocols, path]))
      }
    }
    const options = { pattern: '/:room/:page{int}', subprotocols: ['a', 'b'] }
    await using client = new WebSocketCommunicator(Room, '/lobby/7?q=1', options)
    await client.connect()
    expect(await client.receiveJson()).toEqual([{ room: 'lobby', page: 7 }, '1', ['a', 'b'], '/lobby/7'])
  })
})

describe('receiving', () => {
  it('takes messages in order, those from before the end included', async () => {
    await using client = new WebSocketCommunicator(Echo)
    await client.connect()
    for (const message of ['one', 'two', 'close']) client.send(message)
    expect(await client.receiveClose()).toEqual({ code: 4000, reason: 'as asked' })
    expect([await client.receive(), await client.receive()]).toEqual(['one', 'two'])
    await expect(client.receive()).rejects.toMatchObject({ name: 'ConnectionClosedError', code: 4000 })
  })

  it('gives up with a sentence about what was awaited', async () => {
    await using client = new WebSocketCommunicator(Echo)
    await client.connect()
    await expect(client.receive(0.01)).rejects.toThrow('Nothing was received within 0.01 s')
    await expect(client.receiveClose(0.01)).rejects.toThrow('The connection was not closed within 0.01 s')
  })

  it('rejects with what a handler threw as the cause', async () => {
    await using client = new WebSocketCommunicator(Echo)
    await client.connect()
    client.send('throw')
    await expect(client.receive()).rejects.toMatchObject({
      name: 'ConnectionClosedError',
      code: 1011,
      cause: { message: 'broken' },
    })
  })

  it('receives JSON from text frames only', async () => {
    class Sender extends JsonWebSocketConsumer {
      override async receive(): Promise<void> {
        await this.send({ a: 1 })
      }
    }
    await using json = new WebSocketCommunicator(Sender)
    await json.connect()
    json.sendJson('go')
    expect(await json.receiveJson()).toEqual({ a: 1 })
    await using bytes = new WebSocketCommunicator(Echo)
    await bytes.connect()
    bytes.send(Buffer.from('{}'))
    await expect(bytes.receiveJson()).rejects.toThrow('A binary message was received')
  })

  it('knows whether nothing came', async () => {
    await using client = new WebSocketCommunicator(Echo)
    await client.connect()
    expect(await client.receiveNothing(0.01)).toBe(true)
    client.send('x')
    expect(await client.receiveNothing(0.01)).toBe(false)
    expect(await client.receive()).toBe('x')
  })
})

describe('disconnect', () => {
  it('waits until the consumer has ended, and says when it does not', async () => {
    const release = Promise.withResolvers<void>()
    const ends: number[] = []
    class Lingering extends WebSocketConsumer {
      override async disconnect(code: number): Promise<void> {
        await release.promise
        ends.push(code)
      }
    }
    const client = new WebSocketCommunicator(Lingering)
    await client.connect()
    await expect(client.disconnect(1001, 0.01)).rejects.toThrow('The consumer did not end within 0.01 s')
    release.resolve()
    await client.disconnect()
    expect(ends).toEqual([1001])
  })

  it('may come before connect, or not at all', async () => {
    await using client = new WebSocketCommunicator(Echo)
    expect(() => client.send('x')).toThrow('send() was called before connect()')
    await client.disconnect()
  })

  it('leaves an application to whoever made it', async () => {
    for (const message of ['first', 'second']) {
      await using client = new WebSocketCommunicator(app, '/open')
      await client.connect()
      client.send(message)
      expect(await client.receive()).toBe(message)
    }
  })
})
