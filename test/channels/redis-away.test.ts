/** What happens when Redis is away, hangs, refuses, or comes back empty. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, onTestFinished, vi } from 'vitest'
import type { Logger } from '../../src/logging/logger.ts'

import type { ChannelLayer } from '../../src/channels/layer.ts'
import {
  type RedisChannelLayer,
  redisChannels,
  type RedisChannelsOptions,
} from '../../src/channels/redis/queues/open.ts'
import { redisPubSubChannels } from '../../src/channels/redis/pubsub/open.ts'
import { openClient, type RedisClient } from '../../src/redis/open-client.ts'
import { hostSettings } from '../../src/redis/hosts.ts'
import { RedisServer } from '../support/redis.ts'
import { describeWith } from '../support/services.ts'

describeWith(['redis'], 'when Redis', ({ redis }) => {
  let server: RedisServer
  let admin: RedisClient
  const layers: ChannelLayer[] = []

  beforeAll(async () => {
    server = await RedisServer.start(redis)
  })

  beforeEach(async () => {
    admin = await connectTo(server)
  })

  afterEach(async () => {
    server.resume()
    await Promise.all(layers.splice(0).map((layer) => layer.close()))
    admin.end()
    await server.kill()
    await server.run()
  })

  afterAll(() => server.stop())

  function layer(options: RedisChannelsOptions = {}): RedisChannelLayer {
    const made = redisChannels({ url: server.url, timeout: 2, ...options })
    layers.push(made)
    return made
  }

  /** Redis is down and will be; the layer knows. */
  async function crash(of: RedisChannelLayer): Promise<void> {
    await server.kill()
    await of.send('noticed', { type: 'test' }).catch(() => undefined)
  }

  it('is not there, sends reject with a clear error, and close does not wait', async () => {
    await server.kill()
    const lines: string[] = []
    const logger: Logger = { ...noLogger, warn: (_, text) => lines.push(text) }
    const here = layer({ timeout: 2, logger })
    const channel = here.newChannel()
    for (const call of [
      () => here.send('work', { type: 'test' }),
      () => here.groupSend('group', { type: 'test' }),
      () => here.groupAdd('group', channel),
      () => here.flush(),
    ]) {
      const error = await call().catch((reason: unknown) => reason)
      expect(error).toMatchObject({ code: 'channel_layer_unavailable' })
      expect(error).toMatchObject({
        code: 'channel_layer_unavailable',
        uncertain: false,
        message: `Redis at 127.0.0.1:${server.port} is away; nothing was done`,
        cause: { code: 'ECONNREFUSED' },
      })
    }
    // What needs no Redis goes on.
    await here.send(channel, { type: 'own' })
    expect(await here.receive(channel)).toEqual({ type: 'own' })
    expect(here.usage()).toMatchObject({ groups: 0, memberships: 0 })
    expect(lines).toContain('redis is away; trying again')
    const waiting = here.receive('work')
    const ended = waiting.catch((error: unknown) => error)
    await here.close()
    expect(await ended).toMatchObject({ code: 'channel_layer_closed' })
  })

  it('is away on one host of two, a flush says that it may have taken effect', async () => {
    const other = await RedisServer.start(redis)
    onTestFinished(() => other.stop())
    const here = redisChannels({ hosts: [server.url, other.url], timeout: 2 })
    layers.push(here)
    await here.flush()
    await server.kill()
    expect(await here.check?.()).toBe(false)
    const partly = await here.flush().catch((reason: unknown) => reason)
    expect(partly).toMatchObject({ code: 'channel_layer_unavailable' })
    expect(partly).toMatchObject({
      uncertain: true,
      message: 'Redis carried out only a part of the call; the call may have taken effect',
      cause: { uncertain: false },
    })
    await other.kill()
    expect(await here.check?.()).toBe(false)
    const nothing = await here.flush().catch((reason: unknown) => reason)
    expect(nothing).toMatchObject({ uncertain: false })
  })

  it.each([
    ['redisChannels', redisChannels],
    ['redisPubSubChannels', redisPubSubChannels],
  ])('is not there, a check of %s says so, and is there again', async (_name, make) => {
    const here = make({ url: server.url, timeout: 2 })
    layers.push(here)
    expect(await here.check?.()).toBe(true)
    await server.kill()
    expect(await here.check?.()).toBe(false)
    expect(await here.check?.(AbortSignal.abort())).toBe(false)
    await server.run()
    await vi.waitFor(async () => expect(await here.check?.()).toBe(true), { timeout: 30_000 })
  })

  it('is loading its data, calls wait or say so, and what was sent is kept', async () => {
    // Slow enough to be met while it loads: a tenth of a second for each of 40 keys.
    const slow = ['--key-load-delay', '100000', '--loading-process-events-interval-bytes', '1024']
    const loading = await RedisServer.start(redis, {
      arguments: [...slow, '--enable-debug-command', 'yes'],
    })
    onTestFinished(() => loading.stop())
    const clients = await Promise.all([connectTo(loading), connectTo(loading)])
    onTestFinished(() => clients.forEach((client) => client.end()))
    const [first, second] = clients
    for (let key = 0; key < 40; key++) await first.send(['SET', `key${key}`, 'x'.repeat(2000)])
    const here = layer({ url: loading.url, timeout: 30 })
    await here.send('work', { type: 'before' })
    const loaded = first.send(['DEBUG', 'RELOAD'])
    await vi.waitFor(
      async () => expect(String(await second.send(['PING']).catch(String))).toMatch(/LOADING/),
      {
        timeout: 10_000,
      },
    )
    expect(await here.check?.()).toBe(false)
    const kept = ['before']
    for (const type of ['one', 'two', 'three']) {
      const error: unknown = await here.send('work', { type }).then(
        () => undefined,
        (reason: unknown) => reason,
      )
      if (error === undefined) kept.push(type)
      else expect(error).toMatchObject({ code: 'channel_layer_unavailable', uncertain: false })
    }
    // The first of them may have met the refusal; those after it waited.
    expect(kept.length).toBeGreaterThan(2)
    await loaded
    for (const type of kept) expect(await here.receive('work')).toEqual({ type })
    expect(await here.check?.()).toBe(true)
  })

  it('crashes, receivers wait and go on, groups and all', async () => {
    const [here, there] = [layer({ timeout: 20 }), layer({ timeout: 20 })]
    const channel = there.newChannel()
    await there.groupAdd('group', channel)
    await here.groupSend('group', { type: 'before' })
    expect(await there.receive(channel)).toEqual({ type: 'before' })
    const specific = there.receive(channel)
    const named = there.receive('work')

    await crash(layer({ timeout: 0.1 }))
    // It waits for Redis to be back, and is then sent in this order.
    const sending = [1, 2, 3].map((n) => here.send('work', { type: 'test', n }))
    await server.run()
    await Promise.all(sending)
    expect(await named).toEqual({ type: 'test', n: 1 })
    expect(await there.receive('work')).toEqual({ type: 'test', n: 2 })
    expect(await there.receive('work')).toEqual({ type: 'test', n: 3 })

    // Redis forgot the group; the process that is in it says so again as soon as it is back.
    let sent = 0
    while (sent === 0) ({ sent } = await here.groupSend('group', { type: 'after' }))
    expect(await specific).toEqual({ type: 'after' })
  })

  it('hangs, what was sent rejects as uncertain, and the layer recovers', async () => {
    const here = layer({ timeout: 0.3 })
    await here.send('work', { type: 'first' })
    server.pause()
    const hanging = await here.send('work', { type: 'hanging' }).catch((error: unknown) => error)
    expect(hanging).toMatchObject({ code: 'channel_layer_unavailable', uncertain: true })
    expect(String(hanging)).toContain('the call may have taken effect')
    const away = await here.send('work', { type: 'away' }).catch((error: unknown) => error)
    expect(away).toMatchObject({ code: 'channel_layer_unavailable', uncertain: false })
    server.resume()
    const patient = layer({ timeout: 20 })
    await patient.send('work', { type: 'last' })
    const types: string[] = []
    while (types.at(-1) !== 'last') types.push((await here.receive('work')).type)
    // The one whose outcome was unknown may be among them, once; the one that was refused is not.
    expect(types.filter((type) => type !== 'hanging')).toEqual(['first', 'last'])
  })

  it('hangs, close still ends', async () => {
    const here = layer()
    const channel = here.newChannel()
    await here.groupAdd('group', channel)
    const waiting = here.receive('work').catch((error: unknown) => error)
    await here.send('other', { type: 'test' })
    server.pause()
    await here.close()
    expect(await waiting).toMatchObject({ code: 'channel_layer_closed' })
  })

  it('refuses, the error says what it said, and the layer goes on afterwards', async () => {
    const here = layer()
    await here.send('work', { type: 'first' })
    await admin.send(['CONFIG', 'SET', 'maxmemory', '1'])
    const error = await here
      .send('work', { type: 'second', secret: 'xyzzy' })
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'channel_layer_unavailable', uncertain: false })
    expect(String(error)).toMatch(/refused: .*OOM/)
    expect(String(error)).not.toContain('xyzzy')
    await admin.send(['CONFIG', 'SET', 'maxmemory', '0'])
    await here.send('work', { type: 'third' })
    expect(await here.receive('work')).toEqual({ type: 'first' })
    expect(await here.receive('work')).toEqual({ type: 'third' })
  })

  it('forgets its scripts, nothing is noticed', async () => {
    const here = layer()
    await here.send('work', { type: 'first' })
    await admin.send(['SCRIPT', 'FLUSH'])
    await here.send('work', { type: 'second' })
    expect(await here.receive('work')).toEqual({ type: 'first' })
    expect(await here.receive('work')).toEqual({ type: 'second' })
  })

  it('loses its data, processes come back to their groups by themselves', async () => {
    const [here, there] = [layer(), layer()]
    const channel = there.newChannel()
    await there.groupAdd('group', channel)
    await admin.send(['FLUSHALL'])
    // At the next call about a group; the others within seconds, at the next sign of life.
    const other = layer()
    const otherChannel = other.newChannel()
    await other.groupAdd('one', otherChannel)
    await other.groupAdd('two', otherChannel)
    await admin.send(['FLUSHALL'])
    await other.groupAdd('one', otherChannel)
    let again = 0
    while (again === 0) again = (await here.groupSend('two', { type: 'test' })).sent
    expect(await other.receive(otherChannel)).toEqual({ type: 'test' })
    expect(await here.groupSend('group', { type: 'lost' })).toEqual({ sent: 0, dropped: 0 })
    let sent = 0
    while (sent === 0) ({ sent } = await here.groupSend('group', { type: 'test' }))
    expect(await there.receive(channel)).toEqual({ type: 'test' })
  }, 20_000)

  it('cuts every connection again and again, messages keep their order', async () => {
    const [here, there] = [layer({ timeout: 20 }), layer({ timeout: 20 })]
    const channel = there.newChannel()
    const received: number[] = []
    const receiving = (async (): Promise<void> => {
      for (;;) {
        const { type, n } = await there.receive(channel)
        if (type === 'end') return
        received.push(n as number)
      }
    })()
    for (let n = 0; n < 300; n++) {
      if (n % 100 === 50) await admin.send(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'])
      await here.send(channel, { type: 'test', n }).catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'channel_layer_unavailable' })
      })
    }
    // Sent until one arrives: a batch that was on its way when the connection was cut is lost.
    while (
      (await Promise.race([receiving.then(() => 'done'), here.send(channel, { type: 'end' })])) !== 'done'
    ) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(received).toEqual(received.toSorted((a, b) => a - b))
    expect(new Set(received).size).toBe(received.length)
    expect(received.length).toBeGreaterThan(150)
  })
})

const noLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }

async function connectTo(server: RedisServer): Promise<RedisClient> {
  const [host] = hostSettings(server.url)
  if (!host) throw new Error('no host')
  return openClient(host, {
    timeoutMs: 5000,
    signal: new AbortController().signal,
    onLost: () => undefined,
  })
}
