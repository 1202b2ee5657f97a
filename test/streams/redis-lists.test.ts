/** What the Redis store finds by its lists: leases that are over, streams that are, streams by owner. */
import { expect, it } from 'vitest'
import { describeWith } from '../support/services.ts'
import { hostSettings } from '../../src/redis/hosts.ts'
import type { HostSettings } from '../../src/redis/hosts.ts'
import { silentLogger } from '../../src/logging/logger.ts'
import type { Lease } from '../../src/streams/leases.ts'
import { Catalogue } from '../../src/streams/redis/lists/catalogue.ts'
import { SettledClock } from '../../src/streams/bookkeeping/settled-clock.ts'
import { DEFAULT_LIMITS } from '../../src/streams/bookkeeping/requests.ts'
import { Keys } from '../../src/streams/redis/keys.ts'
import { LatestLists } from '../../src/streams/redis/lists/latest-lists.ts'
import { OneServer } from '../../src/streams/redis/servers/one-server.ts'
import { Scripts } from '../../src/streams/redis/scripts/scripts.ts'
import { StreamLists } from '../../src/streams/redis/lists/stream-lists.ts'
import { RedisStreamTable } from '../../src/streams/redis/stream-table.ts'
import { StoresOnRedis } from './redis-tools.ts'

describeWith(['redis'], 'the lists of a stream store on Redis', ({ redis }) => {
  const on = new StoresOnRedis(redis)
  const ids = (count: number): string[] => Array.from({ length: count }, (_, n) => `s${1000 + n}`)

  /** The inside of a store, whose lists may be on a server with another clock. */
  function inside(
    clock: () => number,
    clockOfLists = clock,
  ): { catalogue: Catalogue; close: () => Promise<void> } {
    const keys = new Keys(on.prefix)
    const none = (): void => undefined
    const server = new OneServer({
      host: hostSettings(on.server.url)[0] as HostSettings,
      timeoutMs: 5000,
      logger: silentLogger,
      scripts: [],
      channel: keys.of('').channel,
      onGreeting: none,
      onMoved: none,
      onMessage: none,
      onSubscribed: none,
      onReady: none,
    })
    const table = new RedisStreamTable(new Scripts(server, clock), keys, DEFAULT_LIMITS)
    const lists = new StreamLists(new Scripts(server, clockOfLists), keys)
    const events = { trimmed: () => {}, gone: async () => {} }
    const latest = new LatestLists(new Scripts(server, clockOfLists), keys, table, false)
    return { catalogue: new Catalogue(table, lists, latest, false, events), close: () => server.close() }
  }

  it('say once of each lease that it is over, also of those that were renewed', async () => {
    let now = 1_000_000
    const store = on.open({ clock: () => now, settle: 0 })
    // A renewal writes nothing to the lists: all of these are listed as over before they are.
    const leases = []
    for (const id of ids(250)) {
      now++
      const made = await store.create(id, { lease: { holder: 'a', ttlMs: 1000 } })
      if (made.outcome === 'created' && made.lease) leases.push(made.lease)
    }
    now += 500
    for (const lease of leases) {
      now++
      await store.leases.renew(lease)
    }
    now += 1001
    const expired = await store.leases.expired({ limit: 1000 })
    expect(expired.map(({ stream }) => stream)).toEqual(ids(250))
  })

  it('give leases page by page, also those that end in one moment, and leave out of all what is damaged', async () => {
    let now = 1_000_000
    const store = on.open({ clock: () => now, settle: 0 })
    for (const id of ids(25)) await store.create(id, { ttlMs: 5000, lease: { holder: 'a', ttlMs: 1000 } })
    const { state } = new Keys(on.prefix).of('s1003')
    await on.admin('DEL', state)
    await on.admin('SET', state, 'damaged')
    now += 1001
    const paged: string[] = []
    for (let after: Lease | undefined; ;) {
      const page = await store.leases.expired({ limit: 4, ...(after && { after }) })
      paged.push(...page.map(({ stream }) => stream))
      after = page.at(-1)
      if (page.length < 4) break
    }
    expect(paged).toEqual(ids(25).filter((id) => id !== 's1003'))
    const { streams } = await store.list({ limit: 1000 })
    expect(streams.map(({ id }) => id)).toEqual(ids(25).filter((id) => id !== 's1003'))
    now += 5000
    await expect(store.sweep()).rejects.toThrow('WRONGTYPE')
    for (const id of ['s1002', 's1004', 's1024'])
      expect(await on.admin('EXISTS', new Keys(on.prefix).of(id).state)).toBe(0)
  })

  it('find the lease of a stream that was created anew while the one before was taken out', async () => {
    let now = 1_000_000
    const store = on.open({ clock: () => now, settle: 0 })
    const { catalogue, close } = inside(() => now)
    await store.create('stream', { owner: 'anna', lease: { holder: 'a', ttlMs: 1000 } })
    await catalogue.remove('stream', { owner: 'anna' })
    await close()
    now += 1000
    expect((await store.list({ owner: 'anna', closed: false })).streams).toHaveLength(1)
    expect((await store.leases.expired()).map(({ stream }) => stream)).toEqual(['stream'])
  })

  it('leave a stream that is over to a sweep, which tells its watchers', async () => {
    let now = 1_000_000
    const store = on.open({ clock: () => now, settle: 0 })
    await store.create('over', { ttlMs: 1000, owner: 'anna' })
    const gone = Promise.withResolvers<unknown>()
    await store.watch('over', gone.resolve)
    now += 1000
    expect(await store.list({ owner: 'anna' })).toEqual({ streams: [] })
    expect(await store.sweep()).toBe(1)
    expect(await gone.promise).toEqual({ type: 'gone', reason: 'expired' })
  })

  it('are gone through once where the clock of a stream is behind theirs', async () => {
    let now = 1_000_000
    const store = on.open({ clock: () => now, settle: 0 })
    for (const id of ids(150)) await store.create(id, { expiresAt: now + 1000 })
    const { catalogue, close } = inside(
      () => now,
      () => now + 10_000,
    )
    expect(await catalogue.sweep(new SettledClock({ settle: 0 }), AbortSignal.timeout(3000))).toBe(0)
    await close()
    now += 1000
    expect(await store.sweep()).toBe(150)
  })

  it('name no stream of an owner that none can have', async () => {
    const store = on.open()
    await store.create('stream', { owner: '\ufffd' })
    expect(await store.list({ owner: '\ud800' })).toEqual({ streams: [] })
    expect((await store.list({ owner: '\ufffd' })).streams).toHaveLength(1)
  })

  it('name nothing that Redis has let expire, once somebody swept', async () => {
    let now = 1_000_000
    const store = on.open({ clock: () => now, settle: 0 })
    const lease = { holder: 'a', ttlMs: 10 }
    for (let n = 0; n < 50; n++) await store.create(`s${n}`, { owner: `user ${n}`, ttlMs: 1000, lease })
    for (let n = 50; n < 100; n++) await store.create(`s${n}`, { ttlMs: 1000 })
    // Nobody swept for hours.
    const gone = Array.from({ length: 100 }, (_, n) => `${on.prefix}:stream:{s${n}}:state`)
    await on.admin('DEL', ...gone)
    now += 10_000_000
    await store.sweep()
    const lists = ['ids', 'owners', 'open', 'leases', 'leased', 'ends', 'whose']
    const left = await Promise.all(lists.map((list) => on.admin('EXISTS', `${on.prefix}:{lists}:${list}`)))
    expect(left).toEqual(lists.map(() => 0))
  })
})
