/** A Redis whose memory is full: it refuses what is new, or it deletes what is there. */
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import type { ChannelMessage } from '../../src/channels/layer.ts'
import { type RedisChannelLayer, redisChannels } from '../../src/channels/redis/queues/open.ts'
import { hostSettings } from '../../src/redis/hosts.ts'
import { openClient, type RedisClient } from '../../src/redis/open-client.ts'
import { type CollectingLogger, collectingLogger } from '../support/logger.ts'
import { RedisServer } from '../support/redis.ts'
import { describeWith } from '../support/services.ts'

const LOST = {
  level: 'warn',
  message: 'groups of this process were missing in Redis (evicted or deleted?) and have been joined again',
  fields: { groups: 1 },
}

describeWith(['redis'], 'a Redis', ({ redis }) => {
  let server: RedisServer
  let admin: RedisClient
  const layers: RedisChannelLayer[] = []

  beforeAll(async () => {
    server = await RedisServer.start(redis)
    const [host] = hostSettings(server.url)
    if (!host) throw new Error('no host')
    const { signal } = new AbortController()
    admin = await openClient(host, { timeoutMs: 5000, signal, onLost: () => undefined })
  })

  afterEach(async () => {
    await admin.send(['CONFIG', 'SET', 'maxmemory', '0', 'maxmemory-policy', 'noeviction'])
    await Promise.all(layers.splice(0).map((layer) => layer.close()))
  })

  afterAll(async () => {
    admin.end()
    await server.stop()
  })

  function layer(prefix: string, logger: CollectingLogger = collectingLogger()): RedisChannelLayer {
    const made = redisChannels({ url: server.url, prefix, logger })
    layers.push(made)
    return made
  }

  it('that refuses a group send leaves nobody with it: a second attempt reaches each member once', async () => {
    const prefix = `test-${randomUUID()}.`
    const [here, there] = [layer(prefix), layer(prefix)]
    const members = [
      { at: here, channel: here.newChannel() },
      { at: there, channel: there.newChannel() },
    ]
    for (const { at, channel } of members) await at.groupAdd('room', channel)
    await admin.send(['CONFIG', 'SET', 'maxmemory', '1'])
    const refused = await here.groupSend('room', { type: 'test' }).catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'channel_layer_unavailable', uncertain: false })
    await admin.send(['CONFIG', 'SET', 'maxmemory', '0'])
    await here.groupSend('room', { type: 'test' })
    for (const { at, channel } of members) {
      await at.send(channel, { type: 'after' })
      const got: ChannelMessage[] = [await at.receive(channel), await at.receive(channel)]
      expect(got.map(({ type }) => type).toSorted()).toEqual(['after', 'test'])
    }
  })

  it('that refuses what is new still renews what is there', async () => {
    const here = layer(`test-${randomUUID()}.`)
    const channel = here.newChannel()
    await here.groupAdd('room', channel)
    await admin.send(['CONFIG', 'SET', 'maxmemory', '1'])
    expect(await here.groupRenew('room', channel)).toBe(true)
  })

  it('that deletes what should be kept is warned of when the layer connects', async () => {
    await admin.send(['CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru'])
    const logger = collectingLogger()
    const here = layer(`test-${randomUUID()}.`, logger)
    await here.groupAdd('room', here.newChannel())
    expect(logger.entries).toContainEqual({
      level: 'warn',
      message:
        'Redis deletes groups and waiting messages when its memory is full (maxmemory-policy allkeys-lru): set noeviction',
      fields: { redis: `127.0.0.1:${server.port}` },
    })
    // Once, and not where nothing is wrong.
    await admin.send(['CONFIG', 'SET', 'maxmemory-policy', 'noeviction'])
    const quiet = collectingLogger()
    await layer(`test-${randomUUID()}.`, quiet).groupAdd('room', here.newChannel())
    expect(quiet.entries).toEqual([])
  })

  it('that lost the key of a group has it back within seconds, and it is said', async () => {
    const prefix = `test-${randomUUID()}.`
    const logger = collectingLogger()
    const [here, there] = [layer(prefix, logger), layer(prefix)]
    const channel = here.newChannel()
    await here.groupAdd('room', channel)
    await there.groupAdd('other', there.newChannel())
    await admin.send(['DEL', `${prefix}:group:room`])
    await vi.waitFor(async () => expect(await admin.send(['EXISTS', `${prefix}:group:room`])).toBe(1), {
      timeout: 30_000,
      interval: 50,
    })
    await there.groupSend('room', { type: 'test' })
    expect(await here.receive(channel)).toEqual({ type: 'test' })
    await vi.waitFor(() => expect(logger.entries).toContainEqual(LOST))
  })

  it('that lost the key of a group loses nothing of what its own process sends to it', async () => {
    const prefix = `test-${randomUUID()}.`
    const logger = collectingLogger()
    const [here, there] = [layer(prefix, logger), layer(prefix)]
    const channel = here.newChannel()
    await here.groupAdd('room', channel)
    await admin.send(['DEL', `${prefix}:group:room`])
    expect(await here.groupSend('room', { type: 'one' })).toEqual({ sent: 1, dropped: 0 })
    await here.groupSend('room', { type: 'two' })
    await there.groupSend('room', { type: 'three' })
    for (const type of ['one', 'two', 'three']) expect(await here.receive(channel)).toEqual({ type })
    expect(logger.entries).toContainEqual(LOST)
  })

  it.each(['DEL', 'FLUSHALL'])(
    'that lost it by %s is found out by a renewal, and it is said',
    async (how) => {
      const prefix = `test-${randomUUID()}.`
      const logger = collectingLogger()
      const here = layer(prefix, logger)
      const channel = here.newChannel()
      await here.groupAdd('room', channel)
      await admin.send(how === 'DEL' ? ['DEL', `${prefix}:group:room`] : ['FLUSHALL'])
      expect(await here.groupRenew('room', channel)).toBe(true)
      expect(logger.entries).toContainEqual(LOST)
    },
  )
})
