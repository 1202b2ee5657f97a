/** Cases: one process at a time fills a stream. */
import assert from 'node:assert/strict'
import { LEASE_PRODUCER, type Lease } from '../../streams/leases.ts'
import type { AppendResult, StreamStore } from '../../streams/store.ts'
import { type StreamStoreCase, storeCase } from './harness.ts'

export async function acquire(store: StreamStore, holder: string, ttlMs: number): Promise<Lease> {
  const result = await store.leases.acquire('stream', { holder, ttlMs })
  return result.outcome === 'acquired'
    ? result.lease
    : assert.fail(`${holder} gets it, not ${result.outcome}`)
}

export function write(
  store: StreamStore,
  { epoch }: { epoch: number },
  seq: number,
  record = '1',
): Promise<AppendResult> {
  return store.append('stream', { records: [record], producer: { id: LEASE_PRODUCER, epoch, seq } })
}

export const leasingCases: readonly StreamStoreCase[] = [
  storeCase(['ST-42'], 'a lease is held by one, and shows the stream as it is', async (trial) => {
    const store = await trial.store()
    await store.create('stream', { records: ['1'], metadata: { step: 1 } })
    await trial.append(store, 'stream', { records: ['2'], checkpoint: { at: 2 } })
    const result = await store.leases.acquire('stream', { holder: 'a', ttlMs: 60_000 })
    assert.equal(result.outcome, 'acquired')
    if (result.outcome !== 'acquired') return
    const { lease, info } = result
    assert.deepStrictEqual(info, await store.head('stream'))
    assert.deepStrictEqual(info.checkpoint, { at: 2 })
    const { expiresAt, ...rest } = lease
    const { incarnation } = info
    assert.deepStrictEqual(rest, { stream: 'stream', incarnation, holder: 'a', epoch: 1, ttlMs: 60_000 })
    assert.ok(expiresAt >= info.createdAt + 60_000)
    for (const holder of ['b', 'a']) {
      const held = await store.leases.acquire('stream', { holder, ttlMs: 1000 })
      assert.deepStrictEqual(held, { outcome: 'held', lease })
    }
  }),

  storeCase(['ST-42'], 'of concurrent requests for a lease one succeeds', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    const requests = Array.from({ length: 20 }, (_, n) =>
      store.leases.acquire('stream', { holder: `h${n}`, ttlMs: 60_000 }),
    )
    const outcomes = (await Promise.all(requests)).map(({ outcome }) => outcome)
    assert.equal(outcomes.filter((outcome) => outcome === 'acquired').length, 1)
    assert.equal(outcomes.filter((outcome) => outcome === 'held').length, 19)
  }),

  storeCase(['ST-43'], 'an expired lease may be taken over, with a higher epoch', async (trial) => {
    const store = await trial.store()
    const ttlMs = trial.shortTime
    await store.create('stream')
    const first = await acquire(store, 'a', ttlMs)
    await trial.elapse(ttlMs)
    const second = await acquire(store, 'b', ttlMs * 10)
    assert.equal(second.epoch, first.epoch + 1)
    assert.deepStrictEqual(await store.leases.renew(first), { outcome: 'lost' })
    assert.equal(await store.leases.handOver(first), false)
    assert.equal((await store.leases.renew(second)).outcome, 'renewed')
  }),

  storeCase(['ST-44'], 'the log refuses a holder from the moment its lease is taken over', async (trial) => {
    const store = await trial.store()
    const ttlMs = trial.shortTime
    await store.create('stream')
    const first = await acquire(store, 'a', ttlMs)
    assert.equal((await write(store, first, 0)).outcome, 'appended')
    await trial.elapse(ttlMs)
    assert.equal((await write(store, first, 1)).outcome, 'appended', 'nobody took it yet')
    const second = await acquire(store, 'b', ttlMs * 10)
    for (const seq of [2, 1, 0]) {
      assert.deepStrictEqual(await write(store, first, seq), { outcome: 'fenced', epoch: second.epoch })
    }
    assert.deepStrictEqual(await write(store, second, 1), { outcome: 'gap', expectedSeq: 0, receivedSeq: 1 })
    assert.equal((await write(store, second, 0)).outcome, 'appended')
    assert.equal((await store.head('stream'))?.tail.position, 3)
  }),

  storeCase(['ST-44'], 'only a lease raises the epoch of the lease producer', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    for (const epoch of [0, 1]) {
      assert.deepStrictEqual(await write(store, { epoch }, 0), { outcome: 'fenced', epoch: 0 })
    }
    await trial.append(store, 'stream', ['"nobody leased it"'])
    const lease = await acquire(store, 'a', 60_000)
    assert.deepStrictEqual(await write(store, { epoch: 2 }, 0), { outcome: 'fenced', epoch: 1 })
    assert.equal((await write(store, lease, 0)).outcome, 'appended')
  }),

  storeCase(['ST-45'], 'a lease lasts as long as it is renewed', async (trial) => {
    const ttlMs = trial.shortTime
    await trial.withinTime(ttlMs * 2, async () => {
      const store = await trial.store()
      await store.create('stream')
      const first = await acquire(store, 'a', ttlMs)
      await trial.elapse(ttlMs * 0.6)
      const renewal = await store.leases.renew(first)
      assert.equal(renewal.outcome, 'renewed')
      if (renewal.outcome !== 'renewed') return
      const { expiresAt, ...rest } = renewal.lease
      assert.ok(expiresAt > first.expiresAt)
      assert.deepStrictEqual({ ...rest, expiresAt: first.expiresAt }, first)
      await trial.elapse(ttlMs * 0.6)
      assert.equal((await store.leases.acquire('stream', { holder: 'b', ttlMs })).outcome, 'held')
    })
  }),

  storeCase(['ST-45'], 'an expired lease that no process took can be renewed', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    const lease = await acquire(store, 'a', trial.shortTime)
    await trial.elapse(trial.shortTime)
    assert.equal((await store.leases.renew(lease)).outcome, 'renewed')
    assert.deepStrictEqual(await store.leases.expired(), [])
  }),

  storeCase(['ST-47'], 'expired leases are listed, the earliest expiry first', async (trial) => {
    const store = await trial.store()
    const ttlMs = trial.shortTime
    const lease = (length: number): { holder: string; ttlMs: number } => ({ holder: 'a', ttlMs: length })
    await store.create('long', { lease: lease(ttlMs * 1000) })
    await store.create('second', { lease: lease(ttlMs) })
    await store.create('first', { lease: lease(ttlMs / 2) })
    await store.create('closed', { lease: lease(ttlMs) })
    await store.create('kept', { lease: lease(ttlMs), ttlMs })
    assert.deepStrictEqual(await store.leases.expired(), [])
    await trial.append(store, 'closed', {
      close: true,
      producer: { id: LEASE_PRODUCER, epoch: 1, seq: 0 },
    })
    await trial.elapse(ttlMs)
    const expired = await store.leases.expired()
    // The last two expired together, or one after the other if time passed between their creations.
    assert.deepStrictEqual(
      expired.map(({ stream, holder, epoch }) => [stream, holder, epoch]),
      ['first', ...expired.slice(1).map(({ stream }) => stream)].map((stream) => [stream, 'a', 1]),
    )
    assert.deepStrictEqual(
      expired,
      expired.toSorted((a, b) => a.expiresAt - b.expiresAt || (a.stream < b.stream ? -1 : 1)),
    )
    assert.deepStrictEqual(expired.map(({ stream }) => stream).sort(), ['first', 'kept', 'second'])
    assert.deepStrictEqual(await store.leases.expired({ limit: 1 }), expired.slice(0, 1))
  }),

  storeCase(
    ['ST-47'],
    'expired leases are listed page by page, whatever becomes of earlier ones',
    async (trial) => {
      const store = await trial.store()
      const ttlMs = trial.shortTime
      const ids = Array.from({ length: 30 }, (_, n) => `stream${String(n).padStart(2, '0')}`)
      // At the same moment, as far as a store can: many of them expire together.
      await Promise.all(ids.toReversed().map((id) => store.create(id, { lease: { holder: 'a', ttlMs } })))
      await trial.elapse(ttlMs)
      const all = await store.leases.expired()
      assert.deepStrictEqual(all.map(({ stream }) => stream).sort(), ids)
      assert.deepStrictEqual(
        all,
        all.toSorted((a, b) => a.expiresAt - b.expiresAt || (a.stream < b.stream ? -1 : 1)),
      )
      const paged: Lease[] = []
      for (let after: Lease | undefined; ;) {
        const page = await store.leases.expired({ limit: 7, ...(after && { after }) })
        paged.push(...page)
        after = page.at(-1)
        if (page.length < 7) break
        if (after) await store.leases.acquire(after.stream, { holder: 'b', ttlMs: 60_000 })
      }
      assert.deepStrictEqual(paged, all)
      const last = all.at(-1)
      assert.ok(last)
      assert.deepStrictEqual(await store.leases.expired({ after: last }), [])
      for (const after of [
        { expiresAt: -1, stream: 'stream' },
        { expiresAt: 0.5, stream: 'stream' },
      ])
        await trial.expectError('invalid_lease', () => store.leases.expired({ after }))
      await trial.expectError('invalid_id', () => store.leases.expired({ after: { ...last, stream: '' } }))
    },
  ),

  storeCase(
    ['ST-45', 'ST-47'],
    'a renewal may be shorter, and is listed when that time is over',
    async (trial) => {
      const store = await trial.store()
      const ttlMs = trial.shortTime
      await store.create('stream')
      const lease = await acquire(store, 'a', ttlMs * 1000)
      assert.equal((await store.leases.renew({ ...lease, ttlMs })).outcome, 'renewed')
      await trial.elapse(ttlMs)
      assert.deepStrictEqual(
        (await store.leases.expired()).map(({ stream, ttlMs }) => [stream, ttlMs]),
        [['stream', ttlMs]],
      )
    },
  ),

  storeCase(['ST-48'], 'closing a stream ends its lease and drops its checkpoint', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    const lease = await acquire(store, 'a', 60_000)
    const producer = { id: LEASE_PRODUCER, epoch: lease.epoch, seq: 0 }
    await trial.append(store, 'stream', { records: ['1'], checkpoint: 1, producer })
    const close = { close: true, checkpoint: 2, producer: { ...producer, seq: 1 } }
    const offset = await trial.append(store, 'stream', close)
    assert.ok(!('checkpoint' in ((await store.head('stream')) ?? assert.fail())), 'the checkpoint is gone')
    assert.deepStrictEqual(await store.leases.renew(lease), { outcome: 'lost' })
    const result = await store.leases.acquire('stream', { holder: 'b', ttlMs: 1000 })
    assert.deepStrictEqual(result, { outcome: 'closed', offset })
  }),

  storeCase(
    ['ST-49'],
    'a stream is created with its lease, and an existing stream keeps its own',
    async (trial) => {
      const store = await trial.store()
      const a = { holder: 'a', ttlMs: 60_000 }
      const created = await store.create('stream', { lease: a })
      assert.ok(created.outcome === 'created' && created.lease)
      assert.equal(created.lease.epoch, 1)
      const again = await store.create('stream', { lease: { ...a, holder: 'b' } })
      assert.equal(again.outcome, 'exists')
      const held = await store.leases.acquire('stream', { ...a, holder: 'b' })
      assert.deepStrictEqual(held, { outcome: 'held', lease: created.lease })
      assert.equal((await write(store, created.lease, 0)).outcome, 'appended')
      assert.equal((await store.leases.renew(created.lease)).outcome, 'renewed')
    },
  ),

  storeCase(['ST-49'], 'a lease does not outlive the incarnation of its stream', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    const lease = await acquire(store, 'a', 60_000)
    await store.delete('stream')
    await store.create('stream', { lease: { holder: 'a', ttlMs: 60_000 } })
    assert.deepStrictEqual(await store.leases.renew(lease), { outcome: 'lost' })
    assert.equal(await store.leases.handOver(lease), false)
  }),

  storeCase(['ST-42'], 'an invalid lease is refused', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    for (const part of [
      { holder: '' },
      { holder: 'ü' },
      { ttlMs: 0 },
      { ttlMs: 0.5 },
      { ttlMs: Number.POSITIVE_INFINITY },
    ]) {
      const request = { holder: 'a', ttlMs: 1000, ...part }
      await trial.expectError('invalid_lease', () => store.leases.acquire('stream', request))
    }
    await trial.expectError('invalid_limit', () => store.leases.expired({ limit: 0 }))
  }),

  storeCase(
    ['ST-50'],
    'a clock that goes back takes no lease away, and delays a takeover by one length at most',
    async (trial) => {
      const store = await trial.store()
      const ttlMs = 10_000
      await store.create('stream')
      const first = await acquire(store, 'a', ttlMs)
      await trial.elapse(-3_600_000)
      assert.deepStrictEqual(await store.leases.expired(), [])
      assert.equal((await store.leases.acquire('stream', { holder: 'b', ttlMs })).outcome, 'held')
      await trial.elapse(ttlMs - 1)
      assert.equal((await store.leases.acquire('stream', { holder: 'b', ttlMs })).outcome, 'held')
      await trial.elapse(1)
      assert.equal((await store.leases.expired()).length, 1)
      const second = await acquire(store, 'b', ttlMs)
      assert.equal(second.epoch, first.epoch + 1)
      assert.equal(await store.leases.handOver(second), true)
      await trial.elapse(-3_600_000)
      assert.equal((await store.leases.expired()).length, 1, 'what was handed over is free at any time')
      await acquire(store, 'c', ttlMs)
    },
    ['clock-goes-back'],
  ),

  storeCase(
    ['ST-50'],
    'a clock that goes forward fences no holder by itself: it goes on until a takeover',
    async (trial) => {
      const store = await trial.store()
      const ttlMs = trial.shortTime
      await store.create('stream')
      const first = await acquire(store, 'a', ttlMs)
      assert.equal((await write(store, first, 0)).outcome, 'appended')
      await trial.elapse(ttlMs)
      assert.equal((await write(store, first, 1, '2')).outcome, 'appended')
      const second = await acquire(store, 'b', 60_000)
      const { outcome } = await write(store, first, 2, '3')
      assert.equal(outcome, 'fenced')
      assert.deepStrictEqual(await store.leases.renew(first), { outcome: 'lost' })
      assert.equal((await write(store, second, 0, '3')).outcome, 'appended')
      assert.deepStrictEqual(await trial.records(store, 'stream'), ['1', '2', '3'])
    },
  ),
]
