/** Cases: what the close of a stream leaves owed. */
import assert from 'node:assert/strict'
import type { Json } from '../../protocol/json.ts'
import { LEASE_PRODUCER, type ClaimResult, type Lease } from '../../streams/leases.ts'
import type { StreamStore } from '../../streams/store.ts'
import { type StreamStoreCase, type StoreTrial, storeCase } from './harness.ts'

const OWES = { tell: ['anna', '"ü"\n😀'], at: 3 }
const WEEK_MS = 7 * 24 * 3600 * 1000

/** Creates a stream with a lease, and closes it with something owed. */
async function closeOwing(
  trial: StoreTrial,
  store: StreamStore,
  id: string,
  { ttlMs, lease = 60_000, owes = OWES }: { ttlMs?: number; lease?: number; owes?: Json } = {},
): Promise<Lease> {
  const life = ttlMs === undefined ? {} : { ttlMs }
  const created = await store.create(id, { owner: 'anna', lease: { holder: 'a', ttlMs: lease }, ...life })
  assert.ok(created.outcome === 'created' && created.lease)
  await closes(trial, store, created.lease, owes)
  return created.lease
}

async function closes(trial: StoreTrial, store: StreamStore, lease: Lease, owes: Json): Promise<void> {
  const producer = { id: LEASE_PRODUCER, epoch: lease.epoch, seq: 0 }
  await trial.append(store, lease.stream, { records: ['1'], close: true, end: 'over', owes, producer })
}

function claim(store: StreamStore, lease: Lease, holder: string, ttlMs = 60_000): Promise<ClaimResult> {
  return store.leases.claim(lease, { holder, ttlMs })
}

async function mustClaim(store: StreamStore, lease: Lease, holder: string, ttlMs?: number): Promise<Lease> {
  const result = await claim(store, lease, holder, ttlMs)
  return result.outcome === 'claimed' ? result.lease : assert.fail(`${holder} gets it`)
}

async function listed(store: StreamStore): Promise<readonly (readonly [string, boolean])[]> {
  return (await store.leases.expired()).map(({ stream, owed = false }) => [stream, owed])
}

export const owingCases: readonly StreamStoreCase[] = [
  storeCase(
    ['ST-61', 'ST-47'],
    'what a close leaves owed is listed when its lease has expired',
    async (trial) => {
      const store = await trial.store()
      const ttlMs = trial.shortTime
      const lease = await closeOwing(trial, store, 'owing', { lease: ttlMs })
      await store.create('open', { lease: { holder: 'b', ttlMs: ttlMs / 2 } })
      const other = await store.create('closed', { lease: { holder: 'b', ttlMs } })
      assert.ok(other.outcome === 'created' && other.lease)
      await trial.append(store, 'closed', {
        close: true,
        producer: { id: LEASE_PRODUCER, epoch: other.lease.epoch, seq: 0 },
      })
      assert.deepStrictEqual(await listed(store), [])
      await trial.elapse(ttlMs)
      assert.deepStrictEqual(await listed(store), [
        ['open', false],
        ['owing', true],
      ])
      const [first] = await store.leases.expired({ limit: 1 })
      assert.ok(first)
      const [second] = await store.leases.expired({ after: first })
      const { expiresAt: _, ...rest } = second ?? assert.fail('the next page has it')
      const { incarnation, epoch } = lease
      assert.deepStrictEqual(rest, { stream: 'owing', incarnation, holder: 'a', epoch, ttlMs, owed: true })
    },
  ),

  storeCase(['ST-61', 'ST-31'], 'a closed stream that owes something is as closed as any', async (trial) => {
    const store = await trial.store()
    const lease = await closeOwing(trial, store, 'stream')
    const offset = (await store.head('stream'))?.tail ?? assert.fail('it is there')
    const request = { holder: 'b', ttlMs: 1000 }
    assert.deepStrictEqual(await store.leases.acquire('stream', request), { outcome: 'closed', offset })
    assert.equal(await store.leases.handOver(lease), true)
    assert.deepStrictEqual(await store.leases.acquire('stream', request), { outcome: 'closed', offset })
    assert.deepStrictEqual((await store.list({ leased: true, owner: 'anna' })).streams, [])
    assert.equal((await store.append('stream', { records: ['2'] })).outcome, 'closed')
    assert.deepStrictEqual(await trial.records(store, 'stream'), ['1'])
    const told = JSON.stringify([await store.head('stream'), await store.read('stream', 'start')])
    assert.ok(!told.includes('tell'), 'what is owed is told to who claims it alone')
  }),

  storeCase(
    ['ST-61', 'ST-45', 'ST-46'],
    'the process that closed a stream keeps its lease for what is owed, and can hand it over',
    async (trial) => {
      const ttlMs = trial.shortTime
      await trial.withinTime(ttlMs * 2, async () => {
        const store = await trial.store()
        const lease = await closeOwing(trial, store, 'stream', { lease: ttlMs })
        assert.equal((await claim(store, lease, 'b')).outcome, 'lost')
        await trial.elapse(ttlMs * 0.6)
        const renewal = await store.leases.renew(lease)
        assert.ok(renewal.outcome === 'renewed' && renewal.lease.owed)
        await trial.elapse(ttlMs * 0.6)
        assert.equal((await claim(store, lease, 'b')).outcome, 'lost')
        assert.equal(await store.leases.handOver(lease), true)
        assert.deepStrictEqual(await listed(store), [['stream', true]])
        assert.equal((await store.leases.renew(lease)).outcome, 'lost')
        assert.equal(await store.leases.settle(lease), false)
        await mustClaim(store, lease, 'b')
      })
    },
  ),

  storeCase(['ST-61'], 'only a close under a lease may owe something, within a limit', async (trial) => {
    const store = await trial.store({ limits: { checkpointBytes: 12 } })
    const created = await store.create('stream', { lease: { holder: 'a', ttlMs: 60_000 } })
    assert.ok(created.outcome === 'created' && created.lease)
    const producer = { id: LEASE_PRODUCER, epoch: 1, seq: 0 }
    const refused = [
      { records: ['1'], owes: 1, producer },
      { close: true, owes: 1 },
      { close: true, owes: 1, producer: { ...producer, id: 'p' } },
      { close: true, owes: 'ü234567890', producer },
    ]
    for (const request of refused)
      await trial.expectError('invalid_owes', () => store.append('stream', request))
    await trial.append(store, 'stream', { close: true, owes: 'ü23456789', producer })
    assert.equal(await store.leases.handOver(created.lease), true)
    const result = await claim(store, created.lease, 'b')
    assert.deepStrictEqual(result.outcome === 'claimed' && result.owes, 'ü23456789')
  }),

  storeCase(['ST-61'], 'a refused close leaves nothing owed', async (trial) => {
    const store = await trial.store()
    const created = await store.create('stream', { lease: { holder: 'a', ttlMs: 60_000 } })
    assert.ok(created.outcome === 'created' && created.lease)
    const close = { close: true, producer: { id: LEASE_PRODUCER, epoch: 1, seq: 0 } }
    const late = { ...close, owes: 'late', producer: { ...close.producer, seq: 1 } }
    assert.equal((await store.append('stream', late)).outcome, 'gap')
    await trial.append(store, 'stream', close)
    assert.equal((await store.append('stream', { ...close, owes: 'again' })).outcome, 'duplicate')
    assert.equal((await store.append('stream', late)).outcome, 'closed')
    assert.equal((await store.leases.renew(created.lease)).outcome, 'lost')
    assert.deepStrictEqual(await listed(store), [])
  }),

  storeCase(['ST-62'], 'a claim returns the stream as it is, and a higher epoch', async (trial) => {
    const store = await trial.store()
    const ttlMs = trial.shortTime
    for (const [n, owes] of [null, false, 0, '', [], OWES].entries()) {
      const lease = await closeOwing(trial, store, `stream${n}`, { owes })
      await store.leases.handOver(lease)
      const result = await claim(store, lease, 'b', ttlMs)
      assert.ok(result.outcome === 'claimed')
      assert.deepStrictEqual(result.owes, owes)
      assert.deepStrictEqual(result.info, await store.head(`stream${n}`))
      const { expiresAt: _, ...rest } = result.lease
      const { stream, incarnation } = lease
      assert.deepStrictEqual(rest, { stream, incarnation, holder: 'b', epoch: 2, ttlMs, owed: true })
      assert.equal((await store.leases.renew(lease)).outcome, 'lost')
    }
    assert.deepStrictEqual(await listed(store), [])
    await trial.elapse(ttlMs)
    assert.equal((await listed(store)).length, 6, 'who claimed it may have died')
  }),

  storeCase(['ST-62'], 'of concurrent claims one succeeds', async (trial) => {
    const store = await trial.store()
    const lease = await closeOwing(trial, store, 'stream')
    await store.leases.handOver(lease)
    const claims = Array.from({ length: 20 }, (_, n) => claim(store, lease, `h${n}`))
    const outcomes = (await Promise.all(claims)).map(({ outcome }) => outcome)
    assert.equal(outcomes.filter((outcome) => outcome === 'claimed').length, 1)
  }),

  storeCase(
    ['ST-62'],
    'a stream that owes nothing, or was created anew, cannot be claimed',
    async (trial) => {
      const store = await trial.store()
      const lease = await closeOwing(trial, store, 'stream')
      await store.leases.handOver(lease)
      const other = { ...lease, incarnation: `${lease.incarnation}0` }
      assert.deepStrictEqual(await claim(store, other, 'b'), { outcome: 'lost' })
      assert.deepStrictEqual(await claim(store, { ...lease, stream: 'none' }, 'b'), { outcome: 'lost' })
      const open = await store.create('open', { lease: { holder: 'a', ttlMs: 60_000 } })
      assert.ok(open.outcome === 'created' && open.lease)
      await store.leases.handOver(open.lease)
      assert.deepStrictEqual(await claim(store, open.lease, 'b'), { outcome: 'lost' })
      assert.equal(await store.leases.settle(open.lease), false)
      await trial.expectError('invalid_lease', () => claim(store, lease, ''))
      await trial.expectError('invalid_id', () => claim(store, { ...lease, stream: '' }, 'b'))
      await trial.expectError('invalid_id', () => store.leases.settle({ ...lease, stream: '' }))
    },
  ),

  storeCase(['ST-63'], 'what is settled is no longer owed', async (trial) => {
    const store = await trial.store()
    const ttlMs = trial.shortTime
    const own = await closeOwing(trial, store, 'own', { lease: ttlMs })
    assert.equal(await store.leases.settle(own), true)
    assert.equal(await store.leases.settle(own), false)
    const lease = await closeOwing(trial, store, 'stream', { lease: ttlMs })
    await store.leases.handOver(lease)
    const claimed = await mustClaim(store, lease, 'b', ttlMs)
    assert.equal(await store.leases.settle(lease), false, 'another one is at it')
    assert.equal(await store.leases.settle(claimed), true)
    await trial.elapse(ttlMs)
    assert.deepStrictEqual(await listed(store), [])
    for (const one of [own, lease, claimed]) {
      assert.equal((await claim(store, one, 'c')).outcome, 'lost')
      assert.equal((await store.leases.renew(one)).outcome, 'lost')
      assert.equal(await store.leases.handOver(one), false)
    }
    assert.deepStrictEqual(await trial.records(store, 'stream'), ['1'])
  }),

  storeCase(['ST-63'], 'a part of what is owed can be settled, and the rest stays owed', async (trial) => {
    const store = await trial.store({ limits: { checkpointBytes: 20 } })
    const lease = await closeOwing(trial, store, 'stream', { owes: ['one', 'two'] })
    await trial.expectError('invalid_owes', () => store.leases.settle(lease, '3'.repeat(19)))
    assert.equal(await store.leases.settle(lease, ['two']), true)
    assert.equal((await store.leases.renew(lease)).outcome, 'renewed')
    await store.leases.handOver(lease)
    assert.equal(await store.leases.settle(lease, 'late'), false)
    const result = await claim(store, lease, 'b')
    assert.ok(result.outcome === 'claimed')
    assert.deepStrictEqual(result.owes, ['two'])
    assert.equal(await store.leases.settle(result.lease, null), true)
    assert.equal(await store.leases.settle(result.lease), true)
    assert.equal(await store.leases.settle(result.lease, 'late'), false)
  }),

  storeCase(
    ['ST-63'],
    'an expired claim that no process took can be settled, and renewed for longer',
    async (trial) => {
      const store = await trial.store()
      const ttlMs = trial.shortTime
      const lease = await closeOwing(trial, store, 'stream', { lease: ttlMs })
      await trial.elapse(ttlMs)
      const claimed = await mustClaim(store, lease, 'b', ttlMs)
      await trial.elapse(ttlMs)
      assert.equal((await store.leases.renew({ ...claimed, ttlMs: 100 * ttlMs })).outcome, 'renewed')
      assert.deepStrictEqual(await listed(store), [])
      assert.equal(await store.leases.settle(claimed), true)
    },
  ),

  storeCase(
    ['ST-64', 'ST-40'],
    'what is owed keeps an expired stream for a week after the last attempt',
    async (trial) => {
      const store = await trial.store({ settle: 0 })
      const ttlMs = 1000
      const lease = await closeOwing(trial, store, 'stream', { ttlMs, lease: ttlMs })
      const settled = await closeOwing(trial, store, 'settled', { ttlMs, lease: ttlMs })
      await store.leases.settle(settled)
      await trial.jump(WEEK_MS)
      assert.equal(await store.sweep(), 1)
      assert.ok(await store.head('stream'))
      const claimed = await mustClaim(store, lease, 'b', ttlMs)
      await trial.jump(WEEK_MS)
      assert.equal(await store.sweep(), 0)
      assert.deepStrictEqual(await trial.records(store, 'stream'), ['1'])
      await trial.jump(ttlMs)
      assert.equal(await store.sweep(), 1)
      assert.equal((await claim(store, claimed, 'c')).outcome, 'lost')
      assert.deepStrictEqual(await listed(store), [])
    },
    ['clock-jumps'],
  ),

  storeCase(['ST-64', 'ST-32'], 'deleting a stream drops what it owes', async (trial) => {
    const store = await trial.store()
    const lease = await closeOwing(trial, store, 'stream')
    await store.leases.handOver(lease)
    assert.equal(await store.delete('stream'), true)
    assert.deepStrictEqual(await listed(store), [])
    const anew = await store.create('stream', { closed: true })
    assert.equal(anew.outcome, 'created')
    assert.equal((await claim(store, lease, 'b')).outcome, 'lost')
    assert.equal(await store.leases.settle(lease), false)
  }),

  storeCase(
    ['ST-61', 'ST-53'],
    'what is owed is visible to the next process',
    async (trial) => {
      const store = await trial.store()
      const lease = await closeOwing(trial, store, 'stream')
      await store.leases.handOver(lease)
      await store.close()
      const next = await trial.peer(store)
      assert.deepStrictEqual(await listed(next), [['stream', true]])
      const result = await claim(next, lease, 'b')
      assert.deepStrictEqual(result.outcome === 'claimed' && result.owes, OWES)
    },
    ['peers'],
  ),

  storeCase(
    ['ST-62', 'ST-54'],
    'what one store leaves owed, another claims and settles once',
    async (trial) => {
      const one = await trial.store()
      const two = await trial.peer(one)
      const lease = await closeOwing(trial, one, 'stream')
      assert.equal((await claim(two, lease, 'b')).outcome, 'lost')
      await one.leases.handOver(lease)
      const claims = await Promise.all([one, two, one, two].map((store, n) => claim(store, lease, `h${n}`)))
      const [claimed, ...others] = claims.filter(({ outcome }) => outcome === 'claimed')
      assert.ok(claimed?.outcome === 'claimed' && others.length === 0)
      assert.equal(await one.leases.settle(claimed.lease), true)
      assert.equal(await two.leases.settle(claimed.lease), false)
      assert.equal((await claim(two, lease, 'c')).outcome, 'lost')
    },
    ['peers'],
  ),
]
