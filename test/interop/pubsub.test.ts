/** TypeScript and Python, each with its own stock code, on one Redis's pub/sub; and in JSON. */
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { ChannelMessage } from '../../src/channels/layer.ts'
import { redisChannels } from '../../src/channels/redis/queues/open.ts'
import { type RedisPubSubChannelLayer, redisPubSubChannels } from '../../src/channels/redis/pubsub/open.ts'
import { RedisServer } from '../support/redis.ts'
import { describeWith } from '../support/services.ts'
import { MANY } from './many.ts'
import { bytes, float, int, PythonPeer } from './python-peer.ts'

/** Seconds for that many: less than the test has. */
const MANY_SECONDS = 100
const INTEGERS = ['0', '-1', '4294967296', '-8589934592', '9007199254740991']
const BIG = ['9007199254740992', '-9223372036854775808', '18446744073709551615']

describeWith(['channels', 'redis'], 'with channels_redis', (paths) => {
  let server: RedisServer
  let second: RedisServer
  const ends: (() => Promise<void>)[] = []

  beforeAll(async () => {
    ;[server, second] = await Promise.all([RedisServer.start(paths.redis), RedisServer.start(paths.redis)])
  })

  afterAll(() => Promise.all([server.stop(), second.stop()]))

  afterEach(async () => {
    await Promise.all(ends.splice(0).map((end) => end()))
  })

  function peer(settings: Readonly<Record<string, unknown>>): PythonPeer {
    const python = new PythonPeer(paths.channels, settings, {
      script: 'newer_peer.py',
      environment: process.env,
    })
    ends.push(() => python.end())
    return python
  }

  /**
   * A channel of Python that is listened to. `new_channel` and `group_add` wait for no answer of Redis, which
   * may read what is published here before it reads that Python subscribes: then nobody hears it.
   */
  async function heard(
    here: RedisPubSubChannelLayer,
    python: PythonPeer,
    groups: string[] = [],
  ): Promise<string> {
    const channel = await python.call<string>('new_channel')
    for (const group of groups) await python.call('group_add', { group, channel })
    await python.until(`Redis has a subscription to ${channel}`, async () => {
      const { unheard } = here.usage()
      await here.send(channel, { type: 'ready' })
      return here.usage().unheard === unheard
    })
    expect(await python.call('receive', { channel })).toEqual({ type: 'ready' })
    return channel
  }

  describe.each([
    { title: 'as it is by default', json: false, keys: undefined, hosts: 1 },
    { title: 'encrypted, as from 4.2.1 on', json: false, keys: ['new', 'old'], hosts: 1 },
    { title: 'in JSON, as from 4.2.1 on', json: true, keys: undefined, hosts: 1 },
    { title: 'on two hosts', json: false, keys: undefined, hosts: 2 },
  ])('on pub/sub, $title', ({ json, keys, hosts }) => {
    async function pair(capacity = 100): Promise<{ here: RedisPubSubChannelLayer; python: PythonPeer }> {
      const prefix = `test-${randomUUID()}.`
      const urls = [server.url, second.url].slice(0, hosts)
      const here = redisPubSubChannels({
        hosts: urls,
        prefix,
        capacity,
        encryptionKeys: keys,
        serializer: json ? 'json' : 'msgpack',
      })
      ends.push(() => here.close())
      await here.listen()
      const python = peer({
        layer: 'pubsub',
        hosts: urls,
        prefix,
        ...(keys && { symmetric_encryption_keys: keys.toReversed() }),
        ...(json && { serializer_format: 'json' }),
      })
      return { here, python }
    }

    it('a Python group_send reaches every TypeScript consumer of the group', async () => {
      const { here, python } = await pair()
      const channels = Array.from({ length: 20 }, () => here.newChannel())
      for (const channel of channels) await here.groupAdd('chat', channel)
      await python.call('group_send', { group: 'chat', message: { type: 'chat.message', text: 'hé 😀' } })
      for (const channel of channels) {
        expect(await here.receive(channel)).toEqual({ type: 'chat.message', text: 'hé 😀' })
      }
      await here.groupDiscard('chat', channels[0] as string)
      await python.call('group_send', { group: 'chat', message: { type: 'second' } })
      expect(await here.receive(channels[1] as string)).toEqual({ type: 'second' })
      await python.call('send', { channel: channels[0], message: { type: 'direct' } })
      expect(await here.receive(channels[0] as string)).toEqual({ type: 'direct' })
    })

    it('a TypeScript groupSend reaches every Python consumer of the group', async () => {
      const { here, python } = await pair()
      const channels: string[] = []
      for (let i = 0; i < 5; i++) channels.push(await heard(here, python, ['chat']))
      const own = here.newChannel()
      await here.groupAdd('chat', own)
      // Python is one receiver, however many channels it has in the group.
      const message: ChannelMessage = { type: 'chat.message', text: 'hé 😀' }
      await python.until('Redis has a subscription to the group', async () => {
        const { sent, dropped } = await here.groupSend('chat', message)
        expect(dropped).toBe(0)
        expect(sent).toBeLessThanOrEqual(2)
        expect(await here.receive(own)).toEqual(message)
        return sent === 2
      })
      for (const channel of channels) expect(await python.call('receive', { channel })).toEqual(message)
    })

    it('direct sends go both ways, and so do messages of named channels', async () => {
      const { here, python } = await pair()
      const mine = here.newChannel()
      const theirs = await heard(here, python)
      await python.call('send', { channel: mine, message: { type: 'hello' } })
      expect(await here.receive(mine)).toEqual({ type: 'hello' })
      await here.send(theirs, { type: 'hello' })
      expect(await python.call('receive', { channel: theirs })).toEqual({ type: 'hello' })

      const job = here.receive('work')
      // Python does not say whether somebody listens.
      let received = false
      void job.then(
        () => (received = true),
        () => undefined,
      )
      await python.until('a message for a named channel has come', async () => {
        await python.call('send', { channel: 'work', message: { type: 'job', n: int('1') } })
        return received
      })
      expect(await job).toEqual({ type: 'job', n: 1 })
    })

    it('values have the right types on both sides', async () => {
      const { here, python } = await pair()
      const channel = await heard(here, python)
      await here.send(channel, {
        type: 'test',
        nothing: null,
        integers: INTEGERS.map(Number),
        big: BIG.map(BigInt),
        floats: [0.5, -1e300, 2 ** 64, 1e21],
        text: ['', 'a\u0000b', '😀', 'half \ud83d', '"\\\u2028'],
        nested: [[[{ a: [true, []] }]]],
        absent: undefined,
        ...(json ? {} : { bytes: new Uint8Array([0, 128, 255]), infinite: Number.POSITIVE_INFINITY }),
      })
      expect(await python.call('receive', { channel })).toEqual({
        type: 'test',
        nothing: null,
        integers: INTEGERS.map(int),
        big: BIG.map(int),
        floats: ['0.5', '-1e+300', '1.8446744073709552e+19', '1e+21'].map(float),
        text: ['', 'a\u0000b', '😀', 'half \ufffd', '"\\\u2028'],
        nested: [[[{ a: [true, []] }]]],
        ...(json ? {} : { bytes: bytes(new Uint8Array([0, 128, 255])), infinite: float('inf') }),
      })

      const mine = here.newChannel()
      const message = {
        type: 'test',
        nothing: null,
        integers: [...INTEGERS, ...BIG].map(int),
        floats: ['1.0', '0.1', '1e+300'].map(float),
        text: '😀',
        ...(json ? {} : { bytes: bytes(new Uint8Array([0, 128, 255])), infinite: float('inf') }),
      }
      await python.call('send', { channel: mine, message })
      // Neither is a message here; the next one is received all the same.
      await python.call('send', { channel: mine, message: { no: 'type' } })
      await python
        .call('send', { channel: mine, message: { type: 'test', beyond: int('18446744073709551616') } })
        .catch(
          // msgpack cannot even write it.
          () => python.call('send', { channel: mine, message: { also: 'no type' } }),
        )
      await python.call('send', { channel: mine, message: { type: 'after' } })
      expect(await here.receive(mine)).toEqual({
        type: 'test',
        nothing: null,
        integers: [...INTEGERS.map(Number), ...BIG.map(BigInt)],
        floats: [1, 0.1, 1e300],
        text: '😀',
        ...(json ? {} : { bytes: new Uint8Array([0, 128, 255]), infinite: Number.POSITIVE_INFINITY }),
      })
      expect(await here.receive(mine)).toEqual({ type: 'after' })
      expect(here.usage().unreadable).toBe(2)
    })

    it(
      `${MANY} messages arrive in order, both ways, to a channel and to a group`,
      { timeout: 120_000 },
      async () => {
        const { here, python } = await pair(MANY)
        const numbers = Array.from({ length: MANY }, (_, n) => n)
        const mine = here.newChannel()
        await here.groupAdd('mine', mine)
        const theirs = await heard(here, python)

        const receiving = python.call<number[]>(
          'receive_numbers',
          { channel: theirs, count: MANY },
          MANY_SECONDS,
        )
        await Promise.all(numbers.map((n) => here.send(theirs, { type: 'test', n })))
        expect(await receiving).toEqual(numbers)

        for (const [call, to] of [
          ['send_numbers', { channel: mine }],
          ['group_send_numbers', { group: 'mine' }],
        ] as const) {
          const sending = python.call(call, { ...to, count: MANY }, MANY_SECONDS)
          const received: unknown[] = []
          while (received.length < MANY) received.push((await here.receive(mine))['n'])
          await sending
          expect(received).toEqual(numbers)
        }
        expect(here.usage()).toMatchObject({ dropped: 0, unreadable: 0, gaps: 0 })
      },
    )
  })

  it('what an older Python sends in the clear is not taken by a layer with keys, and is counted', async () => {
    const prefix = `test-${randomUUID()}.`
    const here = redisPubSubChannels({ url: server.url, prefix, encryptionKeys: ['secret'] })
    ends.push(() => here.close())
    await here.listen()
    const mine = here.newChannel()
    const python = peer({ layer: 'pubsub', hosts: [server.url], prefix })
    await python.call('send', { channel: mine, message: { type: 'forged' } })
    await here.send(mine, { type: 'own' })
    expect(await here.receive(mine)).toEqual({ type: 'own' })
    await python.until('the forged message has come', async () => here.usage().unreadable > 0)
    expect(here.usage()).toMatchObject({ unreadable: 1, messages: 0 })
  })

  it.each([
    { keys: undefined, length: 12 },
    { keys: ['secret'], length: 4 },
    { keys: undefined, length: 0 },
  ])('in JSON on core, behind $length bytes, both ways', async ({ keys, length }) => {
    const prefix = `test-${randomUUID()}.`
    const here = redisChannels({
      url: server.url,
      prefix,
      encryptionKeys: keys,
      serializer: 'json',
      randomPrefixLength: length,
    })
    ends.push(() => here.close())
    const python = peer({
      layer: 'core',
      hosts: [server.url],
      prefix,
      serializer_format: 'json',
      random_prefix_length: length,
      ...(keys && { symmetric_encryption_keys: keys }),
    })
    const mine = here.newChannel()
    const theirs = await python.call<string>('new_channel')
    await here.groupAdd('chat', mine)
    await python.call('group_add', { group: 'chat', channel: theirs })
    for (let n = 0; n < 20; n++) {
      await here.groupSend('chat', { type: 'chat.message', text: 'hé 😀', n, big: 2n ** 63n })
      await here.send(theirs, { type: 'direct', n })
    }
    for (let n = 0; n < 20; n++) {
      expect(await python.call('receive', { channel: theirs })).toEqual({
        type: 'chat.message',
        text: 'hé 😀',
        n: int(String(n)),
        big: int(String(2n ** 63n)),
      })
      expect(await python.call('receive', { channel: theirs })).toEqual({ type: 'direct', n: int(String(n)) })
      expect(await here.receive(mine)).toMatchObject({ type: 'chat.message', n })
    }
    await python.call('group_send', { group: 'chat', message: { type: 'from.python', text: 'hé 😀' } })
    expect(await here.receive(mine)).toEqual({ type: 'from.python', text: 'hé 😀' })
    await python.call('send', { channel: mine, message: { type: 'direct', n: int('18446744073709551615') } })
    expect(await here.receive(mine)).toEqual({ type: 'direct', n: 2n ** 64n - 1n })
  })
})
