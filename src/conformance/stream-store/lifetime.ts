/** Cases: aborted calls, closed stores, and stores that share their streams. */
import assert from 'node:assert/strict'
import { LEASE_PRODUCER } from '../../streams/leases.ts'
import type { StreamStore } from '../../streams/store.ts'
import { numbers, type StreamStoreCase, storeCase } from './harness.ts'

function everyCall(store: StreamStore, signal?: AbortSignal): (() => Promise<unknown>)[] {
  const options = signal ? { signal } : {}
  const lease = { stream: 'stream', incarnation: 'x', holder: 'x', epoch: 1, ttlMs: 1, expiresAt: 1 }
  return [
    () => store.create('other', {}, signal),
    () => store.append('stream', { records: ['2'] }, signal),
    () => store.read('stream', 'start', options),
    () => store.watch('stream', () => {}, signal),
    () => store.head('stream', signal),
    () => store.list(options),
    () => store.touch('stream', signal),
    () => store.trim('stream', 'now', signal),
    () => store.sweep(signal),
    () => store.delete('stream', signal),
    () => store.leases.acquire('stream', { holder: 'x', ttlMs: 1 }, signal),
    () => store.leases.renew(lease, signal),
    () => store.leases.handOver(lease, signal),
    () => store.leases.expired(options),
  ]
}

export const streamLifetimeCases: readonly StreamStoreCase[] = [
  storeCase(
    ['ST-51'],
    'a call whose signal is aborted rejects with its reason, and does nothing',
    async (trial) => {
      const store = await trial.store()
      await store.create('stream', { records: ['1'] })
      const reason = new Error('gone home')
      for (const call of everyCall(store, AbortSignal.abort(reason))) {
        assert.equal(
          await call().then(
            () => 'done',
            (error: unknown) => error,
          ),
          reason,
        )
      }
      assert.deepStrictEqual(
        (await store.list()).streams.map(({ id }) => id),
        ['stream'],
      )
      assert.deepStrictEqual(await trial.records(store, 'stream'), ['1'])
    },
  ),

  storeCase(['ST-51'], 'an aborted append is stored completely or not at all', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    const controllers = Array.from({ length: 20 }, () => new AbortController())
    const appends = controllers.map(({ signal }, n) =>
      store.append('stream', { records: [`[${n},0]`, `[${n},1]`] }, signal).then(
        () => 'kept',
        (error: unknown) => error,
      ),
    )
    const reason = new Error('gone home')
    for (const [n, controller] of controllers.entries()) if (n % 2) controller.abort(reason)
    const outcomes = await Promise.all(appends)
    const records = await trial.records(store, 'stream')
    for (const [n, outcome] of outcomes.entries()) {
      assert.ok(outcome === 'kept' || (outcome === reason && n % 2))
      const at = records.indexOf(`[${n},0]`)
      if (outcome === 'kept') assert.notEqual(at, -1)
      if (at !== -1) assert.equal(records[at + 1], `[${n},1]`)
    }
  }),

  storeCase(['ST-52'], 'a closing store finishes pending writes, and accepts nothing more', async (trial) => {
    const store = await trial.store()
    await store.create('stream', { records: ['1'] })
    const watch = await trial.watch(store, 'stream')
    const appends = numbers(30).map((record) => trial.append(store, 'stream', [record]))
    const closing = store.close()
    await Promise.all(appends)
    await closing
    await store.close()
    assert.deepStrictEqual(watch.records, numbers(30))
    for (const call of everyCall(store)) await trial.expectError('closed', call)
  }),

  storeCase(
    ['ST-53'],
    'stored records are visible to the next process',
    async (trial) => {
      const store = await trial.store()
      const lease = { holder: 'a', ttlMs: 60_000 }
      const created = await store.create('stream', { owner: 'anna', metadata: { n: 1 }, lease })
      assert.ok(created.outcome === 'created' && created.lease)
      const producer = { id: LEASE_PRODUCER, epoch: 1, seq: 0 }
      await trial.append(store, 'stream', {
        records: ['1', ' 2 '],
        producer,
        streamSeq: 'b',
        metadata: { n: 2 },
        checkpoint: { at: 2 },
      })
      await store.create('bytes', { contentType: 'text/plain', records: [Uint8Array.of(0, 255)] })
      const closing = { records: ['1'], close: true, producer: { id: 'p', epoch: 3, seq: 0 } }
      await store.create('closed')
      await trial.append(store, 'closed', closing)
      const before = await store.list()
      await store.close()

      const next = await trial.peer(store)
      assert.deepStrictEqual(await next.list(), before)
      assert.deepStrictEqual(await trial.records(next, 'stream'), ['1', ' 2 '])
      assert.deepStrictEqual([...((await trial.records(next, 'bytes'))[0] as Uint8Array)], [0, 255])
      assert.equal((await next.append('closed', closing)).outcome, 'duplicate')
      assert.equal((await next.append('stream', { records: ['1'], producer })).outcome, 'duplicate')
      const stale = await next.append('stream', {
        records: ['3'],
        producer: { ...producer, seq: 1 },
        streamSeq: 'a',
      })
      assert.deepStrictEqual(stale, { outcome: 'stream-seq', last: 'b' })
      assert.equal((await next.leases.acquire('stream', { ...lease, holder: 'b' })).outcome, 'held')
      assert.equal((await next.leases.renew(created.lease)).outcome, 'renewed')
      await trial.append(next, 'stream', { records: ['3'], producer: { ...producer, seq: 1 } })
    },
    ['peers'],
  ),

  storeCase(
    ['ST-54'],
    'stores that share streams append to one log',
    async (trial) => {
      const one = await trial.store()
      const two = await trial.peer(one)
      assert.equal((await one.create('stream')).outcome, 'created')
      assert.equal((await two.create('stream')).outcome, 'exists')
      const write = async (store: StreamStore, name: string): Promise<number[]> => {
        const positions: number[] = []
        for (const n of numbers(50)) {
          positions.push((await trial.append(store, 'stream', [`"${name}${n}"`])).position)
        }
        return positions
      }
      const [a, b] = await Promise.all([write(one, 'a'), write(two, 'b')])
      const records = await trial.records(one, 'stream')
      assert.deepStrictEqual(await trial.records(two, 'stream'), records)
      assert.equal(records.length, 100)
      for (const [n, position] of a.entries()) assert.equal(records[position - 1], `"a${n + 1}"`)
      for (const [n, position] of b.entries()) assert.equal(records[position - 1], `"b${n + 1}"`)
    },
    ['peers'],
  ),

  storeCase(
    ['ST-54'],
    'stores that share streams know the same producers, leases and ends',
    async (trial) => {
      const one = await trial.store()
      const two = await trial.peer(one)
      await one.create('stream')
      const producer = { id: 'p', epoch: 1, seq: 0 }
      await trial.append(one, 'stream', { records: ['1'], producer })
      assert.equal((await two.append('stream', { records: ['1'], producer })).outcome, 'duplicate')
      await trial.append(two, 'stream', { records: ['2'], producer: { ...producer, epoch: 2 } })
      assert.equal(
        (await one.append('stream', { records: ['2'], producer: { ...producer, seq: 1 } })).outcome,
        'fenced',
      )
      const acquired = await one.leases.acquire('stream', { holder: 'a', ttlMs: 60_000 })
      assert.equal(acquired.outcome, 'acquired')
      assert.equal((await two.leases.acquire('stream', { holder: 'b', ttlMs: 60_000 })).outcome, 'held')
      assert.equal((await two.append('stream', { close: true })).outcome, 'leased')
      await trial.append(two, 'stream', { close: true, producer: { id: LEASE_PRODUCER, epoch: 1, seq: 0 } })
      assert.equal((await one.append('stream', { records: ['3'] })).outcome, 'closed')
      await two.delete('stream')
      assert.equal(await one.head('stream'), undefined)
      await two.create('stream', { records: ['"new"'] })
      assert.deepStrictEqual(await trial.records(one, 'stream'), ['"new"'])
    },
    ['peers'],
  ),

  storeCase(
    ['ST-55'],
    'a watcher is told what other stores append, in one order with its own',
    async (trial) => {
      const one = await trial.store()
      const two = await trial.peer(one)
      await one.create('stream')
      const watches = [await trial.watch(one, 'stream'), await trial.watch(two, 'stream')]
      const write = async (store: StreamStore, name: string): Promise<void> => {
        for (const n of numbers(50)) await trial.append(store, 'stream', [`"${name}${n}"`])
      }
      await Promise.all([write(one, 'a'), write(two, 'b')])
      watches.push(await trial.watch(two, 'stream'))
      await trial.append(one, 'stream', { close: true })
      const records = await trial.records(one, 'stream')
      for (const watch of watches) await watch.until('the end', ({ closed }) => closed)
      assert.deepStrictEqual(
        watches.map((watch) => watch.records),
        [records, records, []],
      )
    },
    ['peers'],
  ),

  storeCase(
    ['ST-55'],
    'a watcher is told when another store deletes its stream',
    async (trial) => {
      const one = await trial.store()
      const two = await trial.peer(one)
      await one.create('deleted')
      await one.create('anew')
      const deleted = await trial.watch(one, 'deleted')
      const anew = await trial.watch(one, 'anew')
      await two.delete('deleted')
      await two.delete('anew')
      await two.create('anew', { records: ['1'] })
      for (const watch of [deleted, anew]) {
        await watch.until('that it is gone', ({ gone }) => gone !== undefined)
        assert.deepStrictEqual([watch.gone, watch.records], ['deleted', []])
      }
    },
    ['peers'],
  ),
]
