/** Cases: producers, and the end of a stream. */
import assert from 'node:assert/strict'
import type { AppendResult, StreamStore } from '../../streams/store.ts'
import { type StreamStoreCase, storeCase } from './harness.ts'

function send(
  store: StreamStore,
  epoch: number,
  seq: number,
  record = `[${epoch},${seq}]`,
): Promise<AppendResult> {
  return store.append('stream', { records: [record], producer: { id: 'p', epoch, seq } })
}

export const producingCases: readonly StreamStoreCase[] = [
  storeCase(['ST-18'], 'a repeated append is stored once, and answered as a duplicate', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    for (const seq of [0, 1, 2]) assert.equal((await send(store, 0, seq)).outcome, 'appended')
    for (const seq of [2, 0, 1]) {
      const result = await send(store, 0, seq, '"again"')
      assert.equal(result.outcome, 'duplicate')
      assert.deepStrictEqual(result, {
        outcome: 'duplicate',
        offset: (await store.head('stream'))?.tail,
        closed: false,
        lastSeq: 2,
      })
    }
    assert.deepStrictEqual(await trial.records(store, 'stream'), ['[0,0]', '[0,1]', '[0,2]'])
  }),

  storeCase(['ST-18'], 'the same append sent many times at once is stored once', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    const results = await Promise.all(Array.from({ length: 20 }, () => send(store, 0, 0)))
    assert.equal(results.filter(({ outcome }) => outcome === 'appended').length, 1)
    assert.equal(results.filter(({ outcome }) => outcome === 'duplicate').length, 19)
    assert.deepStrictEqual(await trial.records(store, 'stream'), ['[0,0]'])
  }),

  storeCase(['ST-18'], 'seq counts appends, not records', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    const producer = { id: 'p', epoch: 0 }
    await trial.append(store, 'stream', { records: ['1', '2', '3'], producer: { ...producer, seq: 0 } })
    await trial.append(store, 'stream', { records: ['4'], producer: { ...producer, seq: 1 } })
    await trial.append(store, 'stream', { metadata: 1, producer: { ...producer, seq: 2 } })
    assert.equal((await store.head('stream'))?.tail.position, 4)
  }),

  storeCase(['ST-19'], 'a gap is refused, and tells the expected seq', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    assert.deepStrictEqual(await send(store, 0, 1), { outcome: 'gap', expectedSeq: 0, receivedSeq: 1 })
    await send(store, 0, 0)
    assert.deepStrictEqual(await send(store, 0, 5), { outcome: 'gap', expectedSeq: 1, receivedSeq: 5 })
    assert.equal((await send(store, 0, 1)).outcome, 'appended')
    assert.deepStrictEqual(await trial.records(store, 'stream'), ['[0,0]', '[0,1]'])
  }),

  storeCase(['ST-20'], 'a new epoch starts at seq 0, and excludes earlier ones', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    await send(store, 3, 0)
    await send(store, 3, 1)
    assert.deepStrictEqual(await send(store, 4, 2), { outcome: 'epoch-start', receivedSeq: 2 })
    assert.equal((await send(store, 3, 2)).outcome, 'appended')
    assert.equal((await send(store, 7, 0)).outcome, 'appended')
    for (const [epoch, seq] of [
      [3, 3],
      [3, 0],
      [6, 0],
      [0, 0],
    ] as const) {
      assert.deepStrictEqual(await send(store, epoch, seq), { outcome: 'fenced', epoch: 7 })
    }
    assert.equal((await send(store, 7, 1)).outcome, 'appended')
    assert.deepStrictEqual(await trial.records(store, 'stream'), [
      '[3,0]',
      '[3,1]',
      '[3,2]',
      '[7,0]',
      '[7,1]',
    ])
  }),

  storeCase(
    ['ST-21'],
    'producers are known by id and stream, and independent of other writers',
    async (trial) => {
      const store = await trial.store()
      await store.create('stream')
      await store.create('other')
      await send(store, 5, 0)
      const q = { id: 'q', epoch: 0, seq: 0 }
      await trial.append(store, 'stream', { records: ['"q"'], producer: q })
      await trial.append(store, 'stream', ['"nobody"'])
      await trial.append(store, 'other', { records: ['1'], producer: { id: 'p', epoch: 0, seq: 0 } })
      assert.equal((await send(store, 5, 1)).outcome, 'appended')
      assert.equal((await store.append('stream', { records: ['1'], producer: q })).outcome, 'duplicate')
    },
  ),

  storeCase(['ST-21'], 'an invalid producer is refused', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    const p = { id: 'p', epoch: 0, seq: 0 }
    const bad = [
      { id: '' },
      { id: 'ü' },
      { epoch: -1 },
      { epoch: 0.5 },
      { epoch: 2 ** 53 },
      { seq: -1 },
      { seq: Number.NaN },
    ]
    for (const part of bad) {
      await trial.expectError('invalid_producer', () =>
        store.append('stream', { records: ['1'], producer: { ...p, ...part } }),
      )
    }
    const largest = { id: 'p', epoch: Number.MAX_SAFE_INTEGER, seq: 0 }
    await trial.append(store, 'stream', { records: ['1'], producer: largest })
    assert.equal((await store.append('stream', { records: ['1'], producer: largest })).outcome, 'duplicate')
  }),

  storeCase(['ST-22'], 'a refused append moves neither its producer nor the stream', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    await trial.append(store, 'stream', { records: ['1'], streamSeq: 'b' })
    const producer = { id: 'p', epoch: 2, seq: 0 }
    const refused = await store.append('stream', { records: ['2'], producer, streamSeq: 'a', close: true })
    assert.deepStrictEqual(refused, { outcome: 'stream-seq', last: 'b' })
    const mismatch = await store.append('stream', { records: [Uint8Array.of(1)], producer })
    assert.equal(mismatch.outcome, 'content-type')
    await trial.expectError('invalid_record', () => store.append('stream', { records: ['{'], producer }))
    assert.equal((await store.append('stream', { records: ['2'], producer })).outcome, 'appended')
    assert.deepStrictEqual(await trial.records(store, 'stream'), ['1', '2'])
  }),

  storeCase(['ST-23'], 'a stream is closed in the step of its last records', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    const told: [number, boolean][] = []
    await store.watch('stream', (event) => {
      if (event.type === 'append') told.push([event.next.position, event.closed])
    })
    await trial.append(store, 'stream', ['1'])
    const result = await store.append('stream', { records: ['2', '3'], close: true })
    const { tail } = (await store.head('stream')) ?? assert.fail('the stream is there')
    assert.deepStrictEqual(result, { outcome: 'appended', offset: tail, closed: true })
    assert.deepStrictEqual(told, [
      [1, false],
      [3, true],
    ])
    assert.ok((await store.head('stream'))?.closed)
    const first = await trial.page(store, 'stream', 'start', { maxRecords: 2 })
    assert.ok(!first.closed && !first.upToDate, 'a reader before the end does not see it')
    assert.ok((await trial.page(store, 'stream', first.next)).closed)
  }),

  storeCase(['ST-24'], 'a closed stream takes nothing, and says where it ends', async (trial) => {
    const store = await trial.store()
    await store.create('stream', { records: ['1'] })
    await send(store, 0, 0)
    await trial.append(store, 'stream', { close: true })
    const closed = { outcome: 'closed', offset: (await store.head('stream'))?.tail }
    assert.deepStrictEqual(await store.append('stream', { records: ['2'] }), closed)
    assert.deepStrictEqual(await store.append('stream', { records: ['2'], close: true }), closed)
    assert.deepStrictEqual(await store.append('stream', { metadata: 1 }), closed)
    assert.deepStrictEqual(await store.append('stream', { records: [Uint8Array.of(1)] }), closed)
    for (const [epoch, seq] of [
      [0, 0],
      [0, 1],
      [0, 9],
      [1, 0],
    ] as const) {
      assert.deepStrictEqual(await send(store, epoch, seq), closed)
    }
    assert.deepStrictEqual(await trial.records(store, 'stream'), ['1', '[0,0]'])
  }),

  storeCase(['ST-25'], 'closing what is closed is a duplicate', async (trial) => {
    const store = await trial.store()
    await store.create('stream', { records: ['1'] })
    await trial.append(store, 'stream', { close: true })
    const duplicate = { outcome: 'duplicate', offset: (await store.head('stream'))?.tail, closed: true }
    assert.deepStrictEqual(await store.append('stream', { close: true }), duplicate)
    assert.deepStrictEqual(await store.append('stream', { close: true, records: [] }), duplicate)
  }),

  storeCase(['ST-25'], 'repeating the append that closed a stream is a duplicate', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    const closing = { records: ['1'], close: true, producer: { id: 'p', epoch: 2, seq: 0 } }
    const end = await trial.append(store, 'stream', closing)
    const duplicate = { outcome: 'duplicate', offset: end, closed: true, lastSeq: 0 }
    assert.deepStrictEqual(await store.append('stream', closing), duplicate)
    const other = await store.append('stream', { ...closing, producer: { id: 'q', epoch: 2, seq: 0 } })
    assert.deepStrictEqual(other, { outcome: 'closed', offset: end })
    assert.deepStrictEqual(await trial.records(store, 'stream'), ['1'])
  }),
]
