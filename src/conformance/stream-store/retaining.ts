/** Cases: how much of a log is kept, by bytes and by age. */
import assert from 'node:assert/strict'
import type { StreamStoreOptions } from '../../streams/options.ts'
import { LEASE_PRODUCER } from '../../streams/leases.ts'
import type { StreamStore } from '../../streams/store.ts'
import { numbers, type StreamStoreCase, storeCase, type StoreTrial } from './harness.ts'

/** Makes sweeps trust the clock at once, without a wait. */
const BELIEVED: StreamStoreOptions = { settle: 0 }

function recordOf(n: number): string {
  return JSON.stringify(String(n).padStart(98, '0'))
}

/** Returns the positions of the first record that is kept, and of the tail. */
async function kept(store: StreamStore, id = 'stream'): Promise<[number, number]> {
  const info = (await store.head(id)) ?? assert.fail()
  return [info.first.position, info.tail.position]
}

/** Asserts that the kept records are the last ones that were appended, without a gap. */
async function expectWhole(trial: StoreTrial, store: StreamStore): Promise<void> {
  const [first, tail] = await kept(store)
  const due = Array.from({ length: tail - first }, (_, n) => recordOf(first + n + 1))
  assert.deepStrictEqual(await trial.records(store, 'stream'), due)
}

export const retainingCases: readonly StreamStoreCase[] = [
  storeCase(
    ['ST-78'],
    'a stream with a retention in bytes keeps about that many, the last ones',
    async (trial) => {
      const store = await trial.store()
      await store.create('stream', { retention: { bytes: 1000 } })
      for (let n = 1; n <= 60; n++) {
        await trial.append(store, 'stream', [recordOf(n)])
        const [first, tail] = await kept(store)
        assert.equal(tail, n)
        assert.ok(tail - first <= 11, 'an eighth more than so many bytes, at most')
        assert.ok(tail - first >= Math.min(n, 10), 'so many bytes, at least')
      }
      await expectWhole(trial, store)
      // Records that were trimmed by hand no longer count.
      await store.trim('stream', { last: 2 })
      for (let n = 61; n <= 68; n++) await trial.append(store, 'stream', [recordOf(n)])
      assert.deepStrictEqual(await kept(store), [58, 68])
      await expectWhole(trial, store)
    },
  ),

  storeCase(['ST-78'], 'the last record is kept, however large it is', async (trial) => {
    const store = await trial.store()
    await store.create('stream', { retention: { bytes: 10 }, records: numbers(3) })
    await trial.append(store, 'stream', [recordOf(4), recordOf(5)])
    assert.deepStrictEqual(await kept(store), [4, 5])
    await trial.append(store, 'stream', [recordOf(6)])
    assert.deepStrictEqual(await kept(store), [5, 6])
    await expectWhole(trial, store)
  }),

  storeCase(['ST-79'], 'a sweep trims records older than the retention', async (trial) => {
    const store = await trial.store(BELIEVED)
    const ms = trial.shortTime
    await store.create('stream', { retention: { age: ms / 1000 } })
    await trial.append(store, 'stream', [recordOf(1), recordOf(2)])
    await trial.elapse(ms / 2)
    await trial.append(store, 'stream', [recordOf(3)])
    await store.sweep()
    assert.deepStrictEqual(await kept(store), [0, 3], 'nothing is too old')
    await trial.elapse((ms * 5) / 8)
    await store.sweep()
    assert.deepStrictEqual(await kept(store), [2, 3])
    await trial.append(store, 'stream', [recordOf(4)])
    await expectWhole(trial, store)
    await trial.elapse((ms * 9) / 8)
    await store.sweep()
    assert.deepStrictEqual(await kept(store), [4, 4])
    await trial.append(store, 'stream', [recordOf(5)])
    await store.sweep()
    await expectWhole(trial, store)
  }),

  storeCase(['ST-79'], 'a retention by age holds however late the sweep', async (trial) => {
    const store = await trial.store(BELIEVED)
    const ms = trial.shortTime
    await store.create('stream', { retention: { age: ms / 1000 } })
    for (let n = 1; n <= 100; n++) {
      await trial.append(store, 'stream', [recordOf(n)])
      await trial.elapse(ms / 16)
    }
    await trial.append(store, 'stream', [recordOf(101)])
    await store.sweep()
    const [first, tail] = await kept(store)
    assert.equal(tail, 101)
    assert.ok(first > 50 && first < 101, `the first that is kept lies behind ${first}`)
    await expectWhole(trial, store)
  }),

  storeCase(
    ['ST-79'],
    'a jumping clock neither trims by age nor keeps records for long',
    async (trial) => {
      const store = await trial.store({ settle: 600 })
      const day = 86_400_000
      await store.create('stream', { retention: { age: 86_400 } })
      await trial.append(store, 'stream', [recordOf(1)])
      await trial.jump(300 * day)
      await store.sweep()
      await trial.append(store, 'stream', [recordOf(2)])
      await trial.jump(-300 * day)
      await store.sweep()
      assert.deepStrictEqual(await kept(store), [0, 2], 'the clock is not believed')
      await trial.elapse(600_000)
      await store.sweep()
      assert.deepStrictEqual(await kept(store), [0, 2], 'nothing is a day old')
      for (let days = 0; days < 3; days++) {
        await trial.elapse((day * 9) / 8)
        await store.sweep()
        await trial.elapse(600_000)
        await store.sweep()
      }
      assert.deepStrictEqual(await kept(store), [2, 2], 'at most another age was added')
    },
    ['clock-jumps', 'clock-goes-back'],
  ),

  storeCase(['ST-80'], 'a store has a default retention, by owner', async (trial) => {
    const store = await trial.store({
      retention: ({ id, owner }) => (owner === 'anna' && id !== 'kept' ? { bytes: 100 } : undefined),
    })
    await store.create('a', { owner: 'anna' })
    await store.create('kept', { owner: 'anna' })
    await store.create('own', { owner: 'anna', retention: { bytes: 1000, age: 0.5 } })
    await store.create('whole', { owner: 'anna', retention: {} })
    await store.create('b', { owner: 'berta' })
    const retentions: unknown[] = []
    for (const id of ['a', 'kept', 'own', 'whole', 'b']) {
      for (let n = 1; n <= 5; n++) await trial.append(store, id, [recordOf(n)])
      retentions.push((await store.head(id))?.retention)
    }
    assert.deepStrictEqual(retentions, [
      { bytes: 100 },
      undefined,
      { bytes: 1000, age: 0.5 },
      undefined,
      undefined,
    ])
    assert.deepStrictEqual(await kept(store, 'a'), [4, 5])
    for (const id of ['kept', 'own', 'whole', 'b']) assert.deepStrictEqual(await kept(store, id), [0, 5])
    const again = await store.create('own', { owner: 'anna' })
    assert.equal(again.outcome, 'exists', 'it is not compared')
    const { streams } = await store.list({ prefix: 'own' })
    assert.deepStrictEqual(streams[0]?.retention, { bytes: 1000, age: 0.5 })
  }),

  storeCase(['ST-80'], 'an invalid retention is refused', async (trial) => {
    const store = await trial.store()
    for (const retention of [
      { bytes: 0 },
      { bytes: 1.5 },
      { bytes: -1 },
      { age: 0 },
      { age: -1 },
      { age: Number.NaN },
      { age: Infinity },
    ])
      await trial.expectError('invalid_retention', () => store.create('stream', { retention }))
    assert.equal(await store.head('stream'), undefined)
  }),

  storeCase(
    ['ST-61', 'ST-62', 'ST-63', 'ST-78'],
    'a stream with a retention can be leased, closed and owe like any other',
    async (trial) => {
      const store = await trial.store(BELIEVED)
      const lease = { holder: 'a', ttlMs: 60_000 }
      const created = await store.create('stream', { retention: { bytes: 300, age: 3600 }, lease })
      assert.ok(created.outcome === 'created' && created.lease)
      const producer = (seq: number) => ({ id: LEASE_PRODUCER, epoch: 1, seq })
      await trial.append(store, 'stream', { records: [recordOf(1)], producer: producer(0) })
      const renewal = await store.leases.renew(created.lease)
      assert.ok(renewal.outcome === 'renewed' && renewal.lease.owed === undefined, 'it is open')
      assert.equal((await store.leases.claim(created.lease, lease)).outcome, 'lost')
      await store.leases.handOver(created.lease)
      const [over] = await store.leases.expired()
      assert.ok(over && over.owed === undefined, 'it is open')
      assert.equal((await store.leases.claim(over, lease)).outcome, 'lost')
      const taken = await store.leases.acquire('stream', lease)
      assert.ok(taken.outcome === 'acquired')
      // The append fills the log and closes it in one step.
      const close = { records: [2, 3, 4, 5].map(recordOf), close: true, owes: 'a'.repeat(100) }
      await trial.append(store, 'stream', { ...close, producer: { ...producer(0), epoch: 2 } })
      assert.deepStrictEqual(await kept(store), [2, 5])
      await store.trim('stream', { last: 2 })
      await store.sweep()
      await expectWhole(trial, store)
      await store.leases.handOver(taken.lease)
      const claimed = await store.leases.claim(taken.lease, { holder: 'b', ttlMs: 60_000 })
      assert.ok(claimed.outcome === 'claimed')
      assert.equal(claimed.owes, close.owes)
      assert.equal(await store.leases.settle(claimed.lease), true)
      assert.equal(await store.leases.settle(claimed.lease), false)
    },
  ),

  storeCase(['ST-78'], 'what a close leaves owed does not count as bytes of the records', async (trial) => {
    const store = await trial.store()
    const lease = { holder: 'a', ttlMs: 60_000 }
    await store.create('stream', { retention: { bytes: 400 }, lease })
    const producer = { id: LEASE_PRODUCER, epoch: 1, seq: 0 }
    const records = [1, 2, 3].map(recordOf)
    await trial.append(store, 'stream', { records, close: true, owes: 'a'.repeat(300), producer })
    assert.deepStrictEqual(await kept(store), [0, 3])
  }),

  storeCase(
    ['ST-53', 'ST-54', 'ST-78', 'ST-79'],
    'a retention applies to all stores that append, and to the next process',
    async (trial) => {
      const one = await trial.store(BELIEVED)
      const two = await trial.peer(one)
      const ms = trial.shortTime
      await one.create('stream', { retention: { bytes: 1000, age: ms / 1000 } })
      for (let n = 1; n <= 40; n += 2) {
        await trial.append(one, 'stream', [recordOf(n)])
        await trial.append(two, 'stream', [recordOf(n + 1)])
      }
      const [first, tail] = await kept(one)
      assert.ok(tail - first >= 10 && tail - first <= 11)
      await expectWhole(trial, two)
      await one.close()
      await trial.append(two, 'stream', [recordOf(41)])
      await two.close()
      const next = await trial.peer(one)
      await expectWhole(trial, next)
      assert.deepStrictEqual((await next.head('stream'))?.retention, { bytes: 1000, age: ms / 1000 })
    },
    ['peers'],
  ),
]
