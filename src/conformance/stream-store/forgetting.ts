/** Cases: how many producers a stream knows, and what happens to those that it forgets. */
import assert from 'node:assert/strict'
import type { AppendResult, StreamStore } from '../../streams/store.ts'
import { type StreamStoreCase, storeCase } from './harness.ts'

function send(store: StreamStore, id: string, seq: number, epoch = 0): Promise<AppendResult> {
  return store.append('stream', { records: [`"${id}"`], producer: { id, epoch, seq } })
}

/** Returns which of these producers the stream knows, without changing it: an unknown producer must send seq 0. */
async function knownOf(store: StreamStore, ids: readonly string[]): Promise<string[]> {
  const results = await Promise.all(ids.map((id) => send(store, id, Number.MAX_SAFE_INTEGER)))
  return ids.filter((_, n) => {
    const result = results[n]
    return result?.outcome === 'gap' ? result.expectedSeq > 0 : assert.fail(JSON.stringify(result))
  })
}

function names(count: number, first = 0): string[] {
  return Array.from({ length: count }, (_, n) => `p${first + n}`)
}

async function sendAll(store: StreamStore, ids: readonly string[], seq = 0): Promise<void> {
  const results = await Promise.all(ids.map((id) => send(store, id, seq)))
  for (const { outcome } of results) assert.equal(outcome, 'appended')
}

export const forgettingCases: readonly StreamStoreCase[] = [
  storeCase(['ST-86'], 'a loop of new producers leaves no more than the limit', async (trial) => {
    const store = await trial.store()
    assert.equal(store.limits.producers, 1000)
    await store.create('stream')
    const ids = names(5000)
    await sendAll(store, ids)
    assert.deepStrictEqual(await knownOf(store, ids), ids.slice(-1000))
    assert.equal((await store.head('stream'))?.tail.position, 5000)
  }),

  storeCase(
    ['ST-86'],
    'the producers with the oldest appends are forgotten, an eighth of the limit at once',
    async (trial) => {
      const store = await trial.store({ limits: { producers: 16 } })
      await store.create('stream')
      const ids = names(16)
      await sendAll(store, ids)
      // Their first appends are the oldest, but their latest appends are not.
      await sendAll(store, ['p1', 'p0'], 1)
      assert.deepStrictEqual(await knownOf(store, ids), ids)
      await sendAll(store, ['new'])
      assert.deepStrictEqual(await knownOf(store, [...ids, 'new']), ['p0', 'p1', ...names(12, 4), 'new'])
      await sendAll(store, ['newer'])
      assert.deepStrictEqual(await knownOf(store, ['p4', 'newer']), ['p4', 'newer'], 'there was room')
      await sendAll(store, ['newest'])
      const left = ['p0', 'p1', ...names(10, 6), 'new', 'newer', 'newest']
      assert.deepStrictEqual(await knownOf(store, [...ids, 'new', 'newer', 'newest']), left)
    },
  ),

  storeCase(
    ['ST-86'],
    'known producers, appends without one, and refusals make a stream forget none',
    async (trial) => {
      const store = await trial.store({ limits: { producers: 8 } })
      await store.create('stream')
      await store.create('other')
      const ids = names(8)
      await sendAll(store, ids)
      await sendAll(store, ids, 1)
      assert.equal((await send(store, 'p3', 0, 1)).outcome, 'appended')
      await trial.append(store, 'stream', ['"nobody"'])
      assert.equal((await send(store, 'new', 1)).outcome, 'gap')
      assert.equal((await send(store, 'p0', 1)).outcome, 'duplicate')
      const elsewhere = { position: 1, stamp: '1' }
      const producer = { id: 'new', epoch: 0, seq: 0 }
      const moved = await store.append('stream', { records: ['1'], producer, after: elsewhere })
      assert.equal(moved.outcome, 'moved')
      await trial.append(store, 'other', { records: ['1'], producer })
      assert.deepStrictEqual(
        await knownOf(
          store,
          ids.filter((id) => id !== 'p3'),
        ),
        ids.filter((id) => id !== 'p3'),
      )
      assert.equal((await send(store, 'p3', 1, 1)).outcome, 'appended')
    },
  ),

  storeCase(['ST-86'], 'appends without records count as well, and a limit may be 1', async (trial) => {
    const store = await trial.store({ limits: { producers: 1 } })
    await store.create('stream')
    for (const id of names(5)) {
      await trial.append(store, 'stream', { metadata: id, producer: { id, epoch: 0, seq: 0 } })
    }
    assert.deepStrictEqual(await knownOf(store, names(5)), ['p4'])
  }),

  storeCase(['ST-86'], 'the producer of a lease is neither counted nor forgotten', async (trial) => {
    const store = await trial.store({ limits: { producers: 8 } })
    await store.create('stream')
    await sendAll(store, names(8))
    const taken = await store.leases.acquire('stream', { holder: 'h', ttlMs: 60_000 })
    const { epoch } = taken.outcome === 'acquired' ? taken.lease : assert.fail(taken.outcome)
    assert.equal((await send(store, '@lease', 0, epoch)).outcome, 'appended')
    assert.equal((await send(store, 'new', 0)).outcome, 'leased')
    assert.equal((await send(store, '@lease', 1, epoch)).outcome, 'appended')
    assert.equal((await send(store, '@lease', 0, epoch)).outcome, 'duplicate')
    assert.equal((await send(store, '@lease', 0, epoch - 1)).outcome, 'fenced')
  }),

  storeCase(['ST-87'], 'a forgotten producer is a new one', async (trial) => {
    const store = await trial.store({ limits: { producers: 8 } })
    await store.create('stream')
    assert.equal((await send(store, 'p', 0, 7)).outcome, 'appended')
    assert.equal((await send(store, 'p', 1, 7)).outcome, 'appended')
    await sendAll(store, names(8))
    for (const [epoch, seq] of [
      [7, 2],
      [7, 1],
      [8, 1],
      [3, 1],
    ] as const) {
      const gap = { outcome: 'gap', expectedSeq: 0, receivedSeq: seq }
      assert.deepStrictEqual(await send(store, 'p', seq, epoch), gap)
    }
    assert.equal((await store.head('stream'))?.tail.position, 10)
    assert.equal((await send(store, 'p', 0, 3)).outcome, 'appended')
    assert.equal((await send(store, 'p', 0, 3)).outcome, 'duplicate')
    assert.deepStrictEqual(await send(store, 'p', 0, 2), { outcome: 'fenced', epoch: 3 })
    assert.equal((await send(store, 'p', 1, 3)).outcome, 'appended')
  }),

  storeCase(
    ['ST-86', 'ST-87'],
    'stores that share a stream know and forget the same producers',
    async (trial) => {
      const store = await trial.store({ limits: { producers: 8 } })
      const info = await trial.create(store, 'stream')
      await sendAll(store, ['p'])
      const peer = await trial.peer(store)
      assert.equal(peer.limits.producers, 8)
      // In turn, so that each must learn what the other one did.
      for (const id of names(8)) await sendAll(Number(id.slice(1)) % 2 ? peer : store, [id])
      await sendAll(peer, ['q'])
      await sendAll(store, ['r'])
      const left = [...names(6, 2), 'q', 'r']
      for (const one of [store, peer]) {
        assert.deepStrictEqual(await knownOf(one, ['p', ...names(8), 'q', 'r']), left)
      }
      assert.deepStrictEqual(await store.head('stream'), await peer.head('stream'))
      assert.equal((await store.head('stream'))?.incarnation, info.incarnation)
    },
    ['peers'],
  ),

  storeCase(
    ['ST-87'],
    'a forgotten producer cannot change the stream',
    async (trial) => {
      const store = await trial.store({ limits: { producers: 8 } })
      await store.create('stream')
      await sendAll(store, ['p'])
      const peer = await trial.peer(store)
      await sendAll(peer, names(8))
      await trial.append(peer, 'stream', { metadata: 'theirs' })
      await store.trim('stream', 'now')
      const before = await peer.head('stream')
      assert.deepStrictEqual(await send(store, 'p', 1), { outcome: 'gap', expectedSeq: 0, receivedSeq: 1 })
      assert.deepStrictEqual(await peer.head('stream'), before)
    },
    ['peers'],
  ),
]
