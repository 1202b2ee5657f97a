/** Cases: what a trim removes, and what it leaves unchanged. */
import assert from 'node:assert/strict'
import type { Offset, Place } from '../../protocol/offset.ts'
import { LEASE_PRODUCER } from '../../streams/leases.ts'
import type { StreamStore } from '../../streams/store.ts'
import { numbers, type StreamStoreCase, storeCase, type StoreTrial } from './harness.ts'

/** Creates a stream of the numbers up to `count`, appended two at a time; returns the places between them. */
async function filled(
  trial: StoreTrial,
  store: StreamStore,
  count: number,
  id = 'stream',
): Promise<Offset[]> {
  await store.create(id)
  const places = [(await trial.page(store, id)).from]
  for (let n = 1; n <= count; n += 2) {
    await trial.append(store, id, numbers(2, n))
    places.push(
      (await trial.page(store, id, { position: n - 1 }, { maxRecords: 1 })).next,
      (await trial.page(store, id, 'now')).next,
    )
  }
  return places
}

async function trimTo(store: StreamStore, before: Place, first: Offset | undefined): Promise<void> {
  assert.deepStrictEqual(await store.trim('stream', before), { outcome: 'trimmed', first })
}

export const trimmingCases: readonly StreamStoreCase[] = [
  storeCase(
    ['ST-74'],
    'records before a trim are gone, and later ones keep their positions',
    async (trial) => {
      const store = await trial.store()
      const places = await filled(trial, store, 8)
      const first = places[5] ?? assert.fail()
      await trimTo(store, first, first)
      for (const [position, place] of places.entries()) {
        for (const asked of [place, { position }]) {
          const result = await store.read('stream', asked)
          if (position < 5) assert.deepStrictEqual(result, { outcome: 'trimmed', first })
          else {
            const { from, records } = await trial.page(store, 'stream', asked)
            assert.deepStrictEqual(from, place)
            assert.deepStrictEqual(records, numbers(8 - position, position + 1))
          }
        }
      }
      const tail = places[8] ?? assert.fail()
      const whole = await trial.page(store, 'stream', 'start')
      assert.deepStrictEqual([whole.from, whole.next, whole.records], [first, tail, ['6', '7', '8']])
      for (const [last, from] of [
        [0, 8],
        [2, 6],
        [3, 5],
        [9, 5],
      ] as const)
        assert.deepStrictEqual((await trial.page(store, 'stream', { last })).from, places[from])
      const info = await store.head('stream')
      assert.deepStrictEqual([info?.first, info?.tail], [first, tail])
      assert.equal((await trial.append(store, 'stream', ['9'])).position, 9)
      assert.deepStrictEqual(await trial.records(store, 'stream'), ['6', '7', '8', '9'])
    },
  ),

  storeCase(['ST-74'], 'a trim to a place before the first record changes nothing', async (trial) => {
    const store = await trial.store()
    const places = await filled(trial, store, 8)
    await trimTo(store, { position: 5 }, places[5])
    for (const before of ['start', { position: 0 }, { position: 3 }, { position: 5 }, places[4], { last: 4 }])
      await trimTo(store, before as Place, places[5])
    assert.deepStrictEqual(await trial.records(store, 'stream'), ['6', '7', '8'])
    await trimTo(store, { last: 2 }, places[6])
    assert.deepStrictEqual(await trial.records(store, 'stream'), ['7', '8'])
  }),

  storeCase(['ST-74'], 'a completely trimmed stream goes on where it was', async (trial) => {
    const store = await trial.store()
    const places = await filled(trial, store, 4)
    const tail = places[4] ?? assert.fail()
    await trimTo(store, 'now', tail)
    const page = await trial.page(store, 'stream', 'start')
    assert.deepStrictEqual([page.from, page.next, page.records, page.upToDate], [tail, tail, [], true])
    const info = await store.head('stream')
    assert.deepStrictEqual([info?.first, info?.tail], [tail, tail])
    assert.equal((await trial.append(store, 'stream', { records: ['5'], after: tail })).position, 5)
    assert.deepStrictEqual((await trial.page(store, 'stream', tail)).records, ['5'])
    await trial.append(store, 'stream', { close: true })
    await store.trim('stream', 'now')
    const { closed, next } = await trial.page(store, 'stream', 'start')
    assert.deepStrictEqual([closed, next.position], [true, 5])
  }),

  storeCase(['ST-74'], 'position 0 of a trimmed stream is trimmed', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    const { from: start } = await trial.page(store, 'stream', 'start')
    await trial.append(store, 'stream', numbers(3))
    await store.trim('stream', { position: 1 })
    const result = await store.read('stream', start)
    assert.equal(result.outcome === 'trimmed' && result.first.position, 1)
    assert.deepStrictEqual(await trial.records(store, 'stream'), ['2', '3'])
  }),

  storeCase(['ST-74'], 'trimming a long stream affects no other', async (trial) => {
    const store = await trial.store()
    await store.create('before', { records: numbers(10) })
    await store.create('stream')
    for (let n = 0; n < 5; n++) await trial.append(store, 'stream', numbers(1000, 1000 * n + 1))
    await store.create('after', { records: numbers(10) })
    const { outcome } = await store.trim('stream', { position: 4321 })
    assert.equal(outcome, 'trimmed')
    for (let n = 0; n < 20; n++) {
      const { from, records } = await trial.page(store, 'stream', 'start', { maxRecords: 2 })
      assert.deepStrictEqual([from.position, records], [4321, numbers(2, 4322)])
      await trial.append(store, 'after', ['0'])
    }
    assert.deepStrictEqual(await trial.records(store, 'stream'), numbers(679, 4322))
    assert.deepStrictEqual(await trial.records(store, 'before'), numbers(10))
    assert.equal((await trial.records(store, 'after')).length, 30)
    // The remaining records are deleted with the stream.
    await store.trim('stream', { position: 4999 })
    assert.equal(await store.delete('stream'), true)
    await store.create('stream', { records: ['"new"'] })
    assert.deepStrictEqual(await trial.records(store, 'stream'), ['"new"'])
  }),

  storeCase(['ST-75'], 'a place outside of the log trims nothing', async (trial) => {
    const store = await trial.store()
    const places = await filled(trial, store, 4)
    const [, , middle = assert.fail(), , tail = assert.fail()] = places
    const stamp = `${middle.stamp}0`.slice(-32)
    assert.deepStrictEqual(await store.trim('stream', { ...middle, stamp }), { outcome: 'lost' })
    for (const place of [{ position: 5 }, { ...tail, position: 5 }, { ...middle, ahead: 3 }])
      assert.deepStrictEqual(await store.trim('stream', place), { outcome: 'past-end', tail })
    await trial.expectError('invalid_offset', () => store.trim('stream', { position: -1 }))
    assert.deepStrictEqual(await trial.records(store, 'stream'), numbers(4))
    // A place between records of one append is identified by the stamp of a later place.
    await trimTo(store, { position: 1, stamp: middle.stamp, ahead: 1 }, places[1])
    assert.deepStrictEqual(await store.trim('no-stream', 'now'), { outcome: 'missing' })
  }),

  storeCase(['ST-75'], 'a trim with an incarnation affects no other stream', async (trial) => {
    const store = await trial.store()
    await store.create('stream', { records: numbers(3) })
    const before = (await store.head('stream'))?.incarnation
    await store.delete('stream')
    await store.create('stream', { records: numbers(3) })
    const incarnation = (await store.head('stream'))?.incarnation
    assert.deepStrictEqual(await store.trim('stream', { position: 2 }, undefined, before), {
      outcome: 'missing',
    })
    assert.deepStrictEqual(await trial.records(store, 'stream'), numbers(3))
    assert.equal((await store.trim('stream', { position: 2 }, undefined, incarnation)).outcome, 'trimmed')
    assert.deepStrictEqual(await trial.records(store, 'stream'), ['3'])
  }),

  storeCase(
    ['ST-76'],
    'a trim is not a write: it needs no lease, and changes only the records',
    async (trial) => {
      const store = await trial.store()
      const lease = { holder: 'a', ttlMs: 60_000 }
      const metadata = { title: 'a' }
      await store.create('stream', { lease, metadata, records: numbers(2) })
      const producer = { id: LEASE_PRODUCER, epoch: 1, seq: 0 }
      await trial.append(store, 'stream', { records: ['3'], producer, checkpoint: 3, streamSeq: 'b' })
      const before = await store.head('stream')
      await store.trim('stream', 'now')
      const after = await store.head('stream')
      assert.deepStrictEqual(after, { ...before, first: before?.tail })
      const again = { records: ['3'], producer }
      assert.equal((await store.append('stream', again)).outcome, 'duplicate')
      const low = { records: ['4'], producer: { ...producer, seq: 1 }, streamSeq: 'b' }
      assert.equal((await store.append('stream', low)).outcome, 'stream-seq')
      await trial.append(store, 'stream', { ...low, streamSeq: 'c', close: true, end: 'done' })
      assert.equal((await store.trim('stream', { position: 4 })).outcome, 'trimmed')
      const closedAt = await store.head('stream')
      assert.deepStrictEqual([closedAt?.first, closedAt?.end], [closedAt?.tail, 'done'])
      const { closed, end } = await trial.page(store, 'stream', 'start')
      assert.deepStrictEqual([closed, end], [true, 'done'])
    },
  ),

  storeCase(['ST-76'], 'a trim does not prolong the life of a stream', async (trial) => {
    const store = await trial.store()
    await store.create('stream', { ttlMs: trial.shortTime, records: numbers(3) })
    await trial.elapse(trial.shortTime / 2)
    await store.trim('stream', { position: 1 })
    await trial.elapse(trial.shortTime / 2 + 1)
    assert.deepStrictEqual(await store.trim('stream', { position: 2 }), { outcome: 'missing' })
  }),

  storeCase(['ST-77'], 'appends of this process are told, even if they were trimmed', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    const watch = await trial.watch(store, 'stream')
    const inbox = await trial.inbox(store, 'stream')
    await trial.append(store, 'stream', numbers(600))
    inbox.take()
    for (let n = 1; n < 9; n++) {
      await trial.append(store, 'stream', numbers(600, 600 * n + 1))
      await store.trim('stream', n % 2 ? 'now' : { last: 300 })
    }
    await trial.append(store, 'stream', { close: true })
    for (const one of [watch, inbox]) {
      await one.until('all records and the end', ({ closed }) => closed)
      assert.deepStrictEqual(one.records, numbers(5400))
    }
  }),

  storeCase(
    ['ST-77'],
    'a watcher overtaken by a trim of another store is told so, and gets no other records',
    async (trial) => {
      const one = await trial.store()
      const two = await trial.peer(one)
      await one.create('stream')
      for (let round = 0; round < 5; round++) {
        const watch = await trial.watch(one, 'stream')
        const from = watch.tail.position
        await trial.append(two, 'stream', numbers(10, from + 1))
        await two.trim('stream', 'now')
        await watch.until('all records, or that some are gone', ({ records, gone }) => {
          return records.length === 10 || gone !== undefined
        })
        if (watch.gone !== undefined) assert.equal(watch.gone, 'trimmed')
        assert.deepStrictEqual(watch.records, numbers(watch.records.length, from + 1))
        watch.stop()
      }
    },
    ['peers'],
  ),

  storeCase(
    ['ST-74', 'ST-53', 'ST-54'],
    'a trim of one store applies in every other, and for the next process',
    async (trial) => {
      const one = await trial.store()
      const two = await trial.peer(one)
      const places = await filled(trial, one, 8)
      assert.deepStrictEqual(await trial.records(two, 'stream'), numbers(8))
      await trimTo(one, { position: 3 }, places[3])
      assert.deepStrictEqual(await two.read('stream', { position: 2 }), {
        outcome: 'trimmed',
        first: places[3],
      })
      await trimTo(two, 'now', places[8])
      assert.deepStrictEqual(await trial.records(one, 'stream'), [])
      assert.equal((await trial.append(one, 'stream', ['9'])).position, 9)
      await one.close()
      await two.close()
      const next = await trial.peer(one)
      const { from, records } = await trial.page(next, 'stream', 'start')
      assert.deepStrictEqual([from, records], [places[8], ['9']])
    },
    ['peers'],
  ),
]
