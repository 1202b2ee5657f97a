/** The Redis store, put to the test of the suite. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Reply } from '../../src/redis/open-client.ts'
import { streamStoreCases } from '../../src/testing/stream-store-cases.ts'
import { RedisServer } from '../support/redis.ts'
import { describeWith } from '../support/services.ts'
import { redisStreams } from '../../src/streams/redis.ts'
import { newPrefix, redisHarness } from './harnesses.ts'
import { itDoesAsTheModelDoes } from './model-properties.ts'
import { connectTo } from './redis-tools.ts'

describeWith(['redis'], 'streams on Redis', ({ redis }) => {
  let server: RedisServer

  beforeAll(async () => {
    server = await RedisServer.start(redis)
  })

  afterAll(() => server.stop())

  describe('the cases of every stream store', () => {
    for (const storeCase of streamStoreCases) {
      it(`${storeCase.rules.join(', ')}: ${storeCase.name}`, async () => {
        await storeCase.run(redisHarness({ url: server.url }))
      })
    }
  })

  itDoesAsTheModelDoes((clock) => redisStreams({ url: server.url, prefix: newPrefix(), clock, settle: 0 }))

  it('lets no clock of Redis remove a stream: only a sweep does', async () => {
    const prefix = newPrefix()
    const store = redisStreams({ url: server.url, prefix })
    const admin = await connectTo(server)
    await store.create('ends', { ttlMs: 60_000 })
    await store.append('ends', { records: ['1'] })
    await store.touch('ends')
    const left = await Promise.all(
      ['state', 'log'].map((part) => admin.send(['PTTL', `${prefix}:stream:{ends}:${part}`])),
    )
    expect(left).toEqual([-1, -1])
    await store.close()
    admin.end()
  })

  it('listens to a stream while somebody watches it, and no longer', async () => {
    const prefix = newPrefix()
    const store = redisStreams({ url: server.url, prefix })
    const admin = await connectTo(server)
    const listenedTo = async (count: number): Promise<void> => {
      const pattern = `${prefix}:*`
      for (;;) {
        const channels = await admin.send(['PUBSUB', 'SHARDCHANNELS', pattern])
        if ((channels as Reply[]).length === count) return
      }
    }
    for (const id of ['stopped', 'twice', 'deleted']) await store.create(id)
    const watches = []
    for (const id of ['stopped', 'twice', 'twice', 'deleted', 'deleted']) {
      const watch = await store.watch(id, () => undefined)
      if (watch.outcome === 'watching') watches.push(watch)
    }
    await listenedTo(3)
    watches[0]?.stop()
    watches[1]?.stop()
    watches[1]?.stop()
    await listenedTo(2)
    await store.delete('deleted')
    await listenedTo(1)
    // Who was told that it is gone may stop all the same, and end nobody else's watch.
    await store.create('deleted')
    await store.watch('deleted', () => undefined)
    for (const watch of watches.slice(3)) watch.stop()
    watches[2]?.stop()
    await listenedTo(1)
    expect((await store.watch('missing', () => undefined)).outcome).toBe('missing')
    await listenedTo(1)
    await store.close()
    await listenedTo(0)
    admin.end()
  })
})
