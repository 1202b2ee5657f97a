/** Cases: what a stream is closed with. */
import assert from 'node:assert/strict'
import type { StreamStore } from '../../streams/store.ts'
import type { StreamEvent } from '../../streams/watching.ts'
import { numbers, type StreamStoreCase, storeCase } from './harness.ts'

const END = { status: 'failed', message: 'the disk is "full"\n😀', codes: [1, null] }

/** The end in an event, or `no end`. */
function endIn(event: StreamEvent): unknown {
  return 'end' in event && event.end !== undefined ? event.end : 'no end'
}

/** The end of a stream as `head`, the list, the last page and a watch tell it. */
async function endsOf(store: StreamStore, id: string): Promise<readonly unknown[]> {
  const page = await store.read(id, 'start')
  const watch = await store.watch(id, () => {})
  assert.ok(page.outcome === 'page' && watch.outcome === 'watching')
  watch.stop()
  const { streams } = await store.list({ prefix: id })
  return [await store.head(id), streams[0], page, watch].map((told) => {
    assert.ok(told)
    return 'end' in told ? told.end : 'no end'
  })
}

export const endingCases: readonly StreamStoreCase[] = [
  storeCase(['ST-58'], 'an end is stored with the close, and told wherever the close is', async (trial) => {
    const store = await trial.store()
    await store.create('stream', { records: ['1'] })
    assert.deepStrictEqual(await endsOf(store, 'stream'), numbers(4).fill('no end'))
    const closing = { records: ['2', '3'], close: true, end: END, producer: { id: 'p', epoch: 0, seq: 0 } }
    const offset = await trial.append(store, 'stream', closing)
    assert.deepStrictEqual(await endsOf(store, 'stream'), [END, END, END, END])
    // The end is not a record.
    assert.equal(offset.position, 3)
    assert.deepStrictEqual(await trial.records(store, 'stream'), numbers(3))
    assert.ok(!('end' in (await trial.page(store, 'stream', 'start', { maxRecords: 2 }))))
    assert.deepStrictEqual((await trial.page(store, 'stream', 'now')).end, END)
    const closed = { offset, end: END }
    assert.deepStrictEqual(await store.append('stream', { records: ['4'] }), { outcome: 'closed', ...closed })
    const again = await store.append('stream', closing)
    assert.deepStrictEqual(again, { outcome: 'duplicate', closed: true, lastSeq: 0, ...closed })
  }),

  storeCase(['ST-58'], 'an end is any JSON value, also for a stream created closed', async (trial) => {
    const store = await trial.store()
    for (const [n, end] of [null, false, 0, '', [], {}, END].entries()) {
      await store.create(`appended${n}`)
      await trial.append(store, `appended${n}`, { close: true, end })
      const created = await trial.create(store, `created${n}`, { records: ['1'], closed: true, end })
      assert.deepStrictEqual(created.end, end)
      for (const id of [`appended${n}`, `created${n}`]) {
        assert.deepStrictEqual(await endsOf(store, id), [end, end, end, end])
      }
      assert.equal((await store.create(`created${n}`, { closed: true })).outcome, 'exists')
    }
  }),

  storeCase(['ST-58'], 'a watcher is told the end with the close, and not before', async (trial) => {
    const store = await trial.store()
    for (const [id, records] of Object.entries({ alone: [], 'with-records': ['2'] })) {
      await store.create(id)
      const told: unknown[] = []
      await store.watch(id, (event) => void told.push(endIn(event)))
      const inbox = await trial.inbox(store, id)
      await trial.append(store, id, ['1'])
      await trial.append(store, id, { records, close: true, end: END })
      assert.deepStrictEqual(told, ['no end', END])
      await inbox.until('the close', ({ closed }) => closed)
      assert.deepStrictEqual(inbox.end, END)
    }
  }),

  storeCase(['ST-58'], 'an end that the caller changes afterwards stays as it was given', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    const watch = await trial.watch(store, 'stream')
    const end = { status: 'stopped' }
    const closing = store.append('stream', { close: true, end })
    end.status = 'changed'
    assert.equal((await closing).outcome, 'appended')
    await watch.until('the close', ({ closed }) => closed)
    assert.deepStrictEqual(
      [watch.end, ...(await endsOf(store, 'stream'))],
      Array.from({ length: 5 }, () => ({ status: 'stopped' })),
    )
  }),

  storeCase(['ST-59'], 'an end without a close, or over its limit, is refused', async (trial) => {
    const store = await trial.store({ limits: { endBytes: 12 } })
    await store.create('stream')
    const refused = [
      () => store.append('stream', { records: ['1'], end: 1 }),
      () => store.append('stream', { metadata: 1, end: null }),
      () => store.append('stream', { close: true, end: 'ü234567890' }),
      () => store.create('other', { end: 1 }),
      () => store.create('other', { closed: true, end: '12345678901' }),
    ]
    for (const call of refused) await trial.expectError('invalid_end', call)
    assert.equal(await store.head('other'), undefined)
    await trial.append(store, 'stream', { close: true, end: 'ü23456789' })
    assert.deepStrictEqual(await endsOf(store, 'stream'), numbers(4).fill('ü23456789'))
  }),

  storeCase(['ST-60'], 'a closed stream keeps its end when it is closed again', async (trial) => {
    const store = await trial.store()
    await store.create('with', { closed: true, end: END })
    await store.create('without', { closed: true })
    const again = async (id: string, end?: number | typeof END): Promise<string> =>
      (await store.append(id, { close: true, ...(end !== undefined && { end }) })).outcome
    assert.deepStrictEqual([await again('with'), await again('with', END)], ['duplicate', 'duplicate'])
    assert.deepStrictEqual([await again('with', 1), await again('without', 1)], ['closed', 'closed'])
    assert.deepStrictEqual(await endsOf(store, 'with'), [END, END, END, END])
    assert.deepStrictEqual(await endsOf(store, 'without'), numbers(4).fill('no end'))
  }),

  storeCase(
    ['ST-58'],
    'an end is visible to the next process',
    async (trial) => {
      const store = await trial.store()
      await store.create('created', { closed: true, end: END })
      await store.create('stream')
      await trial.append(store, 'stream', { close: true, end: END })
      await store.close()
      const next = await trial.peer(store)
      for (const id of ['created', 'stream']) {
        assert.deepStrictEqual(await endsOf(next, id), [END, END, END, END])
      }
    },
    ['peers'],
  ),

  storeCase(
    ['ST-58'],
    'a watcher is told the end with which another store closes its stream',
    async (trial) => {
      const one = await trial.store()
      const two = await trial.peer(one)
      const large = [JSON.stringify('x'.repeat(200_000))]
      for (const [id, records] of Object.entries({ alone: [], small: ['1', '"ü"'], large })) {
        await one.create(id)
        const watches = [await trial.watch(one, id), await trial.inbox(one, id)]
        await trial.append(two, id, { records, close: true, end: END })
        for (const watch of watches) {
          await watch.until('the close', ({ closed }) => closed)
          assert.deepStrictEqual([watch.end, watch.records], [END, records])
        }
        // Also tells a watcher that comes while others watch.
        assert.deepStrictEqual(await endsOf(one, id), [END, END, END, END])
      }
    },
    ['peers'],
  ),

  storeCase(
    ['ST-55', 'ST-58'],
    'a close is told once, after an append of this store that follows one of another',
    async (trial) => {
      const one = await trial.store()
      const two = await trial.peer(one)
      for (const id of numbers(5)) {
        await one.create(id)
        const watches = [await trial.watch(one, id), await trial.inbox(one, id)]
        await trial.append(two, id, ['1'])
        await Promise.all([trial.append(one, id, ['2']), trial.append(one, id, { close: true, end: END })])
        for (const watch of watches) await watch.until('the close', ({ closed }) => closed)
        await one.delete(id)
        for (const watch of watches) {
          await watch.until('the last event', ({ gone }) => gone === 'deleted')
          assert.deepStrictEqual([watch.end, watch.records], [END, numbers(2)])
        }
      }
    },
    ['peers'],
  ),
]
