/** What happens when Redis comes back with less than it had, or another one takes its place. */
import { describe, expect, it } from 'vitest'
import { created } from './created.ts'
import { START } from '../../src/protocol/offset.ts'
import { LEASE_PRODUCER } from '../../src/streams/leases.ts'
import type { AppendResult, StreamConfig } from '../../src/streams/store.ts'
import { ReplicatedRedis } from '../support/replicated-redis.ts'
import { describeWith } from '../support/services.ts'
import { eventually, FAST, follow, recordsOf, StoresOnRedis } from './redis-tools.ts'

describeWith(['redis'], 'when the Redis of a stream store', ({ redis }) => {
  const on = new StoresOnRedis(redis)

  it('is emptied, streams are missing and their watchers told that they are lost', async () => {
    const store = on.open(FAST)
    const info = await eventually(() => created(store, 'stream', { records: ['1'] }))
    const told = await follow(store)
    await on.admin('FLUSHALL')
    await on.admin('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await told.until(() => told.gone !== undefined)
    expect(told.gone).toBe('lost')
    expect(await store.append('stream', { records: ['2'] })).toEqual({ outcome: 'missing' })
    await eventually(() => store.create('stream', { records: ['other'].map((text) => JSON.stringify(text)) }))
    expect(await store.read('stream', { position: 1, stamp: info.tail.stamp })).toEqual({ outcome: 'lost' })
  })

  it('does not tell, watchers learn why their stream is gone, whoever looks first', async () => {
    let now = Date.now()
    const store = on.open({ clock: () => now })
    const end = async (config: StreamConfig, act: () => Promise<unknown>): Promise<string | undefined> => {
      await eventually(() => store.create('stream', config))
      const told = await follow(store)
      await act()
      await store.watch('stream', () => undefined)
      await told.until(() => told.gone !== undefined)
      await store.delete('stream')
      return told.gone
    }
    const state = `${on.prefix}:stream:{stream}:state`
    expect(await end({}, () => on.admin('DEL', state))).toBe('deleted')
    expect(await end({ ttlMs: 1000 }, async () => (now += 1000))).toBe('expired')
    // Another process has found that it is short, and given it another incarnation.
    const cut = async (): Promise<unknown> => {
      const incarnation = (await on.admin('HGET', state, 'i')) as Buffer
      return on.admin('HSET', state, 'i', 'another', 'u', incarnation)
    }
    expect(await end({}, cut)).toBe('lost')
    expect(await end({}, () => on.admin('FLUSHALL'))).toBe('lost')
  })

  describe('has lost the last appends of a stream,', () => {
    /** Puts Redis back to where it was, as a replica that lagged behind is when it takes over. */
    async function checkpoint(id: string): Promise<() => Promise<void>> {
      const keys = ['state', 'log'].map((part) => `${on.prefix}:stream:{${id}}:${part}`)
      const dumps = await Promise.all(keys.map((key) => on.admin('DUMP', key)))
      return async () => {
        for (const [n, key] of keys.entries()) {
          if (dumps[n] === null) await on.admin('DEL', key)
          else await on.admin('RESTORE', key, '0', dumps[n] as Buffer, 'REPLACE')
        }
        await on.admin('CLIENT', 'KILL', 'TYPE', 'pubsub')
      }
    }

    it('their producer appends them again, and no reader notices', async () => {
      const [one, two] = [on.open(), on.open()]
      await eventually(() => one.create('stream', { lease: { holder: 'a', ttlMs: 60_000 } }))
      const told = await follow(two)
      const send = (seq: number): Promise<unknown> =>
        one.append('stream', {
          records: [`"a${seq}"`, `"b${seq}"`],
          producer: { id: LEASE_PRODUCER, epoch: 1, seq },
          metadata: { seq },
        })
      for (const seq of [0, 1]) await send(seq)
      const rollBack = await checkpoint('stream')
      for (const seq of [2, 3]) await send(seq)
      await told.until(() => told.records.length === 8)
      await rollBack()
      // They may come back, and whoever stands there waits.
      await expect(two.read('stream', told.place)).rejects.toMatchObject({
        code: 'unavailable',
      })
      expect(await two.read('stream', { ...told.place, position: 9 })).toMatchObject({ outcome: 'past-end' })
      expect(await send(4)).toMatchObject({ outcome: 'appended', offset: { position: 10 } })
      await one.append('stream', { close: true, producer: { id: LEASE_PRODUCER, epoch: 1, seq: 5 } })
      await told.until(() => told.closed)
      const whole = [0, 1, 2, 3, 4].flatMap((seq) => [`"a${seq}"`, `"b${seq}"`])
      expect(told.records).toEqual(whole)
      expect(await recordsOf(one)).toEqual(whole)
      expect((await one.head('stream'))?.metadata).toEqual({ seq: 4 })
    })

    it('with all that is known of their producer: it appends them again, and is not taken for one that was forgotten', async () => {
      const store = on.open()
      await eventually(() => store.create('stream'))
      const rollBack = await checkpoint('stream')
      const send = (seq: number): Promise<AppendResult> =>
        store.append('stream', { records: [`"${seq}"`], producer: { id: 'p', epoch: 0, seq } })
      for (const seq of [0, 1]) expect((await send(seq)).outcome).toBe('appended')
      await rollBack()
      expect(await send(2)).toMatchObject({ outcome: 'appended', offset: { position: 3 } })
      expect(await recordsOf(store)).toEqual(['"0"', '"1"', '"2"'])
    })

    it('and others took their places: watchers are told, and no offset of what is lost is good', async () => {
      const [one, two] = [on.open(), on.open()]
      await eventually(() => one.create('stream', { records: ['1'] }))
      const told = await follow(two)
      const rollBack = await checkpoint('stream')
      await one.append('stream', { records: ['2'] })
      await told.until(() => told.records.length === 1)
      await rollBack()
      await one.append('stream', { records: ['2', '3'] })
      await told.until(() => told.gone !== undefined)
      expect([told.gone, told.records]).toEqual(['lost', ['2']])
      await eventually(async () => {
        expect(await one.read('stream', told.place)).toEqual({ outcome: 'lost' })
      })
    })

    it('and nobody appends them again in time: watchers are told', async () => {
      const [one, two] = [on.open(), on.open({ lossPatience: 0.2 })]
      await eventually(() => one.create('stream'))
      const told = await follow(two)
      const rollBack = await checkpoint('stream')
      await one.append('stream', { records: ['1'] })
      await told.until(() => told.records.length === 1)
      await rollBack()
      await told.until(() => told.gone !== undefined)
      expect(told.gone).toBe('lost')
    })

    it('and more than its producer remembers: it is refused, and no offset of what is lost is good', async () => {
      const store = on.open()
      await eventually(() => store.create('stream', { lease: { holder: 'a', ttlMs: 60_000 } }))
      const rollBack = await checkpoint('stream')
      const large = JSON.stringify('x'.repeat(200_000))
      const send = (seq: number): Promise<AppendResult> =>
        store.append('stream', { records: [large], producer: { id: LEASE_PRODUCER, epoch: 1, seq } })
      const sent = []
      for (const seq of [0, 1, 2]) sent.push(await send(seq))
      await rollBack()
      expect((await send(3)).outcome).toBe('gap')
      const producer = { id: LEASE_PRODUCER, epoch: 1, seq: 0 }
      expect((await store.append('stream', { records: ['1', '2', '3'], producer })).outcome).toBe('appended')
      for (const one of sent) {
        const place = one.outcome === 'appended' ? one.offset : START
        expect(await store.read('stream', place)).toEqual({ outcome: 'lost' })
      }
    })
  })

  it('fails over by Sentinel, a run goes on at the new master', { timeout: 60_000 }, async () => {
    const replicated = await ReplicatedRedis.start(redis, 1)
    const where = { url: undefined, host: replicated.host, timeout: 30 }
    try {
      const [one, two] = [on.open(where), on.open(where)]
      await one.create('stream', { lease: { holder: 'a', ttlMs: 60_000 } })
      const told = await follow(two)
      const send = (seq: number): Promise<{ outcome: string }> =>
        one.append('stream', { records: [String(seq)], producer: { id: LEASE_PRODUCER, epoch: 1, seq } })
      for (let seq = 0; seq < 20; seq++) await send(seq)
      const failover = replicated.failOver()
      for (let seq = 20; seq < 40; seq++) {
        expect(['appended', 'duplicate']).toContain((await eventually(() => send(seq))).outcome)
      }
      await eventually(() =>
        one.append('stream', { close: true, producer: { id: LEASE_PRODUCER, epoch: 1, seq: 40 } }),
      )
      await failover
      await told.until(() => told.closed)
      const whole = Array.from({ length: 40 }, (_, seq) => String(seq))
      expect(told.records).toEqual(whole)
      expect(await recordsOf(one)).toEqual(whole)
    } finally {
      await on.closeAll()
      await replicated.stop()
    }
  })
})
