/** TypeScript and Python, each with its own stock code, on one Redis. */
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { ChannelMessage } from '../../src/channels/layer.ts'
import {
  type RedisChannelLayer,
  redisChannels,
  type RedisChannelsOptions,
} from '../../src/channels/redis/queues/open.ts'
import { RedisServer } from '../support/redis.ts'
import { describeWith } from '../support/services.ts'
import { MANY } from './many.ts'
import { bytes, float, int, map, PythonPeer } from './python-peer.ts'

/** Seconds for that many: less than the test has. */
const MANY_SECONDS = 100

describeWith(['channels', 'redis'], 'with channels_redis', (paths) => {
  let server: RedisServer
  const ends: (() => Promise<void>)[] = []

  beforeAll(async () => {
    server = await RedisServer.start(paths.redis)
  })

  afterAll(() => server.stop())

  afterEach(async () => {
    await Promise.all(ends.splice(0).map((end) => end()))
  })

  describe.each([
    { title: 'in the clear', keys: undefined, pythonKeys: undefined },
    { title: 'encrypted', keys: ['secret'], pythonKeys: ['secret'] },
    { title: 'while keys are rotated', keys: ['new', 'old'], pythonKeys: ['old', 'new'] },
  ])('$title', ({ keys, pythonKeys }) => {
    function pair(options: RedisChannelsOptions = {}): { here: RedisChannelLayer; python: PythonPeer } {
      const prefix = `test-${randomUUID()}.`
      const here = redisChannels({ url: server.url, prefix, encryptionKeys: keys, ...options })
      const python = new PythonPeer(paths.channels, {
        hosts: [server.url],
        prefix,
        capacity: options.capacity ?? 100,
        ...(pythonKeys && { symmetric_encryption_keys: pythonKeys }),
      })
      ends.push(
        () => here.close(),
        () => python.end(),
      )
      return { here, python }
    }

    it('a Python group_send reaches every TypeScript consumer of the group', async () => {
      const { here, python } = pair()
      const channels = Array.from({ length: 20 }, () => here.newChannel())
      for (const channel of channels) await here.groupAdd('chat', channel)
      await python.call('group_send', { group: 'chat', message: { type: 'chat.message', text: 'hé 😀' } })
      for (const channel of channels) {
        expect(await here.receive(channel)).toEqual({ type: 'chat.message', text: 'hé 😀' })
      }
      await here.groupDiscard('chat', channels[0] as string)
      await python.call('group_send', { group: 'chat', message: { type: 'second' } })
      await python.call('send', { channel: channels[0], message: { type: 'direct' } })
      expect(await here.receive(channels[0] as string)).toEqual({ type: 'direct' })
      expect(await here.receive(channels[1] as string)).toEqual({ type: 'second' })
    })

    it('a TypeScript groupSend reaches every Python consumer of the group', async () => {
      const { here, python } = pair()
      const channels: string[] = []
      for (let i = 0; i < 5; i++) {
        const channel = await python.call<string>('new_channel')
        await python.call('group_add', { group: 'chat', channel })
        channels.push(channel)
      }
      const own = here.newChannel()
      await here.groupAdd('chat', own)
      expect(await here.groupSend('chat', { type: 'chat.message', text: 'hé 😀' })).toEqual({
        sent: 2,
        dropped: 0,
      })
      for (const channel of channels) {
        expect(await python.call('receive', { channel })).toEqual({ type: 'chat.message', text: 'hé 😀' })
      }
      expect(await here.receive(own)).toEqual({ type: 'chat.message', text: 'hé 😀' })
    })

    it('each may add and discard the channels of the other', async () => {
      const { here, python } = pair()
      const mine = here.newChannel()
      const theirs = await python.call<string>('new_channel')
      await python.call('group_add', { group: 'chat', channel: mine })
      await here.groupAdd('chat', theirs)
      expect(await here.groupSend('chat', { type: 'one' })).toEqual({ sent: 2, dropped: 0 })
      expect(await here.receive(mine)).toEqual({ type: 'one' })
      expect(await python.call('receive', { channel: theirs })).toEqual({ type: 'one' })
      await python.call('group_discard', { group: 'chat', channel: mine })
      await here.groupDiscard('chat', theirs)
      expect(await here.groupSend('chat', { type: 'two' })).toEqual({ sent: 0, dropped: 0 })
    })

    it('direct sends go both ways, and so do messages of named channels', async () => {
      const { here, python } = pair()
      const mine = here.newChannel()
      const theirs = await python.call<string>('new_channel', { prefix: 'their' })
      await python.call('send', { channel: mine, message: { type: 'hello' } })
      expect(await here.receive(mine)).toEqual({ type: 'hello' })
      await here.send(theirs, { type: 'hello' })
      expect(await python.call('receive', { channel: theirs })).toEqual({ type: 'hello' })

      await python.call('send', { channel: 'work', message: { type: 'job', n: 1 } })
      const waiting = here.receive('mail')
      await python.call('send', { channel: 'mail', message: { type: 'letter' } })
      expect(await here.receive('work')).toEqual({ type: 'job', n: 1 })
      expect(await waiting).toEqual({ type: 'letter' })
      await here.send('work', { type: 'job' })
      expect(await python.call('receive', { channel: 'work' })).toEqual({ type: 'job' })
    })

    it('what TypeScript sends has the right types in Python', async () => {
      const { here, python } = pair()
      const message: ChannelMessage = {
        type: 'test',
        nothing: null,
        yes: true,
        integers: [0, -1, 255, 2 ** 31, 2 ** 32, 2 ** 32 + 1, -(2 ** 33), Number.MAX_SAFE_INTEGER],
        big: [2n ** 53n, 2n ** 63n, 2n ** 64n - 1n, -(2n ** 63n)],
        floats: [0.5, -1e300, Number.POSITIVE_INFINITY],
        bytes: new Uint8Array([0, 128, 255]),
        text: ['', 'a\u0000b', '😀', 'half \ud83d'],
        nested: [[[{ a: [1, [2]] }]]],
        absent: undefined,
        wide: Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`k${n}`, n])),
      }
      const channel = await python.call<string>('new_channel')
      await here.send(channel, message)
      await python.call('group_add', { group: 'chat', channel })
      await here.groupSend('chat', message)
      const expected = {
        type: 'test',
        nothing: null,
        yes: true,
        integers: [
          '0',
          '-1',
          '255',
          '2147483648',
          '4294967296',
          '4294967297',
          '-8589934592',
          '9007199254740991',
        ].map(int),
        big: ['9007199254740992', '9223372036854775808', '18446744073709551615', '-9223372036854775808'].map(
          int,
        ),
        floats: ['0.5', '-1e+300', 'inf'].map(float),
        bytes: bytes(new Uint8Array([0, 128, 255])),
        text: ['', 'a\u0000b', '😀', 'half \ufffd'],
        nested: [[[{ a: [int('1'), [int('2')]] }]]],
        wide: Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`k${n}`, int(String(n))])),
      }
      expect(await python.call('receive', { channel })).toEqual(expected)
      expect(await python.call('receive', { channel })).toEqual(expected)
    })

    it('whatever Python sends is read, and what cannot be is counted', async () => {
      const { here, python } = pair()
      const channel = here.newChannel()
      const message = {
        type: 'test',
        nothing: null,
        integers: [
          '0',
          '-1',
          '4294967296',
          '9007199254740991',
          '9007199254740992',
          '18446744073709551615',
        ].map(int),
        floats: [float('1.0'), float('0.1'), float('inf')],
        bytes: bytes(new Uint8Array([0, 128, 255])),
        text: '😀',
        nested: [[[[], {}, { a: [null, true] }]]],
        keys: map(
          [int('7'), 'seven'],
          [null, 'none'],
          [true, 'yes'],
          [float('1.5'), 'float'],
          [bytes(Buffer.from('b')), 'b'],
        ),
      }
      await python.call('send', { channel, message })
      await python.call('send', { channel, message: { no: 'type' } })
      await python.call('send', { channel, message: { type: 'after' } })
      expect(await here.receive(channel)).toEqual({
        type: 'test',
        nothing: null,
        integers: [0, -1, 2 ** 32, Number.MAX_SAFE_INTEGER, 2n ** 53n, 2n ** 64n - 1n],
        floats: [1, 0.1, Number.POSITIVE_INFINITY],
        bytes: new Uint8Array([0, 128, 255]),
        text: '😀',
        nested: [[[[], {}, { a: [null, true] }]]],
        keys: { 7: 'seven', null: 'none', true: 'yes', '1.5': 'float', b: 'b' },
      })
      expect(await here.receive(channel)).toEqual({ type: 'after' })
      expect(here.usage().unreadable).toBe(1)
    })

    it(`${MANY} messages arrive in order, both ways`, { timeout: 120_000 }, async () => {
      const { here, python } = pair({ capacity: MANY })
      const numbers = Array.from({ length: MANY }, (_, n) => n)
      const mine = here.newChannel()
      const theirs = await python.call<string>('new_channel')

      const receiving = python.call<number[]>(
        'receive_numbers',
        { channel: theirs, count: MANY },
        MANY_SECONDS,
      )
      await Promise.all(numbers.map((n) => here.send(theirs, { type: 'test', n })))
      expect(await receiving).toEqual(numbers)

      const sending = python.call('send_numbers', { channel: mine, count: MANY }, MANY_SECONDS)
      const received: unknown[] = []
      while (received.length < MANY) received.push((await here.receive(mine))['n'])
      await sending
      expect(received).toEqual(numbers)
    })
  })

  it('a message that Python encrypted with another key is counted, and the next one is read', async () => {
    const prefix = `test-${randomUUID()}.`
    const [here, other] = [['secret'], ['other']].map((encryptionKeys) =>
      redisChannels({ url: server.url, prefix, encryptionKeys }),
    ) as [RedisChannelLayer, RedisChannelLayer]
    const settings = { hosts: [server.url], prefix, symmetric_encryption_keys: ['secret'] }
    const python = new PythonPeer(paths.channels, settings)
    ends.push(
      () => here.close(),
      () => other.close(),
      () => python.end(),
    )
    const [mine, theirs] = [here.newChannel(), other.newChannel()]
    await python.call('send', { channel: theirs, message: { type: 'unreadable' } })
    await python.call('send', { channel: mine, message: { type: 'readable' } })
    expect(await here.receive(mine)).toEqual({ type: 'readable' })
    await here.send(theirs, { type: 'unreadable' })
    await other.send(theirs, { type: 'own' })
    expect(await other.receive(theirs)).toEqual({ type: 'own' })
    await python.until('both messages have come', async () => other.usage().unreadable === 2)
    expect(other.usage()).toMatchObject({ unreadable: 2, messages: 0 })
  })
})
