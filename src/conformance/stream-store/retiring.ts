/** Cases: what happens to the source of forks when it is deleted or expires. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { START } from '../../protocol/offset.ts'
import type { StreamStore } from '../../streams/store.ts'
import { expectNone } from './forking.ts'
import { numbers, type StreamStoreCase, storeCase, type StoreTrial } from './harness.ts'

export const retiringCases: readonly StreamStoreCase[] = [
  storeCase(['ST-65', 'ST-69'], 'a fork of a trimmed stream begins where that does', async (trial) => {
    const store = await trial.store()
    await trial.create(store, 'source', { records: numbers(3) })
    const places = [
      await trial.append(store, 'source', ['4']),
      await trial.append(store, 'source', ['5']),
    ] as const
    assert.equal((await store.trim('source', places[0])).outcome, 'trimmed')
    await expectNone(store, 'trimmed', { id: 'source', offset: START })
    await expectNone(store, 'trimmed', {
      id: 'source',
      offset: { position: 3, stamp: places[0].stamp, ahead: 1 },
    })
    for (const [n, offset] of [undefined, ...places].entries()) {
      const info = await trial.create(store, `fork${n}`, {
        from: { id: 'source', ...(offset && { offset }) },
      })
      assert.deepStrictEqual([info.first, info.tail], [places[0], offset ?? places[1]])
      await trial.append(store, `fork${n}`, ['"own"'])
      const expected = offset === places[0] ? ['"own"'] : ['5', '"own"']
      assert.deepStrictEqual(await trial.records(store, `fork${n}`), expected)
      assert.equal((await store.read(`fork${n}`, START)).outcome, 'trimmed')
    }
  }),

  storeCase(['ST-65'], 'a trim affects neither forks nor the source of a fork', async (trial) => {
    const store = await trial.store()
    await trial.create(store, 'source', { records: numbers(3) })
    await trial.create(store, 'fork', { from: { id: 'source' }, records: ['4'] })
    await trial.create(store, 'other', { from: { id: 'source' } })
    await trial.append(store, 'source', ['"source"'])
    await store.trim('source', 'now')
    await store.trim('other', 'now')
    assert.deepStrictEqual(await trial.records(store, 'fork'), numbers(4))
    assert.deepStrictEqual((await trial.page(store, 'source')).records, [])
    await trial.append(store, 'source', ['5'])
    await trial.append(store, 'other', ['"other"'])
    await store.delete('source')
    assert.deepStrictEqual(await trial.records(store, 'fork'), numbers(4))
    assert.deepStrictEqual(await trial.records(store, 'other'), ['"other"'])
  }),

  storeCase(['ST-71'], 'a deleted stream keeps its id while forks of it exist', async (trial) => {
    const store = await trial.store()
    await trial.create(store, 'source', { owner: 'anna', records: numbers(2) })
    await trial.create(store, 'fork', { from: { id: 'source' } })
    await trial.append(store, 'source', ['3'])
    const watch = await trial.watch(store, 'source')
    assert.equal(await store.isRetired('source'), false)
    assert.equal(await store.delete('source'), true)
    await watch.until('the end', ({ gone }) => gone === 'deleted')
    assert.equal(await store.delete('source'), false)
    assert.equal(await store.head('source'), undefined)
    assert.equal((await store.read('source', 'start')).outcome, 'missing')
    assert.equal((await store.append('source', { records: ['4'] })).outcome, 'missing')
    assert.deepStrictEqual(
      (await store.list()).streams.map(({ id }) => id),
      ['fork'],
    )
    assert.deepStrictEqual((await store.list({ owner: 'anna' })).streams, [])
    assert.deepStrictEqual(await store.create('source'), { outcome: 'retired' })
    await expectNone(store, 'retired', { id: 'source' })
    assert.equal(await store.isRetired('source'), true)
    assert.equal(await store.isRetired('source', undefined, 'anna'), true)
    for (const owner of ['berta', null])
      assert.equal(await store.isRetired('source', undefined, owner), false)
    assert.equal(await store.isRetired('fork'), false)
    await trial.append(store, 'fork', ['3'])
    assert.deepStrictEqual(await trial.records(store, 'fork'), numbers(3))
  }),

  storeCase(['ST-71'], 'an expired stream keeps its id while forks of it exist', async (trial) => {
    const store = await trial.store({ settle: 0 })
    const ttlMs = trial.shortTime
    await trial.create(store, 'source', { ttlMs, records: ['1'] })
    await trial.create(store, 'fork', { from: { id: 'source' }, expiresAt: Date.now() * 2 })
    await trial.elapse(ttlMs)
    for (const swept of [false, true]) {
      if (swept) assert.equal(await store.sweep(), 1)
      assert.equal(await store.head('source'), undefined)
      assert.deepStrictEqual(await store.create('source'), { outcome: 'retired' })
      assert.equal(await store.isRetired('source'), true)
      await expectNone(store, 'retired', { id: 'source' })
      assert.deepStrictEqual(await trial.records(store, 'fork'), ['1'])
    }
    assert.equal(await store.sweep(), 0)
  }),

  storeCase(['ST-72'], 'an id is free again when the last fork is gone', async (trial) => {
    const store = await trial.store()
    await trial.create(store, 'source', { records: ['1'] })
    for (const id of ['a', 'b']) await trial.create(store, id, { from: { id: 'source' } })
    await store.delete('source')
    await store.delete('a')
    assert.equal(await store.isRetired('source'), true)
    assert.deepStrictEqual(await trial.records(store, 'b'), ['1'])
    await store.delete('b')
    await free(trial, store, 'source')
    await trial.create(store, 'source', { records: ['"new"'] })
    assert.deepStrictEqual(await trial.records(store, 'source'), ['"new"'])
    await trial.create(store, 'b', { from: { id: 'source' } })
    assert.deepStrictEqual(await trial.records(store, 'b'), ['"new"'])
  }),

  storeCase(['ST-72'], 'a stream whose forks are gone works as before', async (trial) => {
    const store = await trial.store()
    await trial.create(store, 'source', { records: ['1'] })
    for (const id of ['a', 'b']) {
      await trial.create(store, id, { from: { id: 'source' } })
      await store.delete(id)
    }
    await trial.append(store, 'source', ['2'])
    assert.deepStrictEqual(await trial.records(store, 'source'), ['1', '2'])
    assert.equal(await store.delete('source'), true)
    assert.equal(await store.isRetired('source'), false)
    await trial.create(store, 'source')
  }),

  storeCase(['ST-72'], 'a fork that is gone holds its source while there are forks of it', async (trial) => {
    const store = await trial.store()
    const ids = ['a', 'b', 'c', 'd']
    await trial.create(store, 'a', { records: ['1'] })
    for (const [n, id] of ids.slice(1).entries())
      await trial.create(store, id, { from: { id: ids[n] as string }, records: [String(n + 2)] })
    for (const id of ['b', 'a', 'c']) assert.equal(await store.delete(id), true)
    for (const id of ['a', 'b', 'c']) assert.deepStrictEqual(await store.create(id), { outcome: 'retired' })
    assert.deepStrictEqual(await trial.records(store, 'd'), numbers(4))
    assert.equal(await store.delete('d'), true)
    for (const id of ['c', 'b', 'a']) {
      await free(trial, store, id)
      await trial.create(store, id)
    }
  }),

  storeCase(['ST-72'], 'a fork holds its source until it is swept', async (trial) => {
    const store = await trial.store({ settle: 0 })
    const ttlMs = trial.shortTime
    await trial.create(store, 'source', { records: ['1'] })
    await trial.create(store, 'fork', { from: { id: 'source' }, ttlMs })
    await store.delete('source')
    await trial.elapse(ttlMs)
    assert.equal(await store.head('fork'), undefined)
    assert.equal(await store.sweep(), 1)
    await free(trial, store, 'source')
    await trial.create(store, 'source')
  }),

  storeCase(['ST-73'], 'a large fork is complete, or does not exist', async (trial) => {
    const store = await trial.store()
    const text = JSON.stringify('x'.repeat(1000))
    const records = Array.from({ length: 1000 }, () => text)
    await trial.create(store, 'source')
    for (let n = 0; n < 5; n++) await trial.append(store, 'source', records)
    const forks = [0, 1, 2].map((n) => store.create('fork', { from: { id: 'source' }, metadata: n }))
    const deleting = trial.hold(store.append('source', { records: ['"late"'] }))
    const outcomes = (await Promise.all(forks)).map(({ outcome }) => outcome)
    await deleting
    assert.deepStrictEqual(outcomes.toSorted(), ['created', 'exists', 'exists'])
    const kept = await trial.records(store, 'fork')
    assert.ok(kept.length === 5000 || kept.length === 5001, `${kept.length} records`)
    assert.ok(kept.slice(0, 5000).every((record) => record === text))
  }),

  storeCase(
    ['ST-73'],
    'a fork whose source is deleted meanwhile is complete, or does not exist',
    async (trial) => {
      const store = await trial.store()
      const records = Array.from({ length: 1000 }, () => JSON.stringify('x'.repeat(1000)))
      for (let round = 0; round < 3; round++) {
        await trial.create(store, `source${round}`, { records })
        for (let n = 0; n < 3; n++) await trial.append(store, `source${round}`, records)
        const [forked, deleted] = await Promise.all([
          store.create(`fork${round}`, { from: { id: `source${round}` } }),
          store.delete(`source${round}`),
        ])
        assert.equal(deleted, true)
        if (forked.outcome === 'created')
          assert.equal((await trial.records(store, `fork${round}`)).length, 4000)
        else {
          assert.equal(forked.outcome, 'no-fork')
          assert.equal(await store.head(`fork${round}`), undefined)
          await free(trial, store, `source${round}`)
        }
      }
    },
  ),

  storeCase(
    ['ST-53', 'ST-54'],
    'a fork and its records are visible to other stores',
    async (trial) => {
      const store = await trial.store()
      const peer = await trial.peer(store)
      await trial.create(store, 'source', { records: numbers(2) })
      const { tail } = await trial.create(peer, 'fork', { from: { id: 'source' }, records: ['3'] })
      assert.deepStrictEqual(await trial.records(store, 'fork'), numbers(3))
      const watch = await trial.watch(store, 'fork')
      await trial.append(peer, 'fork', ['4'])
      await watch.until('the record', (told) => told.records.length === 1)
      assert.equal(await store.delete('source'), true)
      assert.equal(await peer.isRetired('source'), true)
      assert.deepStrictEqual(await peer.create('source'), { outcome: 'retired' })
      await store.close()
      assert.deepStrictEqual((await trial.page(peer, 'fork', tail)).records, ['4'])
      assert.equal(await peer.delete('fork'), true)
      await free(trial, peer, 'source')
    },
    ['peers'],
  ),
]

/** Waits until an id may be used again. */
async function free(trial: StoreTrial, store: StreamStore, id: string): Promise<void> {
  const isFree = async (): Promise<void> => {
    while (await store.isRetired(id)) await sleep(5)
  }
  await trial.soon(isFree(), `the id ${id}`)
}
