/** What happens when Redis is away, hangs or refuses. */
import { expect, it } from 'vitest'
import type { Logger } from '../../src/logging/logger.ts'
import { LEASE_PRODUCER } from '../../src/streams/leases.ts'
import { bulk, FakeRedis } from '../support/fake-redis.ts'
import { describeWith } from '../support/services.ts'
import { eventually, failure, FAST, follow, recordsOf, StoresOnRedis } from './redis-tools.ts'

describeWith(['redis'], 'when the Redis of a stream store', ({ redis }) => {
  const on = new StoresOnRedis(redis)

  it('is not there, calls reject after a bounded time, and say why', async () => {
    await on.server.kill()
    const store = on.open(FAST)
    const failures = [
      store.create('stream'),
      store.append('stream', { records: ['1'] }),
      store.read('stream', 'start'),
      store.watch('stream', () => undefined),
      store.list(),
      store.leases.expired(),
    ].map(failure)
    for (const error of await Promise.all(failures)) {
      expect(error).toMatchObject({ code: 'unavailable' })
      expect(error.message).toMatch(/^The stream store cannot work: Redis (at 127\.0\.0\.1:\d+ )?is away/)
    }
    expect(await store.check?.()).toBe(false)
    await on.server.run()
    expect((await eventually(() => store.create('stream'))).outcome).toBe('created')
    expect(await store.check?.()).toBe(true)
  })

  it('starts within the time, what was asked meanwhile is done once, in its order', async () => {
    const store = on.open({ timeout: 20 })
    await store.create('stream')
    await on.server.kill()
    // The first calls may be lost with the connection.
    expect(await store.check?.()).toBe(false)
    const appends = [1, 2, 3].map((n) => store.append('stream', { records: [String(n)] }))
    await on.server.run()
    expect((await Promise.all(appends)).map(({ outcome }) => outcome)).toEqual(Array(3).fill('appended'))
    expect(await recordsOf(store)).toEqual(['1', '2', '3'])
  })

  it('hangs, calls reject as uncertain, and an append sent again is kept once', async () => {
    const store = on.open(FAST)
    await eventually(() => store.create('stream'))
    on.server.pause()
    const append = { records: ['1'], producer: { id: 'p', epoch: 0, seq: 0 } }
    const error = await failure(store.append('stream', append))
    expect(error).toMatchObject({ code: 'unavailable' })
    expect(error.message).toMatch(/may have been done$/)
    expect(await store.check?.()).toBe(false)
    on.server.resume()
    expect(['appended', 'duplicate']).toContain(
      (await eventually(() => store.append('stream', append))).outcome,
    )
    expect(await recordsOf(store)).toEqual(['1'])
  })

  it('hangs, what waits for it is bounded, metadata included', async () => {
    const store = on.open({ limits: { metadataBytes: 17 * 1024 * 1024 }, ...FAST })
    await eventually(() => store.create('stream'))
    on.server.pause()
    const metadata = 'x'.repeat(16 * 1024 * 1024)
    const appends = [1, 2, 3, 4, 5].map(() => failure(store.append('stream', { metadata })))
    const first = await Promise.race(appends.map(async (append, n) => [n, (await append).code]))
    expect(first).toEqual([3, 'overloaded'])
    await Promise.all(appends)
  })

  it('is there, it takes an append as large as the limits say, though nothing else fits beside it', async () => {
    const store = on.open({ limits: { recordBytes: 70 * 1024 * 1024 } })
    await eventually(() => store.create('stream'))
    const record = JSON.stringify('x'.repeat(66 * 1024 * 1024))
    expect((await store.append('stream', { records: [record] })).outcome).toBe('appended')
    expect((await store.head('stream'))?.tail.position).toBe(1)
  })

  it('comes back, watchers are told what they missed, once', async () => {
    const [one, two] = [on.open(FAST), on.open(FAST)]
    await eventually(() => one.create('stream'))
    const told = await follow(one)
    await two.append('stream', { records: ['1'] })
    await told.until(() => told.records.length === 1)
    // Only the watcher is cut off.
    await on.admin('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await two.append('stream', { records: ['2'] })
    await told.until(() => told.records.length === 2)
    await on.server.kill()
    await on.server.run()
    await eventually(() => two.append('stream', { records: ['3'], close: true }))
    await told.until(() => told.closed)
    expect(told.records).toEqual(['1', '2', '3'])
  })

  it('publishes less than everything, large appends are read', async () => {
    const [one, two] = [on.open(), on.open()]
    await one.create('stream')
    const told = await follow(one)
    const large = JSON.stringify('x'.repeat(100_000))
    await two.append('stream', { records: [large, '2'] })
    await two.append('stream', { records: ['3'], close: true })
    await told.until(() => told.closed)
    expect(told.records).toEqual([large, '2', '3'])
  })

  it('has no memory left, appends are refused as full, and deleting helps', async () => {
    const store = on.open()
    await store.create('stream', { records: ['1'] })
    await on.admin('CONFIG', 'SET', 'maxmemory', '1')
    const error = await failure(store.append('stream', { records: ['2'] }))
    expect(error).toMatchObject({ code: 'full' })
    expect(await recordsOf(store)).toEqual(['1'])
    expect(await store.leases.expired()).toEqual([])
    expect(await store.delete('stream')).toBe(true)
    await on.admin('CONFIG', 'SET', 'maxmemory', '0')
    expect((await store.create('stream')).outcome).toBe('created')
  })

  it('becomes read-only, appends are refused until it is a master again', async () => {
    const store = on.open(FAST)
    await eventually(() => store.create('stream'))
    await on.admin('REPLICAOF', '127.0.0.1', '1')
    expect(await failure(store.append('stream', { records: ['1'] }))).toMatchObject({ code: 'unavailable' })
    await on.admin('REPLICAOF', 'NO', 'ONE')
    await eventually(() => store.append('stream', { records: ['1'] }))
    expect(await recordsOf(store)).toEqual(['1'])
  })

  it('wants a password that is wrong or missing, calls say so and do not show it', async () => {
    await on.admin('CONFIG', 'SET', 'requirepass', 'right')
    const lines: string[] = []
    const log = (_: unknown, text: string): void => void lines.push(text)
    const logger: Logger = { debug: log, info: log, warn: log, error: log }
    for (const url of [on.server.url, on.server.url.replace('//', '//:hunter2@')]) {
      const error = await failure(on.open({ url, ...FAST, logger }).create('stream'))
      expect(error).toMatchObject({ code: 'cannot_open' })
      expect(error.message).toMatch(/NOAUTH|WRONGPASS/)
      expect(`${error.message}${lines.join('')}`).not.toContain('hunter2')
    }
    await on.admin('CONFIG', 'SET', 'requirepass', '')
  })

  it('gives its user few rights, they are enough', async () => {
    const rights = '+@read +@write +@scripting +@pubsub +@connection +info +time'.split(' ')
    await on.admin('ACL', 'SETUSER', 'app', 'on', '>pass', `~${on.prefix}:*`, `&${on.prefix}:*`, ...rights)
    const lines: string[] = []
    const log = (_: unknown, text: string): void => void lines.push(text)
    const logger: Logger = { debug: log, info: log, warn: log, error: log }
    const store = on.open({ url: on.server.url.replace('//', '//app:pass@'), logger })
    await store.create('stream', { ttlMs: 60_000, owner: 'anna', lease: { holder: 'a', ttlMs: 60_000 } })
    const told = await follow(store)
    const producer = { id: LEASE_PRODUCER, epoch: 1, seq: 0 }
    expect((await store.append('stream', { records: ['1'], producer })).outcome).toBe('appended')
    await told.until(() => told.records.length === 1)
    expect((await store.list({ owner: 'anna' })).streams).toHaveLength(1)
    expect(await store.leases.expired()).toEqual([])
    expect([await store.sweep(), await store.touch('stream'), await store.check?.()]).toEqual([0, true, true])
    expect(await store.delete('stream')).toBe(true)
    expect(lines).toEqual([expect.stringMatching(/does not say when it syncs/)])
  })

  it('does not let its user publish, calls say so before anything is done', async () => {
    // As a user is made who is given the keys and not the channels.
    await on.admin('ACL', 'SETUSER', 'mute', 'on', '>pass', `~${on.prefix}:*`, 'resetchannels', '+@all')
    const store = on.open({ url: on.server.url.replace('//', '//mute:pass@'), ...FAST })
    const error = await failure(store.create('stream', { records: ['1'] }))
    expect(error).toMatchObject({ code: 'cannot_open' })
    expect(error.message).toContain('NOPERM')
    expect(await on.open().head('stream')).toBeUndefined()
  })

  it('is older than 7, calls say so', async () => {
    // Redis 6 takes one section of INFO at most, and knows no flags of scripts.
    const old = await FakeRedis.start((command) => {
      if (command.length === 1 && command[0] === 'INFO') return bulk('redis_version:6.2.14\r\n')
      return command[0] === 'CLIENT' ? '+OK\r\n' : '-ERR syntax error\r\n'
    })
    try {
      const error = await failure(on.open({ url: old.url, ...FAST }).create('stream'))
      expect(error).toMatchObject({ code: 'unavailable' })
      expect(error.message).toContain('it is Redis 6.2.14, and the stream store needs Redis or Valkey 7')
    } finally {
      await on.closeAll()
      await old.stop()
    }
  })

  it('deletes what should be kept, reads say so, and what is left can be deleted', async () => {
    const store = on.open()
    await store.create('stream', { records: ['1', '2'] })
    await on.admin('DEL', `${on.prefix}:stream:{stream}:log`)
    const error = await failure(store.read('stream', 'start'))
    expect(error.code).toBe('corrupt')
    expect(error.message).toContain('maxmemory-policy')
    expect(await store.delete('stream')).toBe(true)
  })

  it('is restarted with its file, nothing is lost, and a takeover leaps over epochs that may be held', async () => {
    const store = on.open(FAST)
    const lease = { holder: 'a', ttlMs: 1 }
    await eventually(() => store.create('stream', { records: ['1', '2'], owner: 'anna', lease }))
    await on.server.kill()
    await on.server.run()
    expect(await eventually(() => recordsOf(store))).toEqual(['1', '2'])
    const expired = await eventually(() => store.leases.expired())
    expect(expired.map(({ stream, epoch }) => [stream, epoch])).toEqual([['stream', 1]])
    const taken = await store.leases.acquire('stream', { holder: 'b', ttlMs: 60_000 })
    expect(taken).toMatchObject({ outcome: 'acquired', lease: { epoch: 1001 } })
    expect((await store.list({ owner: 'anna', closed: false })).streams.map(({ id }) => id)).toEqual([
      'stream',
    ])
  })
})
