/** Cases: listing streams, by owner and by lease. */
import assert from 'node:assert/strict'
import { LEASE_PRODUCER } from '../../streams/leases.ts'
import type { ListOptions } from '../../streams/listing.ts'
import type { StreamStore } from '../../streams/store.ts'
import { type StreamStoreCase, storeCase } from './harness.ts'

/** Returns a whole listing, read in pages of this size. Asserts the order of the ids. */
async function listed(store: StreamStore, options: ListOptions, limit = 2): Promise<string[]> {
  const ids: string[] = []
  for (let after: string | undefined; ;) {
    const page = await store.list({ ...options, limit, ...(after !== undefined && { after }) })
    assert.ok(page.streams.length <= limit)
    ids.push(...page.streams.map(({ id }) => id))
    if (page.next === undefined) break
    after = page.next
  }
  assert.deepStrictEqual(ids, ids.toSorted())
  return ids
}

export const listingCases: readonly StreamStoreCase[] = [
  storeCase(['ST-31'], 'streams without an owner are listed separately', async (trial) => {
    const store = await trial.store()
    for (const n of [1, 2, 3]) {
      await store.create(`a${n}`, { owner: 'anna' })
      await store.create(`n${n}`, { closed: n === 2 })
    }
    assert.deepStrictEqual(await listed(store, { owner: null }), ['n1', 'n2', 'n3'])
    assert.deepStrictEqual(await listed(store, { owner: null, closed: false }), ['n1', 'n3'])
    assert.deepStrictEqual(await listed(store, { owner: null, prefix: 'n2' }), ['n2'])
    await store.delete('n1')
    await store.create('n3', { owner: 'anna' })
    assert.deepStrictEqual(await listed(store, { owner: null }), ['n2', 'n3'], 'it stays so')
    await store.delete('n3')
    await store.create('n3', { owner: 'anna' })
    assert.deepStrictEqual(await listed(store, { owner: null }), ['n2'])
    assert.deepStrictEqual(await listed(store, { owner: 'anna' }), ['a1', 'a2', 'a3', 'n3'])
  }),

  storeCase(['ST-31'], 'the streams of an owner are counted, and those without one', async (trial) => {
    const store = await trial.store()
    const counts = async (most = 100): Promise<number[]> => [
      await store.countOwned('anna', most),
      await store.countOwned('anna b', most),
      await store.countOwned(null, most),
    ]
    assert.deepStrictEqual(await counts(), [0, 0, 0])
    const ttlMs = trial.shortTime
    for (const id of ['a', 'b', 'c']) await store.create(id, { owner: 'anna', closed: id === 'b' })
    await store.create('d', { owner: 'anna b', lease: { holder: 'h', ttlMs: 60_000 } })
    await store.create('n')
    assert.deepStrictEqual(await counts(), [3, 1, 1])
    assert.deepStrictEqual(await counts(2), [2, 1, 1], 'no more is looked for')
    await store.create('a', { owner: 'anna' })
    await store.create('a', { owner: 'anna b' })
    await store.create('a')
    await store.create('x', { owner: 'anna', from: { id: 'missing' } })
    assert.deepStrictEqual(await counts(), [3, 1, 1], 'what was not created counts for nobody')
    await store.delete('a')
    await store.create('a', { owner: 'anna b' })
    assert.deepStrictEqual(await counts(), [2, 2, 1])
    await store.create('over', { owner: 'anna', ttlMs })
    await trial.elapse(ttlMs)
    assert.deepStrictEqual(await counts(), [3, 2, 1], 'until it is swept')
    await assert.rejects(store.countOwned('anna', 0), { code: 'invalid_limit' })
  }),

  storeCase(
    ['ST-31', 'ST-48'],
    'leased streams are listed, by owner, until they are closed',
    async (trial) => {
      const store = await trial.store()
      const ttlMs = trial.shortTime
      const lease = { holder: 'a', ttlMs }
      await store.create('created', { owner: 'anna', lease })
      await store.create('acquired', { owner: 'anna' })
      await store.create('plain', { owner: 'anna' })
      await store.create('over', { owner: 'anna', ttlMs, lease })
      await store.create('berta', { owner: 'berta', lease })
      await store.create('nobody', { lease })
      const leased = (owner?: string | null): Promise<string[]> =>
        listed(store, { leased: true, ...(owner !== undefined && { owner }) })
      assert.deepStrictEqual(await leased('anna'), ['created', 'over'])
      const taken = await store.leases.acquire('acquired', { holder: 'b', ttlMs: ttlMs * 10 })
      assert.equal(taken.outcome, 'acquired')
      assert.deepStrictEqual(await leased('anna'), ['acquired', 'created', 'over'])
      await trial.elapse(ttlMs)
      assert.deepStrictEqual(await leased('anna'), ['acquired', 'created', 'over'], 'held or not')
      await store.delete('over')
      assert.deepStrictEqual(await leased('berta'), ['berta'])
      assert.deepStrictEqual(await leased(null), ['nobody'])
      assert.deepStrictEqual(await leased(), ['acquired', 'berta', 'created', 'nobody'])
      if (taken.outcome === 'acquired') await store.leases.handOver(taken.lease)
      const producer = { id: LEASE_PRODUCER, epoch: 1, seq: 0 }
      await trial.append(store, 'created', { records: ['1'], close: true, producer })
      assert.deepStrictEqual(await leased('anna'), ['acquired'])
      await store.delete('acquired')
      await store.create('acquired', { owner: 'anna' })
      assert.deepStrictEqual(await leased('anna'), [])
      assert.deepStrictEqual(await listed(store, { leased: true, closed: true }), [])
      assert.deepStrictEqual(await leased('berta'), ['berta'])
    },
  ),

  storeCase(
    ['ST-31', 'ST-54'],
    'a store lists what another one leased and closed',
    async (trial) => {
      const one = await trial.store()
      const two = await trial.peer(one)
      const lease = { holder: 'a', ttlMs: 60_000 }
      await one.create('s', { owner: 'anna' })
      assert.deepStrictEqual(await listed(two, { owner: 'anna', leased: true }), [])
      await one.leases.acquire('s', lease)
      assert.deepStrictEqual(await listed(two, { owner: 'anna', leased: true }), ['s'])
      await trial.append(two, 's', { close: true, producer: { id: LEASE_PRODUCER, epoch: 1, seq: 0 } })
      assert.deepStrictEqual(await listed(one, { owner: 'anna', leased: true }), [])
      assert.deepStrictEqual(await listed(one, { owner: 'anna' }), ['s'])
    },
    ['peers'],
  ),
]
