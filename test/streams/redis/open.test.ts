/** The Redis store, put to the test of the suite. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Reply } from '../../../src/redis/open-client.ts'
import { streamStoreCases } from '../../../src/conformance/stream-store-cases.ts'
import { RedisServer } from '../../support/redis.ts'
import { describeWith } from '../../support/services.ts'
import { redis } from '../../../src/streams/redis/open.ts'
import type { AppendResult, StreamStore } from '../../../src/streams/store.ts'
import { newPrefix, redisHarness } from '../harnesses.ts'
import { itDoesAsTheModelDoes } from '../model-properties.ts'
import { connectTo } from '../redis-tools.ts'

describeWith(['redis'], 'streams on Redis', ({ redis: program }) => {
  let server: RedisServer

  beforeAll(async () => {
    server = await RedisServer.start(program)
  })

  afterAll(() => server.stop())

  describe('the cases of every stream store', () => {
    for (const storeCase of streamStoreCases) {
      it(`${storeCase.rules.join(', ')}: ${storeCase.name}`, async () => {
        await storeCase.run(redisHarness({ url: server.url }))
      })
    }
  })

  itDoesAsTheModelDoes((clock) => redis({ url: server.url, prefix: newPrefix(), clock, settle: 0 }))

  it('lets no clock of Redis remove a stream: only a sweep does', async () => {
    const prefix = newPrefix()
    const store = redis({ url: server.url, prefix })
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

  it('forgets producers first of which it is not known where they appended', async () => {
    const prefix = newPrefix()
    const store = redis({ url: server.url, prefix, limits: { producers: 8 } })
    const admin = await connectTo(server)
    await store.create('s')
    const old = Array.from({ length: 20 }, (_, n) => [`p:old${n}`, '0 4'])
    await admin.send(['HSET', `${prefix}:stream:{s}:state`, ...old.flat()])
    const send = (id: string, seq: number): Promise<AppendResult> =>
      store.append('s', { records: ['1'], producer: { id, epoch: 0, seq } })
    expect((await send('old7', 5)).outcome).toBe('appended')
    expect((await send('new', 0)).outcome).toBe('appended')
    const fields = (await admin.send(['HKEYS', `${prefix}:stream:{s}:state`])) as Reply[]
    const known = fields.map(String).filter((field) => field.startsWith('p:'))
    expect(known).toHaveLength(8)
    expect(known).toEqual(expect.arrayContaining(['p:old7', 'p:new']))
    await store.close()
    admin.end()
  })

  it.each(['by hand', 'by its age'])(
    'removes in a sweep what was trimmed %s, when the process that was to do so is gone',
    async (how) => {
      const prefix = newPrefix()
      let now = 1_000_000
      const open = (): StreamStore => redis({ url: server.url, prefix, settle: 0, clock: () => now })
      const admin = await connectTo(server)
      const one = open()
      const retention = how === 'by hand' ? {} : { age: 1 }
      await one.create('s', { retention })
      const records = Array.from({ length: 1000 }, () => '7')
      for (let n = 0; n < 4; n++) await one.append('s', { records })
      now += 10_000
      await one.append('s', { records })
      if (how === 'by hand') await one.trim('s', { last: 1 })
      else await one.sweep()
      // In the middle of it.
      await one.close()
      const left = (): Promise<Reply> => admin.send(['XLEN', `${prefix}:stream:{s}:log`])
      expect(await left()).toBeGreaterThan(1000)
      const two = open()
      const kept = how === 'by hand' ? 1 : 1000
      await two.sweep()
      while ((await left()) !== kept);
      // Nothing is left to be looked at but what comes of age.
      await two.sweep()
      const due = await admin.send(['ZSCORE', `${prefix}:{lists}:ends`, 's'])
      expect(how === 'by hand' ? due : Number(String(due)) > now).toBe(how === 'by hand' ? null : true)
      await two.close()
      admin.end()
    },
  )

  it('listens to a stream while somebody watches it, and no longer', async () => {
    const prefix = newPrefix()
    const store = redis({ url: server.url, prefix })
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
