/** Signing out ends what a user has open, wherever it is served. */
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { ChannelLayer } from '../../src/channels/layer.ts'
import { redisChannels } from '../../src/channels/redis/queues/open.ts'
import { redisPubSubChannels } from '../../src/channels/redis/pubsub/open.ts'
import {
  WebSocketConsumer,
  type WebSocketData,
  httpStreams,
  memory,
  streamSocket,
  streaming,
  unauthenticated,
  websocket,
} from '../../src/index.ts'
import { RedisServer } from '../support/redis.ts'
import { type TestServer, serve } from '../support/server.ts'
import { describeWith } from '../support/services.ts'

const SIGNED_OUT = { code: 3000, reason: 'Sign in again' }

class Echo extends WebSocketConsumer {
  override receive(message: WebSocketData): Promise<void> {
    return this.send(`${JSON.stringify(this.scope.user)} ${String(message)}`)
  }
}

/** Asks the header who it is. */
const byHeader = (asked: Request): string | null => asked.headers.get('x-user')
const as = (user: string): { headers: Record<string, string> } => ({ headers: { 'x-user': user } })

function options(more: object = {}) {
  const streams = streaming({ store: memory() })
  const routes = [
    websocket('/ws', Echo),
    streamSocket('/streams/ws', streams.services),
    httpStreams('/streams', { ...streams.services, longPollTimeout: 600 }),
  ]
  return { routes, streams, authenticate: byHeader, ...more }
}

/** The answer to a request for the events of a stream of ada's. */
async function follow(server: TestServer): Promise<IncomingMessage> {
  await server.app.options.streams?.store.create('s', { owner: 'ada' })
  const asked = request(server.url('/streams/s?offset=-1&live=sse'), {
    agent: false,
    headers: { 'x-user': 'ada' },
  })
  asked.end()
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  answer.resume()
  return answer
}

/** One that still answers. */
async function expectServed(client: Awaited<ReturnType<TestServer['connect']>>): Promise<void> {
  client.send('still here')
  expect(await client.receive()).toContain('still here')
}

describe('app.disconnect', () => {
  it('closes all sockets of a user, the stream socket too, and nobody else’s', async () => {
    await using server = await serve(options())
    const [phone, laptop, other] = [
      await server.connect('/ws', as('ada')),
      await server.connect('/ws', as('ada')),
      await server.connect('/ws', as('bob')),
    ]
    const streams = await server.connect('/streams/ws', { ...as('ada'), subprotocols: ['millrace.v1'] })
    await server.app.disconnect('ada')
    for (const client of [phone, laptop, streams]) expect(await client.closed).toEqual(SIGNED_OUT)
    await expectServed(other)
    await other.close()
  })

  it('ends the event streams of a user', async () => {
    await using server = await serve(options())
    const answer = await follow(server)
    const { delivery } = server.app.options.streams!
    expect(delivery.readers('s')).toBe(1)
    await server.app.disconnect('ada')
    await once(answer, 'end')
    expect(delivery.readers('s')).toBe(0)
  })

  it('ends the long polls of a user, who are asked when they come back', async () => {
    await using server = await serve(options())
    await server.app.options.streams!.store.create('s', { owner: 'ada' })
    const poll = fetch(server.url('/streams/s?offset=now&live=long-poll'), as('ada'))
    const { delivery } = server.app.options.streams!
    await vi.waitUntil(() => delivery.readers('s') === 1)
    await server.app.disconnect('ada')
    expect((await poll).status).toBe(204)
    expect(delivery.readers('s')).toBe(0)
  })

  it('refuses handshakes that are under way, in authenticate or in connect', async () => {
    const answers = [Promise.withResolvers<string>(), Promise.withResolvers<string>()]
    let asked = 0
    class Slow extends WebSocketConsumer {
      static readonly began = Promise.withResolvers<void>()
      override connect(): Promise<void> {
        Slow.began.resolve()
        return new Promise((resolve) => this.signal.addEventListener('abort', () => resolve()))
      }
    }
    const authenticate = (): Promise<string> => answers[asked++]!.promise
    await using server = await serve({ routes: [websocket('/ws', Slow)], authenticate })
    const first = server.connect('/ws')
    await vi.waitUntil(() => asked === 1)
    const second = server.connect('/ws')
    await vi.waitUntil(() => asked === 2)
    const refusals = Promise.allSettled([first, second])
    answers[0]!.resolve('ada')
    await Slow.began.promise
    await server.app.disconnect('ada')
    answers[1]!.resolve('ada')
    for (const result of await refusals)
      expect(result).toMatchObject({ reason: { status: 401, body: { error: { code: 'unauthenticated' } } } })
  })

  it('lets in who signs in again', async () => {
    await using server = await serve(options())
    await server.app.disconnect('ada')
    await using client = await server.connect('/ws', as('ada'))
    await expectServed(client)
  })

  it('takes a user as authenticate returns one, and refuses what names nobody', async () => {
    const authenticate = (): { id: number } => ({ id: 7 })
    await using server = await serve({ routes: [websocket('/ws', Echo)], authenticate })
    await using client = await server.connect('/ws')
    for (const nobody of [undefined, null, {}, true, ''])
      await expect(server.app.disconnect(nobody)).rejects.toThrow(TypeError)
    await server.app.disconnect({ id: 7, name: 'Ada' })
    expect(await client.closed).toEqual(SIGNED_OUT)
  })
})

describe('authenticateInterval', () => {
  /** Users by what `answer` says when it is asked. */
  async function serveAsking(answer: (count: number) => unknown, interval = 0.05) {
    let count = 0
    const server = await serve(
      options({ authenticate: () => answer(++count) as never, authenticateInterval: interval }),
    )
    return { server, asked: () => count }
  }

  it('closes the sockets of who is signed in no more', async () => {
    const { server } = await serveAsking((count) => (count < 4 ? 'ada' : null))
    await using _ = server
    const client = await server.connect('/ws')
    expect(await client.closed).toEqual(SIGNED_OUT)
    expect(server.log.entries).toEqual([])
  })

  it('closes the sockets of who became somebody else', async () => {
    const { server } = await serveAsking((count) => (count < 2 ? 'ada' : 'bob'))
    await using _ = server
    const client = await server.connect('/ws')
    expect(await client.closed).toEqual(SIGNED_OUT)
  })

  it('keeps what authenticate says of the same user', async () => {
    const { server, asked } = await serveAsking((count) => ({
      id: 'ada',
      role: count < 3 ? 'admin' : 'none',
    }))
    await using _ = server
    await using client = await server.connect('/ws')
    client.send('1')
    expect(await client.receive()).toBe('{"id":"ada","role":"admin"} 1')
    await vi.waitUntil(() => asked() > 3)
    client.send('2')
    expect(await client.receive()).toBe('{"id":"ada","role":"none"} 2')
  })

  it('bears with one failure of what authenticate asks, and not with two', async () => {
    const { server, asked } = await serveAsking((count) => {
      if (count % 2 === 1 && count < 9) return 'ada'
      throw Object.assign(new Error('away'), { code: 'ECONNREFUSED' })
    })
    await using _ = server
    const client = await server.connect('/ws')
    expect(await client.closed).toEqual(SIGNED_OUT)
    expect(asked()).toBe(9)
  })

  it('is what ends a refusal of authenticate’s own, too', async () => {
    const { server } = await serveAsking((count) => {
      if (count === 1) return 'ada'
      throw unauthenticated('Your session is over')
    })
    await using _ = server
    const client = await server.connect('/ws')
    expect(await client.closed).toEqual(SIGNED_OUT)
  })

  it('ends event streams, whose readers come back and are asked', async () => {
    await using server = await serve(options({ authenticateInterval: 0.1 }))
    const answer = await follow(server)
    await once(answer, 'end')
    expect(answer.complete).toBe(true)
  })

  it.each([-1, Number.NaN, 3_000_000])('of %d is refused at the start', async (authenticateInterval) => {
    await expect(serve(options({ authenticateInterval }))).rejects.toThrow(RangeError)
  })
})

describeWith(['redis'], 'signing out in one process', ({ redis }) => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start(redis)
  })
  afterAll(() => server.stop())

  it.each<[string, (prefix: string) => ChannelLayer]>([
    ['queues', (prefix) => redisChannels({ url: server.url, prefix, timeout: 20 })],
    ['pub/sub', (prefix) => redisPubSubChannels({ url: server.url, prefix, timeout: 20 })],
  ])('ends the sockets in another, over %s', async (name, open) => {
    const prefix = `sign-out-${name.length}`
    await using here = await serve(options({ channels: open(prefix) }))
    await using there = await serve(options({ channels: open(prefix) }))
    // Both join without a connection, which takes a round trip or two.
    await vi.waitUntil(async () => {
      const { sent } = await here.app.channels.groupSend('millrace.sign-out', {
        type: 'millrace.sign.out',
        user: 'nobody',
      })
      return sent > 1
    }, 20_000)
    const ada = await there.connect('/ws', as('ada'))
    await using bob = await there.connect('/ws', as('bob'))
    const streams = await there.connect('/streams/ws', { ...as('ada'), subprotocols: ['millrace.v1'] })
    await here.app.disconnect('ada')
    for (const client of [ada, streams]) expect(await client.closed).toEqual(SIGNED_OUT)
    await expectServed(bob)
    expect([...here.log.entries, ...there.log.entries]).toEqual([])
  })
})
