/** Cases: streams expire. */
import assert from 'node:assert/strict'
import { LEASE_PRODUCER } from '../../streams/leases.ts'
import { answers, MISSING } from './creation.ts'
import { numbers, type StreamStoreCase, storeCase } from './harness.ts'

export const streamExpiryCases: readonly StreamStoreCase[] = [
  storeCase(['ST-38', 'ST-8'], 'a stream with a TTL is missing after its TTL', async (trial) => {
    const store = await trial.store()
    await store.create('stream', { ttlMs: trial.shortTime, records: ['1'] })
    await trial.elapse(trial.shortTime)
    assert.deepStrictEqual(await answers(store, 'stream'), MISSING)
    assert.deepStrictEqual(await store.list(), { streams: [] })
    assert.equal((await store.create('stream', { owner: 'anna' })).outcome, 'created')
    assert.deepStrictEqual(await trial.records(store, 'stream'), [])
  }),

  storeCase(['ST-38'], 'each append and each touch restarts the TTL', async (trial) => {
    const ttlMs = trial.shortTime
    await trial.withinTime(ttlMs * 3, async () => {
      const store = await trial.store()
      await store.create('appended', { ttlMs })
      await store.create('touched', { ttlMs })
      await store.create('read', { ttlMs })
      for (let n = 0; n < 2; n++) {
        await trial.elapse(ttlMs * 0.6)
        if (n === 1) break
        await trial.append(store, 'appended', ['1'])
        assert.equal(await store.touch('touched'), true)
        await trial.page(store, 'read')
        await store.head('read')
      }
      assert.ok(await store.head('appended'))
      assert.ok(await store.head('touched'))
      assert.equal(await store.head('read'), undefined, 'reading does not prolong')
      await trial.elapse(ttlMs * 0.5)
      assert.equal(await store.head('appended'), undefined)
      assert.equal(await store.head('touched'), undefined)
    })
  }),

  storeCase(
    ['ST-38'],
    'a busy stream does not move its end for less than a hundredth of its TTL',
    async (trial) => {
      const store = await trial.store()
      const ttlMs = 10_000_000
      const info = await trial.create(store, 'stream', { ttlMs })
      await trial.append(store, 'stream', ['1'])
      await store.touch('stream')
      assert.equal((await store.head('stream'))?.expiresAt, info.expiresAt)
    },
  ),

  storeCase(['ST-39'], 'a fixed expiry does not move', async (trial) => {
    const store = await trial.store()
    const info = await trial.create(store, 'clock')
    const expiresAt = info.createdAt + trial.shortTime
    await store.create('stream', { expiresAt })
    await trial.append(store, 'stream', ['1'])
    assert.equal(await store.touch('stream'), true)
    assert.equal((await store.head('stream'))?.expiresAt, expiresAt)
    await trial.elapse(trial.shortTime)
    assert.deepStrictEqual(await answers(store, 'stream'), MISSING)
    await store.create('past', { expiresAt: 1000 })
    assert.deepStrictEqual(await answers(store, 'past'), MISSING)
  }),

  storeCase(['ST-40'], 'a sweep removes expired streams, and tells their watchers', async (trial) => {
    const store = await trial.store({ settle: 0 })
    const ttlMs = trial.shortTime
    for (const n of numbers(250)) await store.create(`over-${n}`, { ttlMs, records: ['1'] })
    await store.create('stays', { ttlMs: ttlMs * 1000 })
    await store.create('stays/too')
    const watch = await trial.watch(store, 'over-7')
    await trial.elapse(ttlMs)
    assert.equal(await store.sweep(), 250)
    assert.equal(await store.sweep(), 0)
    await watch.until('that it is gone', ({ gone }) => gone !== undefined)
    assert.equal(watch.gone, 'expired')
    assert.deepStrictEqual(
      (await store.list()).streams.map(({ id }) => id),
      ['stays', 'stays/too'],
    )
  }),

  storeCase(
    ['ST-40'],
    'the watchers of an expired stream are told when it is created anew',
    async (trial) => {
      const store = await trial.store()
      await store.create('stream', { ttlMs: trial.shortTime })
      const watch = await trial.watch(store, 'stream')
      await trial.elapse(trial.shortTime)
      await store.create('stream', { records: ['1'] })
      await watch.until('that it is gone', ({ gone }) => gone !== undefined)
      assert.equal(watch.gone, 'expired')
      assert.deepStrictEqual(watch.records, [])
    },
  ),

  storeCase(
    ['ST-41'],
    'a clock that goes back ends nothing, changes no order, and delays no end by its jump',
    async (trial) => {
      const store = await trial.store({ settle: 0 })
      const ttlMs = 60_000
      // The clock is ahead only between two sweeps, so no sweep sees it.
      assert.equal(await store.sweep(), 0)
      await trial.elapse(3_600_000)
      await store.create('stream', { ttlMs, records: ['1'] })
      await store.create('idle', { ttlMs })
      await trial.elapse(-3_600_000)
      await store.create('younger', { ttlMs, records: ['1'] })
      await trial.append(store, 'stream', ['2'])
      assert.deepStrictEqual(await trial.records(store, 'stream'), ['1', '2'])
      assert.equal(await store.sweep(), 0)
      await trial.elapse(ttlMs - 1)
      assert.ok((await store.head('stream')) && (await store.head('idle')) && (await store.head('younger')))
      await trial.elapse(1)
      assert.equal(await store.sweep(), 3)
    },
    ['clock-goes-back'],
  ),

  storeCase(
    ['ST-41'],
    'a clock that jumps ahead hides expired streams, and removes nothing',
    async (trial) => {
      const store = await trial.store()
      const days = 2 * 86_400_000
      await store.create('over', { ttlMs: days / 2, records: ['1'] })
      await store.create('lives', { ttlMs: days * 2, records: ['1'] })
      await store.create('stays', { records: ['1'] })
      await trial.elapse(600_000)
      await trial.jump(days)
      assert.equal(await store.sweep(), 0)
      assert.deepStrictEqual(await answers(store, 'over'), MISSING)
      await trial.append(store, 'lives', ['2'])
      await trial.append(store, 'stays', ['2'])
      await trial.jump(-days)
      assert.equal(await store.sweep(), 0)
      await trial.append(store, 'over', ['2'])
      for (const id of ['over', 'lives', 'stays'])
        assert.deepStrictEqual(await trial.records(store, id), ['1', '2'])
    },
    ['clock-jumps', 'clock-goes-back'],
  ),

  storeCase(
    ['ST-32', 'ST-41'],
    'a delete with an incarnation removes what a clock that jumped ahead hides',
    async (trial) => {
      const store = await trial.store()
      const days = 2 * 86_400_000
      const made = await store.create('over', {
        ttlMs: days / 2,
        owner: 'ann',
        listed: 'list',
        records: ['1'],
      })
      assert.ok(made.outcome === 'created')
      await store.create('left', { ttlMs: days / 2, owner: 'ann', listed: 'list', records: ['1'] })
      await trial.jump(days)
      assert.equal(await store.delete('over', undefined, 'another'), false)
      assert.equal(await store.delete('left'), false)
      assert.equal(await store.delete('over', undefined, made.info.incarnation), true)
      assert.equal(await store.delete('over', undefined, made.info.incarnation), false)
      await trial.jump(-days)
      assert.deepStrictEqual(await answers(store, 'over'), MISSING)
      const listed = await store.list({ owner: 'ann', listed: 'list' })
      assert.deepStrictEqual(
        listed.streams.map(({ id }) => id),
        ['left'],
      )
      assert.equal((await store.create('over')).outcome, 'created')
    },
    ['clock-jumps', 'clock-goes-back'],
  ),

  storeCase(
    ['ST-40'],
    'a sweep removes nothing until the clock has agreed with monotonic time for ten minutes',
    async (trial) => {
      const store = await trial.store()
      await store.create('first', { ttlMs: 1000 })
      await store.create('second', { ttlMs: 3_600_000 })
      assert.equal(await store.sweep(), 0)
      await trial.elapse(599_000)
      assert.equal(await store.sweep(), 0)
      await trial.elapse(1000)
      assert.equal(await store.sweep(), 1)
      await trial.jump(3_600_000)
      assert.equal(await store.sweep(), 0)
      await trial.elapse(599_000)
      assert.equal(await store.sweep(), 0)
      await trial.elapse(1000)
      assert.equal(await store.sweep(), 1)
    },
    ['clock-jumps'],
  ),

  storeCase(
    ['ST-38', 'ST-39'],
    'a stream exists while its lease is held, whatever the clock says',
    async (trial) => {
      const store = await trial.store()
      const days = 2 * 86_400_000
      const lease = { holder: 'a', ttlMs: 10_000 }
      await store.create('ttl', { ttlMs: days / 2, records: ['1'], lease })
      const info = await trial.create(store, 'clock')
      await store.create('end', { expiresAt: info.createdAt + days / 2, records: ['1'], lease })
      await trial.jump(days)
      const producer = { id: LEASE_PRODUCER, epoch: 1, seq: 0 }
      for (const id of ['ttl', 'end']) {
        await trial.append(store, id, { records: ['2'], producer })
        assert.equal((await store.head(id))?.tail.position, 2)
      }
      assert.deepStrictEqual(
        (await store.list()).streams.map(({ id }) => id),
        ['clock', 'end', 'ttl'],
      )
      assert.deepStrictEqual((await store.leases.expired()).map(({ stream }) => stream).sort(), [
        'end',
        'ttl',
      ])
      await trial.jump(-days)
      for (const id of ['ttl', 'end']) assert.deepStrictEqual(await trial.records(store, id), ['1', '2'])
      await trial.append(store, 'end', { close: true, producer: { ...producer, seq: 1 } })
      await trial.jump(days)
      assert.deepStrictEqual(await store.head('end'), undefined)
    },
    ['clock-jumps', 'clock-goes-back'],
  ),

  storeCase(['ST-40'], 'a sweep leaves streams with a live lease', async (trial) => {
    const store = await trial.store({ settle: 0 })
    const ttlMs = trial.shortTime
    await store.create('stream', { ttlMs, lease: { holder: 'a', ttlMs: 2 * ttlMs } })
    await trial.elapse(ttlMs)
    assert.equal(await store.sweep(), 0)
    assert.ok(await store.head('stream'))
    await trial.elapse(ttlMs)
    assert.equal(await store.sweep(), 1)
    assert.equal(await store.head('stream'), undefined)
  }),
]
