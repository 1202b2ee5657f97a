/** Cases: an inbox collects events until its owner takes them. */
import assert from 'node:assert/strict'
import type { StreamRecord } from '../../streams/stream.ts'
import { numbers, type StreamStoreCase, storeCase } from './harness.ts'

const encoder = new TextEncoder()

export const inboxCases: readonly StreamStoreCase[] = [
  storeCase(['ST-56'], 'an inbox gives what was appended since all was taken', async (trial) => {
    const store = await trial.store()
    await store.create('stream', { records: ['"before"'] })
    const watch = await trial.inbox(store, 'stream')
    assert.deepStrictEqual(watch.tail, (await store.head('stream'))?.tail)
    assert.equal(watch.takeAll(), 0)
    await trial.append(store, 'stream', ['1'])
    await trial.append(store, 'stream', ['2', '3'])
    await trial.append(store, 'stream', { metadata: 'only' })
    await store.append('stream', { records: ['"refused"'], producer: { id: 'p', epoch: 0, seq: 1 } })
    watch.takeAll()
    assert.deepStrictEqual(watch.records, numbers(3), 'its own process tells before the append resolves')
    assert.deepStrictEqual(watch.tail, (await store.head('stream'))?.tail)
    await trial.append(store, 'stream', { metadata: 'only' })
    assert.equal(watch.takeAll(), 0)
    await trial.append(store, 'stream', ['4'])
    await trial.append(store, 'stream', { records: ['5'], close: true })
    watch.takeAll()
    assert.deepStrictEqual([watch.records, watch.closed], [numbers(5), true])
    await store.append('stream', { close: true })
    assert.equal(watch.takeAll(), 0)
  }),

  storeCase(['ST-56'], 'an inbox gives a close without records', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    const watch = await trial.inbox(store, 'stream')
    await trial.append(store, 'stream', ['1'])
    watch.takeAll()
    assert.equal(watch.closed, false)
    await trial.append(store, 'stream', { close: true })
    assert.equal(watch.takeAll(), 1)
    assert.deepStrictEqual([watch.records, watch.closed], [['1'], true])
    const late = await trial.inbox(store, 'stream')
    assert.deepStrictEqual([late.takeAll(), late.calls], [0, 0])
  }),

  storeCase(
    ['ST-56'],
    'reading up to the tail and taking from there misses and repeats nothing',
    async (trial) => {
      const store = await trial.store()
      await store.create('stream')
      const writers = Array.from({ length: 10 }, async (_, writer) => {
        for (let n = 0; n < 30; n++) await trial.append(store, 'stream', [`[${writer},${n}]`, `{"n":[${n}]}`])
      })
      const appending = trial.hold(Promise.all(writers))
      const readers = Array.from({ length: 10 }, async (_, n) => {
        // Each inbox begins and takes at different moments of the writing.
        for (let turn = 0; turn < n * 2; turn++) await trial.page(store, 'stream', 'now')
        const watch = await trial.inbox(store, 'stream')
        const tail = watch.tail.position - watch.records.length
        for (let turn = 0; turn < n; turn++) {
          await trial.page(store, 'stream', 'now')
          if (turn % 2 === 0) watch.take()
        }
        const past =
          tail === 0 ? [] : (await trial.page(store, 'stream', 'start', { maxRecords: tail })).records
        await watch.until('600 records', ({ records }) => past.length + records.length === 600)
        return [...past, ...watch.records]
      })
      const read = await Promise.all(readers)
      await appending
      const records = await trial.records(store, 'stream')
      assert.equal(records.length, 600)
      for (const reader of read) assert.deepStrictEqual(reader, records)
    },
  ),

  storeCase(['ST-56'], 'an inbox gives JSON as the text it came as', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    const watch = await trial.inbox(store, 'stream')
    const records = [
      '1',
      ' { "a" : [ 1 , 2 ] , "b": "," } ',
      String.raw`"\\\",[{"`,
      '"]}"',
      '"é, 漢, 😀"',
      '\n[\n]\n',
      `"${'long, '.repeat(12_000)}"`,
      `[${'"é",'.repeat(12_000)}{}]`,
      '{}',
    ]
    for (const record of records) await trial.append(store, 'stream', [record])
    await trial.append(store, 'stream', records)
    watch.takeAll()
    assertSame(watch.records, [...records, ...records])
  }),

  storeCase(['ST-56'], 'an inbox on a stream of bytes gives bytes', async (trial) => {
    const store = await trial.store()
    await store.create('stream', { contentType: 'text/plain', records: [encoder.encode('before')] })
    const watch = await trial.inbox(store, 'stream')
    const records = ['a', ',', '"', 'é', 'x'.repeat(600), '\xff'.repeat(70_000), 'b'].map((text) =>
      encoder.encode(text),
    )
    for (const record of records) await trial.append(store, 'stream', [record])
    await trial.append(store, 'stream', { records, close: true })
    watch.takeAll()
    assertSame(watch.records, [...records, ...records])
    assert.ok(watch.closed)
  }),

  storeCase(['ST-56'], 'an inbox and a listener on one stream are told the same', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    const first = await trial.inbox(store, 'stream')
    const pending: Promise<unknown>[] = []
    const append = (position: number): void => {
      if (position >= 20) return
      pending.push(trial.hold(store.append('stream', { records: [String(position + 1)] })))
    }
    await store.watch('stream', (event) => {
      if (event.type === 'append') append(event.next.position)
    })
    const listening = await trial.watch(store, 'stream')
    const second = await trial.inbox(store, 'stream')
    await trial.append(store, 'stream', ['1'])
    for (const watch of [first, listening, second]) {
      await watch.until('20 records', ({ records }) => records.length >= 20)
    }
    await Promise.all(pending)
    for (const watch of [first, listening, second]) assert.deepStrictEqual(watch.records, numbers(20))
  }),

  storeCase(
    ['ST-56'],
    'an inbox gives what was not taken before it says that the stream is gone',
    async (trial) => {
      const store = await trial.store({ settle: 0 })
      await store.create('deleted')
      await store.create('over', { ttlMs: trial.shortTime })
      for (const id of ['deleted', 'over']) {
        const watch = await trial.inbox(store, id)
        const listening = await trial.watch(store, id)
        await trial.append(store, id, ['1'])
        await trial.append(store, id, ['2'])
        if (id === 'deleted') await store.delete(id)
        else {
          await trial.elapse(trial.shortTime)
          await store.sweep()
        }
        await listening.until('that it is gone', ({ gone }) => gone !== undefined)
        await store.create(id, { records: ['3'] })
        await trial.append(store, id, ['4'])
        await watch.until('that it is gone', ({ gone }) => gone !== undefined)
        assert.equal(watch.gone, id === 'deleted' ? 'deleted' : 'expired')
        assert.deepStrictEqual([watch.records, watch.calls, watch.takeAll()], [['1', '2'], 1, 0])
        await store.delete(id)
        assert.deepStrictEqual([watch.takeAll(), watch.calls], [0, 1])
      }
    },
  ),

  storeCase(
    ['ST-55', 'ST-56'],
    'an inbox gives what other stores append, in one order with its own',
    async (trial) => {
      const store = await trial.store()
      const peer = await trial.peer(store)
      await store.create('stream')
      const watch = await trial.inbox(store, 'stream')
      const appends = [store, peer].map(async (one) => {
        for (const record of numbers(20)) await trial.append(one, 'stream', [record])
      })
      await Promise.all(appends)
      await watch.until('40 records', ({ records }) => records.length >= 40)
      assert.deepStrictEqual(watch.records, await trial.records(store, 'stream'))
      await trial.append(peer, 'stream', { records: ['"last"'], close: true })
      await watch.until('the end', ({ closed }) => closed)
      await peer.delete('stream')
      await watch.until('that it is gone', ({ gone }) => gone !== undefined)
      assert.equal(watch.records.length, 41)
    },
    ['peers'],
  ),

  storeCase(
    ['ST-57'],
    'an inbox is called once until all was taken, and again for later events',
    async (trial) => {
      const store = await trial.store()
      await store.create('stream')
      const watch = await trial.inbox(store, 'stream')
      const other = await trial.inbox(store, 'stream')
      for (const record of numbers(3)) await trial.append(store, 'stream', [record])
      assert.equal(watch.calls, 1)
      watch.take()
      await trial.append(store, 'stream', ['4'])
      assert.equal(watch.calls, 1, 'nobody has seen yet that there is nothing more')
      watch.takeAll()
      await trial.append(store, 'stream', { metadata: 'only' })
      assert.equal(watch.calls, 1)
      await trial.append(store, 'stream', ['5'])
      assert.deepStrictEqual([watch.calls, other.calls], [2, 1], 'what one does is nothing to the other')
      const late = await trial.inbox(store, 'stream')
      await trial.append(store, 'stream', { records: ['6'], close: true })
      assert.deepStrictEqual([watch.calls, other.calls, late.calls], [2, 1, 1])
      for (const one of [watch, other, late]) one.takeAll()
      assert.deepStrictEqual([watch.records, other.records, late.records], [numbers(6), numbers(6), ['6']])
      await store.delete('stream')
      for (const one of [watch, other, late]) {
        await one.until('that it is gone', ({ gone }) => gone !== undefined)
      }
      assert.deepStrictEqual([watch.calls, other.calls, late.calls], [3, 2, 2])
    },
  ),

  storeCase(['ST-57'], 'a stopped inbox gives nothing more, not even waiting events', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    const controller = new AbortController()
    const stopped = await trial.inbox(store, 'stream')
    const aborted = await trial.inbox(store, 'stream', controller.signal)
    const stays = await trial.inbox(store, 'stream')
    for (const watch of [stopped, aborted]) {
      await trial.append(store, 'stream', ['1'])
      watch.takeAll()
    }
    await trial.append(store, 'stream', ['2'])
    const calls = [stopped.calls, aborted.calls]
    stopped.stop()
    stopped.stop()
    controller.abort()
    await trial.append(store, 'stream', ['3'])
    assert.deepStrictEqual([stopped.takeAll(), aborted.takeAll()], [0, 0])
    await trial.append(store, 'stream', ['4'])
    await store.delete('stream')
    await stays.until('that it is gone', ({ gone }) => gone !== undefined)
    assert.deepStrictEqual([stopped.takeAll(), aborted.takeAll()], [0, 0])
    assert.deepStrictEqual([stopped.calls, aborted.calls], calls)
    assert.deepStrictEqual(stays.records, ['1', '1', '2', '3', '4'])
  }),

  storeCase(['ST-57'], 'an inbox gives nothing once its store has ended', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    const watch = await trial.inbox(store, 'stream')
    await trial.append(store, 'stream', ['1'])
    await store.close()
    assert.deepStrictEqual([watch.takeAll(), watch.calls], [0, 1])
  }),

  storeCase(['ST-57'], 'an inbox may take and call the store while it is called', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    const pending: Promise<unknown>[] = []
    const first = await trial.inbox(store, 'stream', undefined, () => {
      if (first.calls === 11) return first.stop()
      first.takeAll()
      pending.push(trial.hold(store.append('stream', { records: [String(first.calls + 1)] })))
    })
    const listening = await trial.watch(store, 'stream')
    const second = await trial.inbox(store, 'stream')
    await trial.append(store, 'stream', ['1'])
    for (const watch of [listening, second]) {
      await watch.until('11 records', ({ records }) => records.length >= 11)
      assert.deepStrictEqual(watch.records, numbers(11))
    }
    await Promise.all(pending)
    assert.deepStrictEqual([first.records, first.takeAll(), first.calls], [numbers(10), 0, 11])
  }),
]

/** Reports which record differs, but not how, because records may be long. */
function assertSame(found: readonly StreamRecord[], due: readonly StreamRecord[]): void {
  assert.equal(found.length, due.length)
  for (const [n, record] of due.entries()) {
    const same = isSame(found[n] as StreamRecord, record)
    assert.ok(same, `record ${n}, of ${record.length}, is not the one that was appended`)
  }
}

function isSame(found: StreamRecord, due: StreamRecord): boolean {
  if (typeof found === 'string' || typeof due === 'string') return found === due
  return found.length === due.length && found.every((byte, n) => byte === due[n])
}
