/** Cases: watching streams. */
import assert from 'node:assert/strict'
import { numbers, type StreamStoreCase, storeCase } from './harness.ts'

export const watchingCases: readonly StreamStoreCase[] = [
  storeCase(['ST-33'], 'a watcher is told of each append, from the tail on', async (trial) => {
    const store = await trial.store()
    await store.create('stream', { records: ['"before"'] })
    const watch = await trial.watch(store, 'stream')
    assert.deepStrictEqual(watch.tail, (await store.head('stream'))?.tail)
    await trial.append(store, 'stream', ['1'])
    assert.deepStrictEqual(watch.records, ['1'], 'its own process tells before the append resolves')
    await trial.append(store, 'stream', ['2', '3'])
    await trial.append(store, 'stream', { metadata: 'only' })
    assert.deepStrictEqual(watch.records, numbers(3))
    assert.deepStrictEqual(watch.tail, (await store.head('stream'))?.tail)
  }),

  storeCase(['ST-33'], 'records told to a watcher can be read', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    const reads: Promise<void>[] = []
    await store.watch('stream', (event) => {
      if (event.type !== 'append') return
      const { from, records } = event
      const reading = store.read('stream', from, { maxRecords: records.length || 1 }).then((page) => {
        assert.deepStrictEqual(page.outcome === 'page' && page.records, records)
      })
      reads.push(trial.hold(reading))
    })
    await Promise.all(numbers(50).map((record) => trial.append(store, 'stream', [record])))
    assert.ok(reads.length > 0)
    await Promise.all(reads)
  }),

  storeCase(['ST-33'], 'a refused append is not told to watchers', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    const watch = await trial.watch(store, 'stream')
    await store.append('stream', { records: ['1'], producer: { id: 'p', epoch: 0, seq: 1 } })
    await store.append('stream', { records: [Uint8Array.of(1)] })
    await trial.append(store, 'stream', ['2'])
    assert.deepStrictEqual(watch.records, ['2'])
  }),

  storeCase(
    ['ST-34'],
    'reading up to the tail and watching from there misses and repeats nothing',
    async (trial) => {
      const store = await trial.store()
      await store.create('stream')
      const writers = Array.from({ length: 10 }, async (_, writer) => {
        for (let n = 0; n < 30; n++) await trial.append(store, 'stream', [`[${writer},${n}]`])
      })
      const appending = trial.hold(Promise.all(writers))
      const readers = Array.from({ length: 10 }, async (_, n) => {
        // Each watcher begins at a different moment of the writing.
        for (let turn = 0; turn < n * 2; turn++) await trial.page(store, 'stream', 'now')
        const watch = await trial.watch(store, 'stream')
        const tail = watch.tail.position - watch.records.length
        const past =
          tail === 0 ? [] : (await trial.page(store, 'stream', 'start', { maxRecords: tail })).records
        await watch.until('300 records', ({ records }) => past.length + records.length === 300)
        return [...past, ...watch.records]
      })
      const read = await Promise.all(readers)
      await appending
      const records = await trial.records(store, 'stream')
      assert.equal(records.length, 300)
      for (const reader of read) assert.deepStrictEqual(reader, records)
    },
  ),

  storeCase(['ST-35'], 'a stopped watch gets no more events', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    const controller = new AbortController()
    const stopped = await trial.watch(store, 'stream')
    const aborted = await trial.watch(store, 'stream', controller.signal)
    const stays = await trial.watch(store, 'stream')
    await trial.append(store, 'stream', ['1'])
    stopped.stop()
    stopped.stop()
    controller.abort()
    await trial.append(store, 'stream', ['2'])
    assert.deepStrictEqual([stopped.records, aborted.records, stays.records], [['1'], ['1'], ['1', '2']])
  }),

  storeCase(['ST-36'], 'a listener that throws affects no other', async (trial) => {
    const logged: unknown[] = []
    const error = (_fields: object, message: string): void => void logged.push(message)
    const store = await trial.store({ logger: { debug() {}, info() {}, warn() {}, error } })
    await store.create('stream')
    await store.watch('stream', () => {
      throw new Error('a listener that throws')
    })
    const watch = await trial.watch(store, 'stream')
    await trial.append(store, 'stream', ['1'])
    await trial.append(store, 'stream', ['2'])
    assert.deepStrictEqual(watch.records, ['1', '2'])
    assert.equal(logged.length, 2)
  }),

  storeCase(['ST-36'], 'a listener may append, watch and stop', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    const pending: Promise<unknown>[] = []
    const first = await store.watch('stream', (event) => {
      if (event.type !== 'append' || event.next.position >= 20) return
      pending.push(trial.hold(store.append('stream', { records: [String(event.next.position + 1)] })))
      if (event.next.position === 10 && first.outcome === 'watching') first.stop()
    })
    const watch = await trial.watch(store, 'stream')
    const late = Promise.withResolvers<unknown>()
    await store.watch('stream', (event) => {
      if (event.type === 'append' && event.next.position === 3)
        late.resolve(trial.hold(trial.watch(store, 'stream')))
    })
    await trial.append(store, 'stream', ['1'])
    await watch.until('11 records', ({ records }) => records.length === 11)
    const second = (await late.promise) as typeof watch
    await Promise.all(pending)
    assert.deepStrictEqual(watch.records, numbers(11))
    assert.deepStrictEqual(second.tail, watch.tail)
  }),

  storeCase(['ST-37'], 'the last event of a stream is its close, or that it is gone', async (trial) => {
    const store = await trial.store()
    await store.create('closed', { records: ['1'] })
    await store.create('deleted')
    const closed = await trial.watch(store, 'closed')
    const deleted = await trial.watch(store, 'deleted')
    await trial.append(store, 'closed', { close: true })
    await closed.until('the end', (watch) => watch.closed)
    assert.deepStrictEqual(closed.records, [])
    await trial.append(store, 'deleted', ['1'])
    await store.delete('deleted')
    await deleted.until('that it is gone', (watch) => watch.gone !== undefined)
    assert.equal(deleted.gone, 'deleted')
    await store.create('deleted', { records: ['2'] })
    await trial.append(store, 'deleted', ['3'])
    assert.deepStrictEqual(deleted.records, ['1'])
    await store.delete('closed')
    await closed.until('that it is gone', (watch) => watch.gone !== undefined)
  }),

  storeCase(['ST-37'], 'a closed stream can be watched, and says so', async (trial) => {
    const store = await trial.store()
    await store.create('stream', { records: ['1'], closed: true })
    const result = await store.watch('stream', () => assert.fail('nothing comes'))
    assert.ok(result.outcome === 'watching' && result.closed)
    assert.equal(result.tail.position, 1)
  }),
]
