/** Processes that share a Redis's pub/sub: who hears what, what is subscribed to, and what is lost when. */
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Logger } from '../../src/logging/logger.ts'

import { redisChannels } from '../../src/channels/redis/queues/open.ts'
import {
  type RedisPubSubChannelLayer,
  redisPubSubChannels,
  type RedisPubSubChannelsOptions,
} from '../../src/channels/redis/pubsub/open.ts'
import { hostSettings } from '../../src/redis/hosts.ts'
import { openClient, type RedisClient } from '../../src/redis/open-client.ts'
import { RedisServer } from '../support/redis.ts'
import { describeWith } from '../support/services.ts'

describeWith(['redis'], 'processes on one pub/sub', ({ redis }) => {
  let server: RedisServer
  let admin: RedisClient
  let prefix: string
  const layers: RedisPubSubChannelLayer[] = []

  beforeAll(async () => {
    server = await RedisServer.start(redis)
  })

  beforeEach(async () => {
    prefix = `test-${randomUUID()}.`
    admin = await connectTo(server)
  })

  afterEach(async () => {
    server.resume()
    await Promise.all(layers.splice(0).map((layer) => layer.close()))
    admin.end()
  })

  afterAll(() => server.stop())

  function layer(options: RedisPubSubChannelsOptions = {}): RedisPubSubChannelLayer {
    const made = redisPubSubChannels({ url: server.url, prefix, timeout: 20, ...options })
    layers.push(made)
    return made
  }

  async function subscribers(topic: string): Promise<number> {
    const [, count] = (await admin.send(['PUBSUB', 'NUMSUB', topic])) as [Buffer, number]
    return count
  }

  async function untilIt(is: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await is())) await new Promise((resolve) => setTimeout(resolve, 10))
  }

  describe('subscriptions', () => {
    it('a group of ten thousand channels of one process is one, and so are all its channels', async () => {
      const [here, there] = [layer(), layer()]
      const channels = Array.from({ length: 10_000 }, () => there.newChannel())
      await Promise.all(channels.map((channel) => there.groupAdd('group', channel)))
      expect(await subscribers(`${prefix}__group__group`)).toBe(1)
      expect(await admin.send(['PUBSUB', 'NUMPAT'])).toBe(1)
      const topics = (await admin.send(['PUBSUB', 'CHANNELS', `${prefix}*`])) as Buffer[]
      expect(topics.map(String).toSorted()).toEqual([`${prefix}:control`, `${prefix}__group__group`])
      expect(await here.groupSend('group', { type: 'test' })).toEqual({ sent: 1, dropped: 0 })
      for (const channel of channels) expect(await there.receive(channel)).toEqual({ type: 'test' })
      expect(there.usage()).toMatchObject({ topics: 1, groups: 1, memberships: 10_000, messages: 0 })
    })

    it('a group is heard as soon as it was joined, and not any more once it was left', async () => {
      const here = layer()
      const [one, two] = [here.newChannel(), here.newChannel()]
      const topic = `${prefix}__group__group`
      for (let round = 0; round < 20; round++) {
        await Promise.all([here.groupAdd('group', one), here.groupAdd('group', two)])
        expect(await subscribers(topic)).toBe(1)
        await here.groupDiscard('group', one)
        expect(await subscribers(topic)).toBe(1)
        await here.groupDiscard('group', two)
        expect(await subscribers(topic)).toBe(0)
        // Left and joined at once: the later call is what counts.
        const calls = [
          here.groupAdd('group', one),
          here.groupDiscard('group', one),
          here.groupAdd('group', one),
        ]
        await Promise.all(calls)
        expect(await here.groupSend('group', { type: 'test', round })).toEqual({ sent: 1, dropped: 0 })
        expect(await here.receive(one)).toEqual({ type: 'test', round })
        await here.groupDiscard('group', one)
      }
      expect(here.usage()).toMatchObject({ topics: 0, groups: 0, memberships: 0 })
    })

    it('a release leaves the groups that it was the last member of', async () => {
      const here = layer()
      const channel = here.newChannel()
      await here.groupAdd('one', channel)
      await here.groupAdd('two', channel)
      here.release(channel)
      // Redis may still count this process as a receiver; the sender knows better.
      expect(await here.groupSend('one', { type: 'test' })).toEqual({ sent: 0, dropped: 0 })
      await untilIt(async () => (await subscribers(`${prefix}__group__two`)) === 0)
    })

    it('a layer that is closed leaves nothing', async () => {
      const here = redisPubSubChannels({ url: server.url, prefix })
      await here.groupAdd('group', here.newChannel())
      await here.groupSend('group', { type: 'test' })
      await here.close()
      await untilIt(
        async () =>
          String(await admin.send(['CLIENT', 'LIST']))
            .trim()
            .split('\n').length === 1,
      )
      expect(await admin.send(['KEYS', '*'])).toEqual([])
    })
  })

  describe('messages', () => {
    it('a name that was sent to another process can be answered at once', async () => {
      const there = layer()
      const service = there.newChannel()
      await there.listen()
      const answering = (async (): Promise<void> => {
        for (let n = 0; n < 10; n++) {
          const { replyTo } = await there.receive(service)
          await there.send(replyTo as string, { type: 'answer', n })
        }
      })()
      for (let n = 0; n < 10; n++) {
        const here = layer()
        const replyTo = here.newChannel()
        await here.send(service, { type: 'question', replyTo })
        expect(await here.receive(replyTo)).toEqual({ type: 'answer', n })
      }
      await answering
    })

    it('all members everywhere have the messages of a group in one order', async () => {
      const [here, there] = [layer({ capacity: 1000 }), layer({ capacity: 1000 })]
      const channels = [here, there].map((one) => one.newChannel()) as [string, string]
      await here.groupAdd('group', channels[0])
      await there.groupAdd('group', channels[1])
      const sends = Array.from({ length: 200 }, (_, n) => [
        here.groupSend('group', { type: 'test', n, from: 'here' }),
        there.groupSend('group', { type: 'test', n, from: 'there' }),
      ]).flat()
      for (const result of await Promise.all(sends)) expect(result).toEqual({ sent: 2, dropped: 0 })
      for (let n = 0; n < 400; n++) {
        expect(await here.receive(channels[0])).toEqual(await there.receive(channels[1]))
      }
    })

    it('equal messages of two processes arrive as often as they were sent', async () => {
      const [here, there] = [layer({ capacity: 1000 }), layer({ capacity: 1000 })]
      const channel = here.newChannel()
      await here.groupAdd('group', channel)
      const sends = Array.from({ length: 100 }, () =>
        [here, there].map((one) => one.groupSend('group', { type: 'test' })),
      ).flat()
      const results = await Promise.all(sends)
      expect(results.every(({ sent, dropped }) => sent === 1 && dropped === 0)).toBe(true)
      // What the other sent is here when Redis has told both.
      await vi.waitFor(() => expect(here.usage().messages).toBe(200))
    })

    it('a slow consumer loses the newest of its own messages, which are counted', async () => {
      const [here, there] = [layer({ capacity: 3 }), layer({ capacity: 3 })]
      const [slow, quick] = [there.newChannel(), there.newChannel()]
      await there.groupAdd('group', slow)
      for (let n = 0; n < 5; n++) await here.send(slow, { type: 'test', n })
      for (let n = 5; n < 10; n++) await here.groupSend('group', { type: 'test', n })
      await here.send(quick, { type: 'test' })
      await there.receive(quick)
      expect(there.usage()).toMatchObject({ dropped: 7, messages: 3 })
      // The sender in the same process is told as well.
      expect(await there.groupSend('group', { type: 'test' })).toEqual({ sent: 0, dropped: 1 })
      expect(there.usage()).toMatchObject({ dropped: 8, messages: 3 })
      for (let n = 0; n < 3; n++) expect(await there.receive(slow)).toEqual({ type: 'test', n })
    })

    it('what nobody listened to is counted, and what cannot be read', async () => {
      const [here, there] = [layer(), layer({ encryptionKeys: ['secret'] })]
      const channel = there.newChannel()
      await there.groupAdd('group', channel)
      await here.send('work', { type: 'test' })
      await here.groupSend('nobody', { type: 'test' })
      expect(here.usage()).toMatchObject({ unheard: 1 })
      expect(await here.groupSend('group', { type: 'test' })).toEqual({ sent: 1, dropped: 0 })
      await here.send(channel, { type: 'test' })
      await here.send(channel.replace('!', '!x'), { type: 'for no channel, so nobody looks' })
      await untilIt(() => there.usage().unreadable === 2)
      expect(there.usage().messages).toBe(0)
    })

    it('a channel without a ! is heard by every process that receives, until none did for a while', async () => {
      const [here, there] = [layer({ expiry: 0.5 }), layer({ expiry: 0.5 })]
      const waiting = [here.receive('work'), there.receive('work')]
      await untilIt(async () => (await subscribers('work')) === 2)
      await layer().send('work', { type: 'one' })
      expect(await Promise.all(waiting)).toEqual([{ type: 'one' }, { type: 'one' }])
      // Between two receives it is listened to.
      await here.send('work', { type: 'two' })
      expect(await there.receive('work')).toEqual({ type: 'two' })
      const aborted = here.receive('other', AbortSignal.timeout(1))
      await expect(aborted).rejects.toMatchObject({ name: 'TimeoutError' })
      await untilIt(async () => (await subscribers('work')) + (await subscribers('other')) === 0)
      expect(here.usage()).toMatchObject({ topics: 0, messages: 0, receivers: 0 })
    })

    it('a channel of a process that is gone joins nothing, and one without a ! is refused', async () => {
      const [here, gone] = [layer(), layer()]
      const channel = gone.newChannel()
      await gone.listen()
      await gone.close()
      await here.groupAdd('group', channel)
      await here.groupDiscard('group', channel)
      await here.groupDiscard('group', 'work')
      await expect(here.groupAdd('group', 'work')).rejects.toMatchObject({ code: 'invalid_name' })
      expect(await here.groupSend('group', { type: 'test' })).toEqual({ sent: 0, dropped: 0 })
    })

    it('JSON refuses what it does not carry, by its path, to an own channel too', async () => {
      for (const json of [
        layer({ serializer: 'json' }),
        redisChannels({ url: server.url, serializer: 'json' }),
      ]) {
        const channel = json.newChannel()
        for (const value of [new Uint8Array([1]), Number.NaN, Number.NEGATIVE_INFINITY]) {
          for (const call of [
            () => json.send(channel, { type: 'test', list: [{ value }] }),
            () => json.groupSend('group', { type: 'test', list: [{ value }] }),
          ]) {
            await expect(call()).rejects.toMatchObject({
              code: 'invalid_message',
              path: 'message.list[0].value',
            })
          }
        }
        await json.close()
      }
    })
  })

  describe('when the connection', () => {
    it('is lost, every subscription comes back, and that something may be missing is said', async () => {
      const lines: unknown[] = []
      const logger: Logger = { ...noLogger, warn: (fields, text) => lines.push([text, fields]) }
      const [here, there] = [layer(), layer({ logger })]
      const channel = there.newChannel()
      // More than one command carries.
      const groups = Array.from({ length: 2500 }, (_, n) => `group-${n}`)
      await Promise.all(groups.map((group) => there.groupAdd(group, channel)))
      const named = there.receive('work')
      await untilIt(async () => (await subscribers('work')) === 1)
      await here.send(channel, { type: 'before' })
      expect(await there.receive(channel)).toEqual({ type: 'before' })

      await admin.send(['CLIENT', 'KILL', 'TYPE', 'pubsub'])
      await untilIt(() => there.usage().gaps === 1)
      // Waits for every subscription: it was asked for after them.
      await there.groupAdd('group-0', channel)
      await there.groupAdd('another', channel)
      for (const group of ['group-0', 'group-999', 'group-1000', 'group-2499']) {
        expect(await here.groupSend(group, { type: group })).toEqual({ sent: 1, dropped: 0 })
        expect(await there.receive(channel)).toEqual({ type: group })
      }
      await here.send('work', { type: 'work' })
      expect(await named).toEqual({ type: 'work' })
      expect(there.usage()).toMatchObject({ topics: 2502, gaps: 1 })
      expect(lines).toContainEqual([
        'channel messages may have been missed: the connection to Redis was lost and is back',
        { gaps: 1 },
      ])
      expect(here.usage().gaps).toBe(0)
    })

    it('is cut again and again, messages keep their order and none comes twice', async () => {
      const [here, there] = [layer({ capacity: 10_000 }), layer({ capacity: 10_000 })]
      const [mine, theirs] = [here.newChannel(), there.newChannel()]
      await here.groupAdd('group', mine)
      await there.groupAdd('group', theirs)
      for (let n = 0; n < 300; n++) {
        if (n % 60 === 30) await admin.send(['CLIENT', 'KILL', 'TYPE', 'pubsub'])
        if (n % 100 === 50) await admin.send(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'])
        const sending = here.groupSend('group', { type: 'test', n })
        await sending.catch((error: unknown) =>
          expect(error).toMatchObject({ code: 'channel_layer_unavailable' }),
        )
      }
      // Both listen again when they hear this.
      await Promise.all([here.groupAdd('group', mine), there.groupAdd('group', theirs)])
      await here.groupSend('group', { type: 'end' })
      for (const [one, channel] of [
        [here, mine],
        [there, theirs],
      ] as const) {
        const received: number[] = []
        for (;;) {
          const { type, n } = await one.receive(channel)
          if (type === 'end') break
          received.push(n as number)
        }
        expect(received).toEqual([...new Set(received)].toSorted((a, b) => a - b))
        expect(received.length).toBeGreaterThan(100)
      }
    })

    it('is away, calls reject, receivers wait, and groups come back with Redis', async () => {
      const own = await RedisServer.start(redis)
      try {
        const [here, there] = [layer({ url: own.url }), layer({ url: own.url, timeout: 0.3 })]
        const channel = there.newChannel()
        await there.groupAdd('group', channel)
        await here.groupSend('group', { type: 'before' })
        expect(await there.receive(channel)).toEqual({ type: 'before' })
        const waiting = there.receive(channel)
        await own.kill()
        const calls = [
          () => there.send('work', { type: 'test' }),
          () => there.groupSend('group', { type: 'test' }),
          () => there.groupAdd('other', channel),
          () => there.groupAdd('group', there.newChannel()),
          () => there.groupAdd('group', `specific.${'0'.repeat(32)}!1`),
          () => there.flush(),
          () => there.listen(),
        ]
        // The first may find the connection as it breaks.
        await calls[0]?.().catch(() => undefined)
        for (const call of calls) {
          const error = await call().catch((reason: unknown) => reason)
          expect(error).toMatchObject({ code: 'channel_layer_unavailable', uncertain: false })
        }
        // What failed is not held; what was held is.
        expect(there.usage()).toMatchObject({ groups: 1, memberships: 1, topics: 1 })
        await there.send(channel, { type: 'own' })
        expect(await waiting).toEqual({ type: 'own' })
        const again = there.receive(channel)
        await own.run()
        let sent = 0
        while (sent === 0) ({ sent } = await here.groupSend('group', { type: 'after' }))
        expect(await again).toEqual({ type: 'after' })
      } finally {
        await own.stop()
      }
    })

    it('hangs, it is left, close ends, and what was sent is uncertain', async () => {
      const here = layer({ timeout: 0.3 })
      const channel = here.newChannel()
      await here.groupAdd('group', channel)
      await here.groupSend('group', { type: 'first' })
      server.pause()
      const hanging = await here.groupSend('group', { type: 'hanging' }).catch((error: unknown) => error)
      expect(hanging).toMatchObject({ code: 'channel_layer_unavailable', uncertain: true })
      const joining = await here.groupAdd('other', channel).catch((error: unknown) => error)
      expect(joining).toMatchObject({ code: 'channel_layer_unavailable' })
      expect(here.usage()).toMatchObject({ groups: 1, memberships: 1, topics: 1 })
      server.resume()
      const patient = layer()
      let sent = 0
      while (sent === 0) ({ sent } = await patient.groupSend('group', { type: 'last' }))
      const types: string[] = []
      while (types.at(-1) !== 'last') types.push((await here.receive(channel)).type)
      expect(types.filter((type) => type !== 'hanging')).toEqual(['first', 'last'])
      server.pause()
      await here.close()
    })
  })
})

const noLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }

async function connectTo(server: RedisServer): Promise<RedisClient> {
  const [host] = hostSettings(server.url)
  if (!host) throw new Error('no host')
  const signal = new AbortController().signal
  return openClient(host, { timeoutMs: 5000, signal, onLost: () => undefined })
}
