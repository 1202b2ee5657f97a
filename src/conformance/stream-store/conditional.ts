/** Cases: operations on the condition that the stream has not changed since it was read. */
import assert from 'node:assert/strict'
import type { Offset } from '../../protocol/offset.ts'
import { LEASE_PRODUCER } from '../../streams/leases.ts'
import type { StreamStore } from '../../streams/store.ts'
import { numbers, type StreamStoreCase, storeCase } from './harness.ts'

async function tailOf(store: StreamStore, id = 'stream'): Promise<Offset> {
  return (await store.head(id))?.tail ?? assert.fail(`${id} is there`)
}

export const conditionalCases: readonly StreamStoreCase[] = [
  storeCase(['ST-16'], 'an append may name the place that it is to follow', async (trial) => {
    const store = await trial.store()
    const start = (await trial.create(store, 'stream', { metadata: 0 })).tail
    const first = await trial.append(store, 'stream', { records: ['1'], after: start })
    const second = await trial.append(store, 'stream', { records: ['2', '3'], after: first })
    const before = await store.head('stream')
    for (const after of [start, first, { ...second, position: 2 }, { ...second, position: 4 }]) {
      for (const request of [{ records: ['"late"'] }, { close: true }, { metadata: 'late' }]) {
        const result = await store.append('stream', { ...request, after })
        assert.deepStrictEqual(result, { outcome: 'moved', offset: second })
      }
    }
    assert.deepStrictEqual(await store.head('stream'), before)
    assert.deepStrictEqual(await trial.records(store, 'stream'), numbers(3))
    await trial.append(store, 'stream', { metadata: 1, after: second })
    await trial.append(store, 'stream', { records: ['4'], close: true, after: second })
    assert.deepStrictEqual(await trial.records(store, 'stream'), numbers(4))
  }),

  storeCase(['ST-16'], 'a place of another stream is not the tail of this one', async (trial) => {
    const store = await trial.store()
    await store.create('stream', { records: ['1'] })
    const before = await tailOf(store)
    await store.delete('stream')
    await store.create('stream', { records: ['1'] })
    const result = await store.append('stream', { records: ['2'], after: before })
    assert.deepStrictEqual(result, { outcome: 'moved', offset: await tailOf(store) })
    const nowhere = { ...before, position: -1 }
    await trial.expectError('invalid_offset', () =>
      store.append('stream', { records: ['2'], after: nowhere }),
    )
  }),

  storeCase(['ST-16'], 'the start can be named in every way', async (trial) => {
    const store = await trial.store()
    for (const after of [
      { position: 0, stamp: 'other' },
      { position: 0, stamp: '1', ahead: 2 },
    ]) {
      await store.create('stream')
      await trial.append(store, 'stream', { records: ['1'], after })
      const again = await store.append('stream', { records: ['2'], after })
      assert.deepStrictEqual(again, { outcome: 'moved', offset: await tailOf(store) })
      await store.delete('stream')
    }
  }),

  storeCase(['ST-16'], 'of several appends after one place, one is stored', async (trial) => {
    const store = await trial.store()
    const after = (await trial.create(store, 'stream')).tail
    const append = (n: string): ReturnType<StreamStore['append']> =>
      store.append('stream', { records: [n], after })
    const outcomes = (await Promise.all(numbers(20).map(append))).map(({ outcome }) => outcome)
    assert.equal(outcomes.filter((outcome) => outcome === 'appended').length, 1)
    assert.equal(outcomes.filter((outcome) => outcome === 'moved').length, 19)
    assert.equal((await trial.records(store, 'stream')).length, 1)
  }),

  storeCase(
    ['ST-16', 'ST-22'],
    'a repeated append is a duplicate, wherever the tail is by then',
    async (trial) => {
      const store = await trial.store()
      const after = (await trial.create(store, 'stream')).tail
      const once = { records: ['1'], producer: { id: 'p', epoch: 0, seq: 0 }, after }
      await trial.append(store, 'stream', once)
      await trial.append(store, 'stream', ['2'])
      assert.equal((await store.append('stream', once)).outcome, 'duplicate')
      const next = { ...once, producer: { id: 'p', epoch: 0, seq: 1 } }
      assert.equal((await store.append('stream', next)).outcome, 'moved')
      const due = { ...next, after: await tailOf(store) }
      assert.equal((await store.append('stream', due)).outcome, 'appended', 'its seq was not used up')
    },
  ),

  storeCase(['ST-22'], 'refusals are checked in a fixed order', async (trial) => {
    const store = await trial.store()
    const after = (await trial.create(store, 'stream')).tail
    await trial.append(store, 'stream', { records: ['1'], streamSeq: 'b' })
    const producer = { id: 'p', epoch: 0, seq: 1 }
    const all = { records: ['2'], contentType: 'text/plain', producer, after, streamSeq: 'a' }
    const { contentType: _, ...sameType } = all
    const { producer: _producer, ...nobody } = sameType
    const { after: _after, ...anywhere } = nobody
    const outcomeOf = async (request: typeof anywhere, id = 'stream'): Promise<string> =>
      (await store.append(id, request)).outcome
    assert.equal(await outcomeOf(all), 'content-type')
    assert.equal(await outcomeOf(sameType), 'gap')
    assert.equal(await outcomeOf(nobody), 'moved')
    assert.equal(await outcomeOf(anywhere), 'stream-seq')
    await store.leases.acquire('stream', { holder: 'a', ttlMs: 60_000 })
    assert.equal(await outcomeOf(all), 'leased')
    const holder = { id: LEASE_PRODUCER, epoch: 1, seq: 0 }
    assert.equal((await store.append('stream', { ...nobody, producer: holder })).outcome, 'moved')
    await trial.append(store, 'stream', { close: true, producer: holder })
    assert.equal(await outcomeOf(all), 'closed')
    assert.equal(await outcomeOf(all, 'no-stream'), 'missing')
  }),

  storeCase(['ST-32'], 'a delete or touch with an incarnation affects no other stream', async (trial) => {
    const store = await trial.store()
    const ttlMs = trial.shortTime
    const { incarnation: before } = await trial.create(store, 'stream', { ttlMs })
    assert.equal(await store.touch('stream', undefined, before), true)
    assert.equal(await store.delete('stream', undefined, before), true)
    const { incarnation } = await trial.create(store, 'stream', { ttlMs, records: ['1'] })
    const info = await store.head('stream')
    await trial.elapse(ttlMs / 2)
    assert.equal(await store.touch('stream', undefined, before), false)
    assert.equal(await store.delete('stream', undefined, before), false)
    assert.deepStrictEqual(await store.head('stream'), info)
    assert.deepStrictEqual(await trial.records(store, 'stream'), ['1'])
    assert.equal(await store.delete('stream', undefined, incarnation), true)
    assert.equal(await store.head('stream'), undefined)
  }),

  storeCase(
    ['ST-16', 'ST-54'],
    'a place may be followed through one store only, whoever looked at it',
    async (trial) => {
      const one = await trial.store()
      const two = await trial.peer(one)
      await one.create('stream')
      let kept = 0
      const fill = async (store: StreamStore): Promise<void> => {
        while (kept < 20) {
          const after = await tailOf(store)
          const request = { records: [String(after.position + 1)], after }
          if ((await store.append('stream', request)).outcome === 'appended') kept++
        }
      }
      await Promise.all([fill(one), fill(two)])
      assert.deepStrictEqual(await trial.records(one, 'stream'), numbers(kept))
    },
    ['peers'],
  ),
]
