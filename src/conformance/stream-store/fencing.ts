/** Cases: a stream that was leased once has exactly one writer. */
import assert from 'node:assert/strict'
import { LEASE_PRODUCER } from '../../streams/leases.ts'
import type { AppendRequest, StreamStore } from '../../streams/store.ts'
import { acquire, write } from './leasing.ts'
import { type StreamStoreCase, type StoreTrial, storeCase } from './harness.ts'

/** Writes that a process without the lease may try: each kind, with and without a producer. */
const BY_STRANGERS: readonly AppendRequest[] = [
  { records: ['"stranger"'] },
  { close: true },
  { metadata: 'stranger' },
  { records: ['"stranger"'], close: true, metadata: 'stranger' },
  { records: ['"stranger"'], producer: { id: 'p', epoch: 0, seq: 0 } },
  // These would also be refused for other reasons.
  { records: ['"stranger"'], producer: { id: 'p', epoch: 7, seq: 3 } },
  { records: [Uint8Array.of(1)] },
  { close: true, contentType: 'text/plain' },
  { records: ['"stranger"'], streamSeq: '0' },
]

async function expectLeased(trial: StoreTrial, store: StreamStore): Promise<void> {
  const before = await store.head('stream')
  const records = await trial.records(store, 'stream')
  for (const request of BY_STRANGERS) {
    assert.deepStrictEqual(await store.append('stream', request), { outcome: 'leased' })
  }
  assert.deepStrictEqual(await store.head('stream'), before)
  assert.deepStrictEqual(await trial.records(store, 'stream'), records)
}

export const fencingCases: readonly StreamStoreCase[] = [
  storeCase(['ST-44'], 'a stream created with a lease accepts only writes under it', async (trial) => {
    const store = await trial.store()
    const ttlMs = trial.shortTime
    await store.create('stream', { lease: { holder: 'a', ttlMs }, metadata: 'mine' })
    await expectLeased(trial, store)
    await trial.elapse(ttlMs)
    await expectLeased(trial, store)
    const producer = { id: LEASE_PRODUCER, epoch: 1, seq: 0 }
    await trial.append(store, 'stream', { records: ['1'], metadata: 'still', producer })
    assert.deepStrictEqual(await trial.records(store, 'stream'), ['1'])
    assert.equal((await store.head('stream'))?.metadata, 'still')
  }),

  storeCase(
    ['ST-44'],
    'from the first lease on a stream refuses other writers, held or not',
    async (trial) => {
      const store = await trial.store()
      const ttlMs = trial.shortTime
      await store.create('stream')
      const stranger = { id: 'p', epoch: 0, seq: 0 }
      await trial.append(store, 'stream', { records: ['1'], producer: stranger, streamSeq: '1' })
      await store.leases.acquire('stream', { holder: 'a', ttlMs })
      await expectLeased(trial, store)
      const again = await store.append('stream', { records: ['1'], producer: stranger })
      assert.deepStrictEqual(again, { outcome: 'leased' }, 'not even what was kept before')
      await trial.elapse(ttlMs)
      await expectLeased(trial, store)
      await store.leases.acquire('stream', { holder: 'b', ttlMs })
      await expectLeased(trial, store)
      const producer = { id: LEASE_PRODUCER, epoch: 1, seq: 0 }
      const earlier = await store.append('stream', { records: ['2'], producer })
      assert.deepStrictEqual(earlier, { outcome: 'fenced', epoch: 2 })
    },
  ),

  storeCase(
    ['ST-24', 'ST-44'],
    'a closed stream says so before it says that it was leased',
    async (trial) => {
      const store = await trial.store()
      await store.create('stream', { lease: { holder: 'a', ttlMs: 60_000 } })
      const producer = { id: LEASE_PRODUCER, epoch: 1, seq: 0 }
      const offset = await trial.append(store, 'stream', { records: ['1'], close: true, producer })
      for (const request of BY_STRANGERS) {
        const isOnlyClose = request.close && !request.records && request.metadata === undefined
        const expected = isOnlyClose
          ? { outcome: 'duplicate', offset, closed: true }
          : { outcome: 'closed', offset }
        assert.deepStrictEqual(await store.append('stream', request), expected)
      }
    },
  ),

  storeCase(['ST-44'], 'reading, touching and deleting a stream need no lease', async (trial) => {
    const store = await trial.store()
    const ttlMs = trial.shortTime
    await store.create('stream', { ttlMs, lease: { holder: 'a', ttlMs }, records: ['1'] })
    await trial.elapse(ttlMs / 2)
    assert.equal(await store.touch('stream'), true)
    await trial.elapse(ttlMs / 2)
    assert.deepStrictEqual(await trial.records(store, 'stream'), ['1'])
    assert.equal(await store.delete('stream'), true)
    await store.create('stream')
    await trial.append(store, 'stream', ['2'])
    assert.deepStrictEqual(await trial.records(store, 'stream'), ['2'], 'a new stream has had no lease')
  }),

  storeCase(
    ['ST-46'],
    'a lease that is handed over is free at once, and its epoch is not reused',
    async (trial) => {
      const store = await trial.store()
      await store.create('stream')
      const first = await acquire(store, 'a', trial.shortTime * 1000)
      assert.equal((await write(store, first, 0)).outcome, 'appended')
      assert.equal(await store.leases.handOver(first), true)
      const [left, ...others] = await store.leases.expired()
      assert.deepStrictEqual(others, [])
      assert.ok(left && left.expiresAt < first.expiresAt)
      assert.deepStrictEqual(left, { ...first, ttlMs: 0, expiresAt: left.expiresAt })
      assert.equal(await store.leases.handOver(first), false)
      assert.deepStrictEqual(await store.leases.renew(first), { outcome: 'lost' }, 'nothing undoes it')
      assert.equal((await store.leases.expired()).length, 1)
      assert.deepStrictEqual(await store.append('stream', { close: true }), { outcome: 'leased' })
      const second = await acquire(store, 'b', 60_000)
      assert.equal(second.epoch, 2)
      assert.equal((await write(store, first, 1)).outcome, 'fenced')
      assert.deepStrictEqual(await store.leases.expired(), [])
      assert.equal((await store.leases.renew(second)).outcome, 'renewed')
    },
  ),

  storeCase(
    ['ST-44', 'ST-54'],
    'a lease taken in one store excludes writers through another',
    async (trial) => {
      const one = await trial.store()
      const two = await trial.peer(one)
      await one.create('stream')
      await trial.append(two, 'stream', ['1'])
      await one.leases.acquire('stream', { holder: 'a', ttlMs: 60_000 })
      await expectLeased(trial, two)
      await one.close()
      await expectLeased(trial, await trial.peer(one))
    },
    ['peers'],
  ),
]
