/** The Redis store on a Cluster. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { slotOf } from '../../src/streams/redis/servers/slots.ts'
import { redis } from '../../src/streams/redis/open.ts'
import type { StreamStore } from '../../src/streams/store.ts'
import type { StreamRecord } from '../../src/streams/stream.ts'
import { streamStoreCases } from '../../src/conformance/stream-store-cases.ts'
import type { RedisServer } from '../support/redis.ts'
import { RedisCluster } from '../support/redis-cluster.ts'
import { describeWith } from '../support/services.ts'
import { newPrefix, redisHarness } from './harnesses.ts'

describeWith(['redis'], 'streams on a Redis Cluster', ({ redis: program }) => {
  let cluster: RedisCluster

  beforeAll(async () => {
    cluster = await RedisCluster.start(program)
  }, 30_000)

  afterAll(() => cluster.stop())

  describe('the cases of every stream store', () => {
    for (const storeCase of streamStoreCases) {
      it(`${storeCase.rules.join(', ')}: ${storeCase.name}`, async () => {
        await storeCase.run(redisHarness({ cluster: cluster.urls }))
      })
    }
  })

  it('computes slots as Redis does', async () => {
    const [server] = cluster.servers
    for (const key of ['a', 'foo{bar}baz', '{}x', 'x{}y', '{{a}}', 'millrace:{lists}:ids', 'é{ü}']) {
      expect(await cluster.ask(server as RedisServer, 'CLUSTER', 'KEYSLOT', key)).toBe(slotOf(key))
    }
  })

  it('tells what is appended after the slot of a stream has moved', async () => {
    const prefix = newPrefix()
    const [one, two] = [0, 1].map((n) => redis({ cluster: cluster.urls.slice(n, n + 1), prefix })) as [
      StreamStore,
      StreamStore,
    ]
    try {
      await one.create('moving', { records: ['1'] })
      const told: StreamRecord[] = []
      let arrival = Promise.withResolvers<void>()
      await one.watch('moving', (event) => {
        if (event.type === 'append') told.push(...event.records)
        arrival.resolve()
        arrival = Promise.withResolvers()
      })
      await two.append('moving', { records: ['2'] })
      await cluster.move(slotOf('{moving}'))
      await two.append('moving', { records: ['3'] })
      while (told.length < 2) await arrival.promise
      await one.append('moving', { records: ['4'] })
      expect(told).toEqual(['2', '3', '4'])
      expect(await one.read('moving', 'start')).toMatchObject({ records: ['1', '2', '3', '4'] })
    } finally {
      await Promise.all([one.close(), two.close()])
    }
  })

  it('goes on while the slot of a stream is on its way', async () => {
    const id = 'on-its-way'
    const prefix = newPrefix()
    const [one, two] = [0, 1].map(() => redis({ cluster: cluster.urls, prefix, timeout: 2 })) as [
      StreamStore,
      StreamStore,
    ]
    try {
      await one.create(id, { records: ['1'] })
      const told: StreamRecord[] = []
      let arrival = Promise.withResolvers<void>()
      await one.watch(id, (event) => {
        if (event.type === 'append') told.push(...event.records)
        arrival.resolve()
        arrival = Promise.withResolvers()
      })
      const append = async (record: string): Promise<void> => {
        expect((await two.append(id, { records: [record] })).outcome).toBe('appended')
      }
      await cluster.move(slotOf(`{${id}}`), {
        begun: () => append('2'),
        moved: () => append('3'),
      })
      await append('4')
      while (told.length < 3) await arrival.promise
      expect(told).toEqual(['2', '3', '4'])
      expect(await one.read(id, 'start')).toMatchObject({ records: ['1', '2', '3', '4'] })
    } finally {
      await Promise.all([one.close(), two.close()])
    }
  })

  it('is not ready without one of its servers, and what the others have can be read', async () => {
    const [first, , third] = cluster.servers as [RedisServer, RedisServer, RedisServer]
    for (const server of cluster.servers) {
      await cluster.ask(server, 'CONFIG', 'SET', 'cluster-require-full-coverage', 'no')
    }
    const store = redis({ cluster: [first.url], prefix: newPrefix(), timeout: 1 })
    try {
      const owners = await cluster.owners()
      const at = (server: RedisServer): string => {
        for (let n = 0; ; n++) if (owners(slotOf(`{s${n}}`)) === server.port) return `s${n}`
      }
      const [here, there] = [at(first), at(third)]
      for (const id of [here, there]) await store.create(id, { records: ['1'] })
      expect(await store.check?.()).toBe(true)
      third.pause()
      expect(await store.check?.()).toBe(false)
      await expect(store.read(there, 'start')).rejects.toMatchObject({ code: 'unavailable' })
      expect(await store.read(here, 'start')).toMatchObject({ records: ['1'] })
      third.resume()
      let again: unknown
      while (again === undefined) again = await store.read(there, 'start').catch(() => undefined)
      expect(again).toMatchObject({ records: ['1'] })
    } finally {
      third.resume()
      await store.close()
    }
  })
})
