/** Cases: the streams on a list, in the order of the last appends. */
import assert from 'node:assert/strict'
import { LEASE_PRODUCER } from '../../streams/leases.ts'
import type { ListOptions } from '../../streams/listing.ts'
import type { StreamConfig, StreamStore } from '../../streams/store.ts'
import { deleteOwned } from '../../streams/delete-owned.ts'
import { type StreamStoreCase, storeCase, type StoreTrial } from './harness.ts'

const CHATS: StreamConfig = { owner: 'anna', listed: 'chats' }

/** Returns the ids of a whole list, read in pages of this size. */
async function latest(
  store: StreamStore,
  options: ListOptions = { owner: 'anna', listed: 'chats' },
  limit = 2,
): Promise<string[]> {
  const ids: string[] = []
  for (let after: string | undefined; ;) {
    const page = await store.list({ ...options, limit, ...(after !== undefined && { after }) })
    assert.ok(page.streams.length <= limit)
    ids.push(...page.streams.map(({ id }) => id))
    if (page.next === undefined) return ids
    after = page.next
  }
}

async function createAll(trial: StoreTrial, store: StreamStore, ids: string, config = CHATS): Promise<void> {
  for (const id of ids) await trial.create(store, id, config)
}

export const latestCases: readonly StreamStoreCase[] = [
  storeCase(['ST-81'], 'a list has the streams with the latest appends first', async (trial) => {
    const store = await trial.store()
    await createAll(trial, store, 'abcde')
    await trial.create(store, 'not-listed', { owner: 'anna' })
    assert.deepStrictEqual(await latest(store), ['e', 'd', 'c', 'b', 'a'])
    for (const id of 'aacce') await trial.append(store, id, ['1', '2'])
    await trial.append(store, 'not-listed', ['1'])
    assert.deepStrictEqual(await latest(store), ['e', 'c', 'a', 'd', 'b'])
    await trial.append(store, 'd', { records: ['1'], close: true })
    for (const limit of [1, 3, 5, 100])
      assert.deepStrictEqual(await latest(store, { owner: 'anna', listed: 'chats' }, limit), [
        'd',
        'e',
        'c',
        'a',
        'b',
      ])
    assert.equal((await store.head('d'))?.listed, 'chats')
    assert.equal((await store.list({ owner: 'anna', listed: 'chats' })).streams[1]?.listed, 'chats')
    assert.ok(!('listed' in ((await store.head('not-listed')) ?? {})))
  }),

  storeCase(
    ['ST-81'],
    'each owner has its own lists, and so have streams without an owner',
    async (trial) => {
      const store = await trial.store()
      await createAll(trial, store, 'ab')
      await createAll(trial, store, 'cd', { owner: 'anna', listed: '~other!' })
      await createAll(trial, store, 'ef', { owner: 'berta', listed: 'chats' })
      await createAll(trial, store, 'gh', { listed: 'chats' })
      await createAll(trial, store, 'ij', { owner: 'anna x', listed: 'chats' })
      await createAll(trial, store, 'kl', { owner: '%', listed: 'chats' })
      for (const id of 'acegik') await trial.append(store, id, ['1'])
      assert.deepStrictEqual(await latest(store), ['a', 'b'])
      assert.deepStrictEqual(await latest(store, { owner: 'anna', listed: '~other!' }), ['c', 'd'])
      assert.deepStrictEqual(await latest(store, { owner: 'berta', listed: 'chats' }), ['e', 'f'])
      assert.deepStrictEqual(await latest(store, { owner: null, listed: 'chats' }), ['g', 'h'])
      assert.deepStrictEqual(await latest(store, { owner: 'anna x', listed: 'chats' }), ['i', 'j'])
      assert.deepStrictEqual(await latest(store, { owner: '%', listed: 'chats' }), ['k', 'l'])
      assert.deepStrictEqual(await latest(store, { owner: 'anna', listed: 'none' }), [])
      assert.deepStrictEqual(await latest(store, { owner: 'none', listed: 'chats' }), [])
      assert.deepStrictEqual(await latest(store, { owner: '\ud800', listed: 'chats' }), [])
    },
  ),

  storeCase(['ST-81'], 'the list of a stream is given at creation, and not compared', async (trial) => {
    const store = await trial.store()
    await createAll(trial, store, 'ab')
    assert.equal((await store.create('a', { owner: 'anna' })).outcome, 'exists')
    assert.equal((await store.create('a', { owner: 'anna', listed: 'other' })).outcome, 'exists')
    assert.deepStrictEqual(await latest(store), ['b', 'a'])
    assert.deepStrictEqual(await latest(store, { owner: 'anna', listed: 'other' }), [])
    assert.equal((await store.create('a', { owner: 'berta', listed: 'chats' })).outcome, 'conflict')
    assert.deepStrictEqual(await latest(store, { owner: 'berta', listed: 'chats' }), [])
  }),

  storeCase(['ST-82'], 'only stored records move a stream on its list', async (trial) => {
    const store = await trial.store()
    await createAll(trial, store, 'abcd')
    const lease = { holder: 'a', ttlMs: 60_000 }
    await trial.create(store, 'e', { ...CHATS, ttlMs: 60_000, records: ['1'], lease })
    await createAll(trial, store, 'f')
    const order = ['f', 'e', 'd', 'c', 'b', 'a']
    await trial.append(store, 'a', { close: true, end: 'done' })
    await trial.append(store, 'b', { metadata: 'm', checkpoint: 1 })
    assert.equal((await store.append('a', { records: ['1'] })).outcome, 'closed')
    assert.equal((await store.append('b', { records: [Uint8Array.of(1)] })).outcome, 'content-type')
    assert.equal((await store.append('e', { records: ['1'] })).outcome, 'leased')
    await store.touch('e')
    await store.trim('e', { position: 1 })
    const acquired = await store.leases.acquire('c', lease)
    assert.equal(acquired.outcome, 'acquired')
    assert.deepStrictEqual(await latest(store), order)
    const producer = { id: LEASE_PRODUCER, epoch: 1, seq: 0 }
    await trial.append(store, 'e', { records: ['2'], producer })
    await trial.append(store, 'd', ['1'])
    assert.equal((await store.append('e', { records: ['2'], producer })).outcome, 'duplicate')
    assert.deepStrictEqual(await latest(store), ['d', 'e', 'f', 'c', 'b', 'a'])
  }),

  storeCase(
    ['ST-82'],
    'a clock that goes back changes nothing in the order of a list',
    async (trial) => {
      const store = await trial.store()
      await createAll(trial, store, 'abc')
      await trial.append(store, 'a', ['1'])
      await trial.elapse(-60_000)
      await trial.append(store, 'b', ['1'])
      await createAll(trial, store, 'd')
      assert.deepStrictEqual(await latest(store), ['d', 'b', 'a', 'c'])
    },
    ['clock-goes-back'],
  ),

  storeCase(['ST-83'], 'paging through a moving list meets each unmoved stream once', async (trial) => {
    const store = await trial.store()
    await createAll(trial, store, 'abcdefghij')
    const first = await store.list({ owner: 'anna', listed: 'chats', limit: 4 })
    const met = first.streams.map(({ id }) => id)
    assert.deepStrictEqual(met, ['j', 'i', 'h', 'g'])
    // A stream that was met, one that was not, the last one that was met, and a new one.
    for (const id of 'icg') await trial.append(store, id, ['1'])
    await createAll(trial, store, 'k')
    await store.delete('h')
    for (let { next } = first; next !== undefined;) {
      const page = await store.list({ owner: 'anna', listed: 'chats', limit: 2, after: next })
      met.push(...page.streams.map(({ id }) => id))
      next = page.next as string
    }
    assert.deepStrictEqual(met, ['j', 'i', 'h', 'g', 'f', 'e', 'd', 'b', 'a'])
    assert.deepStrictEqual(await latest(store), ['k', 'g', 'c', 'i', 'j', 'f', 'e', 'd', 'b', 'a'])
  }),

  storeCase(['ST-83'], 'after concurrent appends the list has all streams, each once', async (trial) => {
    const store = await trial.store()
    await createAll(trial, store, 'abcdef')
    const appending = Array.from({ length: 60 }, (_, n) =>
      store.append('abcdef'[n % 6] as string, { records: [String(n)] }),
    )
    for (const { outcome } of await Promise.all(appending)) assert.equal(outcome, 'appended')
    assert.deepStrictEqual((await latest(store, undefined, 4)).toSorted(), ['a', 'b', 'c', 'd', 'e', 'f'])
    for (const id of 'fbd') await trial.append(store, id, ['1'])
    assert.deepStrictEqual((await latest(store)).slice(0, 3), ['d', 'b', 'f'])
  }),

  storeCase(['ST-84'], 'a stream that is gone is on no list', async (trial) => {
    const store = await trial.store()
    const ttlMs = trial.shortTime
    await createAll(trial, store, 'abcd')
    await createAll(trial, store, 'ot', { ...CHATS, ttlMs })
    await trial.create(store, 'fork', { from: { id: 'b' } })
    for (const id of 'db') assert.ok(await store.delete(id))
    assert.deepStrictEqual(await latest(store), ['t', 'o', 'c', 'a'])
    await trial.elapse(ttlMs)
    assert.deepStrictEqual(await latest(store, undefined, 1), ['c', 'a'])
    await trial.create(store, 't', { owner: 'berta', listed: 'chats' })
    await trial.create(store, 'd', { owner: 'anna' })
    assert.deepStrictEqual(await latest(store), ['c', 'a'])
    await trial.create(store, 'o', CHATS)
    await store.sweep()
    assert.deepStrictEqual(await latest(store), ['o', 'c', 'a'])
    assert.equal(await deleteOwned(store, 'anna'), 4)
    assert.deepStrictEqual(await latest(store), [])
    assert.deepStrictEqual(await latest(store, { owner: 'berta', listed: 'chats' }), ['t'])
    await createAll(trial, store, 'ac')
    assert.deepStrictEqual(await latest(store), ['c', 'a'])
  }),

  storeCase(['ST-84'], 'a fork is on the list it asks for, and on none of its source', async (trial) => {
    const store = await trial.store()
    await trial.create(store, 'a', { ...CHATS, records: ['1'] })
    await trial.create(store, 'plain', { owner: 'anna', from: { id: 'a' } })
    await trial.create(store, 'listed', { ...CHATS, from: { id: 'a' } })
    assert.deepStrictEqual(await latest(store), ['listed', 'a'])
    await trial.append(store, 'plain', ['2'])
    await trial.append(store, 'a', ['2'])
    assert.deepStrictEqual(await latest(store), ['a', 'listed'])
    await trial.append(store, 'listed', ['2'])
    assert.deepStrictEqual(await latest(store), ['listed', 'a'])
  }),

  storeCase(['ST-85'], 'an invalid list, or place on a list, is refused', async (trial) => {
    const store = await trial.store()
    const refused = { code: 'invalid_list' }
    for (const listed of ['', 'a b', 'ä', 'x'.repeat(65), 7 as unknown as string]) {
      await assert.rejects(store.create('s', { listed }), refused)
      await assert.rejects(store.list({ owner: 'anna', listed }), refused)
    }
    assert.equal(await store.head('s'), undefined)
    const list = { owner: 'anna', listed: 'x'.repeat(64) }
    await trial.create(store, 's', list)
    await assert.rejects(store.list({ listed: 'chats' }), refused)
    await assert.rejects(store.list({ ...list, prefix: 's' }), refused)
    await assert.rejects(store.list({ ...list, closed: false }), refused)
    await assert.rejects(store.list({ ...list, leased: true }), refused)
    for (const after of ['s', '0', '-1', '1.5', '1e3', '12345678901234567'])
      await assert.rejects(store.list({ ...list, after }), refused)
    assert.deepStrictEqual(await latest(store, list), ['s'])
  }),

  storeCase(
    ['ST-81', 'ST-53', 'ST-54'],
    'an append of one store moves the stream in the lists of every other, and of the next process',
    async (trial) => {
      const one = await trial.store()
      const two = await trial.peer(one)
      await createAll(trial, one, 'abc')
      await trial.append(two, 'a', ['1'])
      assert.deepStrictEqual(await latest(one), ['a', 'c', 'b'])
      await trial.append(one, 'b', ['1'])
      await trial.append(two, 'c', ['1'])
      assert.deepStrictEqual(await latest(two), ['c', 'b', 'a'])
      await two.delete('b')
      await createAll(trial, two, 'd')
      await one.close()
      await trial.append(two, 'a', ['2'])
      await two.close()
      const next = await trial.peer(one)
      assert.deepStrictEqual(await latest(next), ['a', 'd', 'c'])
      await trial.append(next, 'c', ['1'])
      assert.deepStrictEqual(await latest(next), ['c', 'a', 'd'])
    },
    ['peers'],
  ),
]
