/** Bursts, as the people see them who are connected: nobody who listens misses any, and what is dropped is said. */
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { ChannelLayer } from '../../src/channels/layer.ts'
import { memoryChannels } from '../../src/channels/memory/layer.ts'
import { redisChannels } from '../../src/channels/redis/queues/open.ts'
import { redisPubSubChannels } from '../../src/channels/redis/pubsub/open.ts'
import {
  type Application,
  type ChannelMessage,
  WebSocketConsumer,
  millrace,
  websocket,
} from '../../src/index.ts'
import type { Logger } from '../../src/logging/logger.ts'
import { WebSocketCommunicator } from '../../src/testing/index.ts'
import { type CollectingLogger, collectingLogger } from '../support/logger.ts'
import { RedisServer } from '../support/redis.ts'
import { describeWith } from '../support/services.ts'

const FULL = 'channel messages dropped: their channels are full'

class Room extends WebSocketConsumer {
  override readonly groups = ['room']

  override async receive(text: string | Uint8Array): Promise<void> {
    const [from, how, count] = String(text).split(' ')
    const burst = async (): Promise<void> => {
      for (let n = 0; n < Number(count); n++) await this.groupSend('room', { type: 'number', n })
      await this.send(`${from} is done`)
    }
    if (how === 'background') this.background(burst)
    else await burst()
  }

  async number({ n }: ChannelMessage): Promise<void> {
    await this.send(JSON.stringify(n))
  }
}

/** Takes frames until the last number, or a sentence that says that the sender is done. */
async function numbersOf(client: WebSocketCommunicator, last: string): Promise<string[]> {
  const frames: string[] = []
  for (;;) {
    const frame = String(await client.receive(10))
    if (frame === last) return frames
    frames.push(frame)
  }
}

interface Place {
  readonly title: string
  readonly layer: (logger: Logger) => ChannelLayer & { usage(): { readonly dropped: number } }
}

function behaves({ title, layer }: Place): void {
  describe(title, () => {
    const logger: CollectingLogger = collectingLogger()
    let channels: ReturnType<typeof layer>
    let app: Application

    async function clients(count: number): Promise<WebSocketCommunicator[]> {
      logger.entries.length = 0
      channels = layer(logger)
      app = millrace({ channels, logger, routes: [websocket('/room', Room)] })
      const made = Array.from({ length: count }, () => new WebSocketCommunicator(app, '/room'))
      for (const client of made) await client.connect(10)
      return made
    }

    afterEach(() => app.close())

    it('a handler that awaits 1,000 group sends reaches each idle client with all of them', async () => {
      const [first, second] = (await clients(2)) as [WebSocketCommunicator, WebSocketCommunicator]
      for (let n = 0; n < 1000; n++) await channels.groupSend('room', { type: 'number', n })
      await channels.groupSend('room', { type: 'number', n: 'end' })
      const all = Array.from({ length: 1000 }, (_, n) => String(n))
      expect(await numbersOf(first, '"end"')).toEqual(all)
      expect(await numbersOf(second, '"end"')).toEqual(all)
      expect(channels.usage().dropped).toBe(0)
    })

    it('so does one that goes on in the background, to the own connection, too', async () => {
      const [first] = (await clients(1)) as [WebSocketCommunicator]
      first.send('first background 1000')
      const before = await numbersOf(first, '999')
      expect(before.filter((frame) => frame !== 'first is done')).toHaveLength(999)
      expect(channels.usage().dropped).toBe(0)
    })

    it('what a handler sends to its own connection beyond the capacity is counted and logged', async () => {
      const [first, other] = (await clients(2)) as [WebSocketCommunicator, WebSocketCommunicator]
      // It handles one thing at a time: while it sends, it takes nothing.
      first.send('first handler 500')
      expect(await numbersOf(other, '499')).toHaveLength(499)
      expect(String(await first.receive(10))).toBe('first is done')
      const { dropped } = channels.usage()
      expect(dropped).toBeGreaterThanOrEqual(399)
      expect(logger.entries).toContainEqual({
        level: 'warn',
        message: FULL,
        fields: { dropped: expect.any(Number) as number },
      })
    })
  })
}

describe('in the process', () => {
  behaves({ title: 'a burst', layer: (logger) => memoryChannels({ logger }) })
})

describeWith(['redis'], 'over Redis', ({ redis }) => {
  let server: RedisServer
  const layers: ChannelLayer[] = []

  beforeAll(async () => {
    server = await RedisServer.start(redis)
  })

  afterEach(async () => {
    await Promise.all(layers.splice(0).map((layer) => layer.close()))
  })

  afterAll(() => server.stop())

  const options = { channelCapacity: { 'small*': 10 } }
  behaves({
    title: 'a burst',
    layer: (logger) => redisChannels({ url: server.url, prefix: randomUUID(), logger }),
  })
  behaves({
    title: 'a burst on pub/sub',
    layer: (logger) => redisPubSubChannels({ url: server.url, prefix: randomUUID(), logger }),
  })

  it.each([
    { title: 'a queue', make: redisChannels },
    { title: 'pub/sub', make: redisPubSubChannels },
  ])('1,000 messages at once reach a receiver with room for 10, by $title', async ({ make }) => {
    const prefix = `test-${randomUUID()}.`
    const here: ChannelLayer = make({ url: server.url, prefix, ...options })
    const there: ChannelLayer = make({ url: server.url, prefix, ...options })
    layers.push(here, there)
    const channel = there.newChannel('small')
    await there.groupAdd('room', channel)
    const numbers: unknown[] = []
    const receiving = (async () => {
      while (numbers.length < 1000) numbers.push((await there.receive(channel))['n'])
    })()
    await Promise.all(Array.from({ length: 1000 }, (_, n) => here.groupSend('room', { type: 'number', n })))
    await receiving
    expect(numbers).toEqual(Array.from({ length: 1000 }, (_, n) => n))
  })
})
