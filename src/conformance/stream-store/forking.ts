/** Cases: streams that begin with the records of another one. */
import assert from 'node:assert/strict'
import { START } from '../../protocol/offset.ts'
import type { ForkRefusal, ForkSource } from '../../streams/forks.ts'
import type { StreamConfig, StreamStore } from '../../streams/store.ts'
import type { StreamRecord } from '../../streams/stream.ts'
import { numbers, type StreamStoreCase, storeCase } from './harness.ts'

const BYTES = { contentType: 'application/octet-stream' }

export const forkingCases: readonly StreamStoreCase[] = [
  storeCase(['ST-65'], 'a fork begins with the records of its source up to a place', async (trial) => {
    const store = await trial.store()
    await trial.create(store, 'source', { records: ['1'] })
    const second = await trial.append(store, 'source', ['2', '3'])
    await trial.append(store, 'source', ['4'])
    const expected: [ForkSource['offset'], string[]][] = [
      [undefined, numbers(4)],
      [START, []],
      [{ position: 0, stamp: '7' }, []],
      [second, numbers(3)],
      [{ position: 2, stamp: second.stamp, ahead: 1 }, numbers(2)],
    ]
    for (const [n, [offset, records]] of expected.entries()) {
      const info = await trial.create(store, `fork${n}`, {
        from: { id: 'source', ...(offset && { offset }) },
      })
      assert.equal(info.tail.position, records.length)
      assert.deepStrictEqual(await store.head(`fork${n}`), info)
      assert.deepStrictEqual(await trial.records(store, `fork${n}`), records)
    }
  }),

  storeCase(['ST-65'], 'a fork has its own first records after those of its source', async (trial) => {
    const store = await trial.store()
    await trial.create(store, 'source', { records: ['1', '2'] })
    const { tail } = await trial.create(store, 'fork', {
      from: { id: 'source' },
      records: ['3'],
      closed: true,
    })
    assert.equal(tail.position, 3)
    const page = await trial.page(store, 'fork')
    assert.deepStrictEqual([page.records, page.closed, page.next], [numbers(3), true, tail])
  }),

  storeCase(['ST-65'], 'a fork and its source go on without each other', async (trial) => {
    const store = await trial.store()
    await trial.create(store, 'source', { records: ['1'] })
    await trial.create(store, 'fork', { from: { id: 'source' } })
    const ofSource = await trial.watch(store, 'source')
    const ofFork = await trial.inbox(store, 'fork')
    await trial.append(store, 'source', ['"source"'])
    await trial.append(store, 'fork', ['"fork"', '3'])
    await trial.append(store, 'source', { close: true })
    assert.deepStrictEqual(await trial.records(store, 'source'), ['1', '"source"'])
    assert.deepStrictEqual(await trial.records(store, 'fork'), ['1', '"fork"', '3'])
    await ofSource.until('the record and the close', ({ closed }) => closed)
    await ofFork.until('both records', (watch) => watch.takeAll() >= 0 && watch.records.length === 2)
    assert.deepStrictEqual(ofSource.records, ['"source"'])
    assert.deepStrictEqual(ofFork.records, ['"fork"', '3'])
    assert.equal((await store.head('fork'))?.closed, false)
  }),

  storeCase(['ST-65'], 'a fork of a fork has the records of both before it', async (trial) => {
    const store = await trial.store()
    await trial.create(store, 'a', { records: ['1', '2'] })
    await trial.create(store, 'b', { from: { id: 'a' }, records: ['3'] })
    await trial.create(store, 'c', { from: { id: 'b' } })
    await trial.append(store, 'c', ['4', '5'])
    await trial.append(store, 'b', ['"b"'])
    await trial.append(store, 'a', ['"a"'])
    assert.deepStrictEqual(await trial.records(store, 'c'), numbers(5))
    for (const from of numbers(5, 0).map(Number)) {
      const page = await trial.page(store, 'c', { position: from }, { maxRecords: 2 })
      assert.deepStrictEqual(page.records, numbers(5).slice(from, from + 2))
      const id = `at${from}`
      await trial.create(store, id, { from: { id: 'c', offset: page.from }, records: ['"own"'] })
      assert.deepStrictEqual(await trial.records(store, id), [...numbers(from), '"own"'])
    }
  }),

  storeCase(['ST-65'], 'a closed stream and an empty one can be forked', async (trial) => {
    const store = await trial.store()
    await trial.create(store, 'closed', { records: ['1'], closed: true, end: { status: 'completed' } })
    await trial.create(store, 'empty')
    for (const id of ['closed', 'empty']) {
      const info = await trial.create(store, `of-${id}`, { from: { id } })
      assert.ok(!info.closed && !('end' in info), 'a fork is open')
      await trial.append(store, `of-${id}`, ['2'])
    }
    assert.deepStrictEqual(await trial.records(store, 'of-closed'), ['1', '2'])
    assert.deepStrictEqual(await trial.records(store, 'of-empty'), ['2'])
  }),

  storeCase(['ST-66'], 'the offsets of a source are valid in its forks up to the fork', async (trial) => {
    const store = await trial.store()
    await trial.create(store, 'source', { records: ['1'] })
    const places = [
      await trial.append(store, 'source', ['2']),
      await trial.append(store, 'source', ['3', '4']),
    ] as const
    await trial.create(store, 'fork', { from: { id: 'source' } })
    await trial.create(store, 'again', { from: { id: 'fork', offset: places[0] }, records: ['"again"'] })
    const ofSource = await trial.append(store, 'source', ['5'])
    const ofFork = await trial.append(store, 'fork', ['6'])
    for (const place of places) {
      assert.equal((await trial.page(store, 'fork', place)).from.stamp, place.stamp)
      assert.deepStrictEqual((await trial.page(store, 'fork', place)).records.at(-1), '6')
    }
    assert.deepStrictEqual((await trial.page(store, 'again', places[0])).records, ['"again"'])
    assert.deepStrictEqual((await trial.page(store, 'fork', ofFork)).records, [])
    assert.deepStrictEqual(await store.read('fork', ofSource), { outcome: 'lost' })
    assert.deepStrictEqual(await store.read('source', ofFork), { outcome: 'lost' })
    assert.equal((await store.read('again', places[1])).outcome, 'past-end')
  }),

  storeCase(['ST-67'], 'a fork may go beyond its offset by records of JSON', async (trial) => {
    const store = await trial.store()
    await trial.create(store, 'source', { records: numbers(3) })
    const next = await trial.append(store, 'source', numbers(2, 4))
    for (const sub of [0, 1, 3, 5]) {
      await trial.create(store, `start${sub}`, { from: { id: 'source', offset: START, sub } })
      assert.deepStrictEqual(await trial.records(store, `start${sub}`), numbers(sub))
    }
    await expectNone(store, 'past-end', { id: 'source', offset: START, sub: 6 })
    await expectNone(store, 'past-end', { id: 'source', offset: next, sub: 1 })
    await expectNone(store, 'past-end', { id: 'source', sub: 1 })
    const { tail } = await trial.create(store, 'fork', { from: { id: 'source', offset: START, sub: 4 } })
    assert.deepStrictEqual(
      (await trial.page(store, 'source', tail)).records,
      ['5'],
      'it lies in the source as well',
    )
  }),

  storeCase(['ST-67'], 'a fork may go beyond its offset by bytes of the next record', async (trial) => {
    const store = await trial.store()
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
    await trial.create(store, 'source', { ...BYTES, records: [bytes('first')] })
    const first = await trial.append(store, 'source', [bytes('second')])
    await trial.append(store, 'source', [bytes('third')])
    const expected: [ForkSource, string[]][] = [
      [{ id: 'source', offset: START, sub: 3 }, ['fir']],
      [{ id: 'source', offset: START, sub: 5 }, ['first']],
      [{ id: 'source', offset: first, sub: 1 }, ['first', 'second', 't']],
    ]
    for (const [n, [from, texts]] of expected.entries()) {
      await trial.create(store, `fork${n}`, { from, records: [bytes('own')] })
      const records = [...texts, 'own'].map(bytes)
      assert.deepStrictEqual((await trial.records(store, `fork${n}`)).map(copyOf), records)
      await trial.append(store, `fork${n}`, [bytes('more')])
      assert.deepStrictEqual((await trial.records(store, `fork${n}`)).map(copyOf), [
        ...records,
        bytes('more'),
      ])
    }
    await trial.create(store, 'again', { from: { id: 'fork0', offset: START, sub: 2 } })
    assert.deepStrictEqual((await trial.records(store, 'again')).map(copyOf), [bytes('fi')])
    await expectNone(store, 'past-end', { id: 'source', offset: START, sub: 6 })
    await expectNone(store, 'past-end', { id: 'source', sub: 1 })
    const part = await trial.create(store, 'part', { from: { id: 'source', offset: START, sub: 3 } })
    assert.deepStrictEqual(
      await store.read('source', part.tail),
      { outcome: 'lost' },
      'it is no place of the source',
    )
    assert.deepStrictEqual((await trial.page(store, 'part', part.tail)).records, [])
  }),

  storeCase(
    ['ST-68'],
    'a fork has the content type and the expiry of its source by default',
    async (trial) => {
      const store = await trial.store()
      const end = Date.now() * 2
      await trial.create(store, 'ttl', { contentType: 'text/plain; charset=utf-8', ttlMs: 50_000 })
      await trial.create(store, 'end', { expiresAt: end })
      await trial.create(store, 'plain')
      const lives = async (id: string, config: StreamConfig): Promise<unknown[]> => {
        const name = `${id}-${JSON.stringify(config)}`
        const info = await trial.create(store, name, { ...config, from: { id } })
        return [
          info.contentType,
          info.ttlMs,
          info.ttlMs === undefined ? info.expiresAt : info.expiresAt === info.createdAt + info.ttlMs,
        ]
      }
      const text = 'text/plain; charset=utf-8'
      const json = 'application/json'
      assert.deepStrictEqual(await lives('ttl', {}), [text, 50_000, true])
      assert.deepStrictEqual(await lives('ttl', { contentType: 'TEXT/plain' }), ['TEXT/plain', 50_000, true])
      assert.deepStrictEqual(await lives('ttl', { ttlMs: 90_000 }), [text, 90_000, true])
      assert.deepStrictEqual(await lives('ttl', { expiresAt: end + 1 }), [text, undefined, end + 1])
      assert.deepStrictEqual(await lives('end', {}), [json, undefined, end])
      assert.deepStrictEqual(await lives('end', { expiresAt: end + 1 }), [json, undefined, end + 1])
      assert.deepStrictEqual(await lives('end', { ttlMs: 90_000 }), [json, 90_000, true])
      assert.deepStrictEqual(await lives('plain', {}), [json, undefined, undefined])
      assert.deepStrictEqual(await lives('plain', { ttlMs: 90_000 }), [json, 90_000, true])
    },
  ),

  storeCase(['ST-68'], 'a fork inherits nothing else from its source', async (trial) => {
    const store = await trial.store()
    const lease = { holder: 'a', ttlMs: 60_000 }
    await trial.create(store, 'run', { owner: 'anna', metadata: 'source', records: ['1'], lease })
    const producer = { id: 'p', epoch: 3, seq: 0 }
    await trial.create(store, 'written', { records: ['1'] })
    await trial.append(store, 'written', { records: ['2'], producer, streamSeq: 'z', checkpoint: 'at' })
    const info = await trial.create(store, 'of-run', {
      from: { id: 'run' },
      owner: 'berta',
      metadata: 'fork',
    })
    assert.deepStrictEqual([info.owner, info.metadata], ['berta', 'fork'])
    await trial.append(store, 'of-run', ['2'])
    assert.equal((await store.leases.acquire('of-run', lease)).outcome, 'acquired')
    const other = await trial.create(store, 'of-written', { from: { id: 'written' } })
    assert.ok(!('owner' in other) && !('checkpoint' in other) && !('metadata' in other))
    await trial.append(store, 'of-written', {
      records: ['3'],
      producer: { ...producer, epoch: 0 },
      streamSeq: 'a',
    })
    assert.deepStrictEqual(await trial.records(store, 'of-written'), numbers(3))
    assert.deepStrictEqual((await store.append('written', { records: ['3'], producer })).outcome, 'duplicate')
  }),

  storeCase(['ST-68'], 'a fork may be created with a lease of its own', async (trial) => {
    const store = await trial.store()
    await trial.create(store, 'source', { records: ['1'] })
    const created = await store.create('fork', {
      from: { id: 'source' },
      lease: { holder: 'a', ttlMs: 60_000 },
    })
    assert.ok(created.outcome === 'created' && created.lease)
    const producer = { id: '@lease', epoch: created.lease.epoch, seq: 0 }
    assert.equal((await store.append('fork', { records: ['2'] })).outcome, 'leased')
    await trial.append(store, 'fork', { records: ['2'], producer })
    assert.deepStrictEqual(await trial.records(store, 'fork'), numbers(2))
  }),

  storeCase(['ST-69'], 'an invalid fork is refused, and nothing is created', async (trial) => {
    const store = await trial.store()
    await trial.create(store, 'source', { records: numbers(2) })
    const { tail, incarnation } = await trial.create(store, 'other', { records: numbers(3) })
    await expectNone(store, 'missing', { id: 'nothing' })
    await expectNone(store, 'missing', { id: 'source', incarnation })
    await expectNone(store, 'missing', { id: 'refused' })
    await expectNone(store, 'past-end', { id: 'source', offset: tail })
    await expectNone(store, 'lost', { id: 'source', offset: { ...tail, position: 2 } })
    await expectNone(store, 'lost', { id: 'source', offset: { ...tail, position: 1 } })
    await expectNone(store, 'content-type', { id: 'source' }, { contentType: 'text/plain' })
    await expectNone(store, 'content-type', { id: 'source' }, { records: [Uint8Array.of(1)] })
    for (const from of [{ id: '' }, { id: 'with space' }]) {
      await trial.expectError('invalid_id', () => store.create('fork', { from }))
    }
    for (const from of [
      { id: 'source', sub: -1 },
      { id: 'source', sub: 1.5 },
      { id: 'source', offset: { position: -1, stamp: '0' } },
    ]) {
      await trial.expectError('invalid_offset', () => store.create('fork', { from }))
    }
    assert.equal(await store.delete('source'), true)
    assert.equal(await store.isRetired('source'), false, 'a fork that was refused holds nothing')
  }),

  storeCase(
    ['ST-70'],
    'creating a fork again finds it, as far as the request specifies it',
    async (trial) => {
      const store = await trial.store()
      await trial.create(store, 'source', { records: numbers(3), ttlMs: 3_600_000 })
      const offset = await trial.append(store, 'source', ['4'])
      const from = { id: 'source', offset: START, sub: 2 }
      await trial.create(store, 'fork', { from })
      await trial.create(store, 'tail', { from: { id: 'source' } })
      await trial.append(store, 'source', ['5'])
      const outcome = async (id: string, config: StreamConfig): Promise<string> => {
        const result = await store.create(id, config)
        return result.outcome === 'conflict' ? result.differs : result.outcome
      }
      assert.equal(await outcome('fork', { from }), 'exists')
      assert.equal(await outcome('fork', { from: { ...from, sub: 3 } }), 'from')
      assert.equal(await outcome('fork', { from: { ...from, offset } }), 'from')
      assert.equal(await outcome('fork', { from: { ...from, id: 'tail' } }), 'from')
      assert.equal(await outcome('fork', { from, ttlMs: 5 }), 'ttlMs')
      assert.equal(await outcome('fork', { from, contentType: 'text/plain' }), 'contentType')
      assert.equal(await outcome('fork', { from, closed: true }), 'closed')
      assert.equal(await outcome('fork', { ttlMs: 3_600_000 }), 'from', 'a stream that is no fork')
      assert.equal(await outcome('source', { from, ttlMs: 3_600_000 }), 'from')
      assert.equal(
        await outcome('tail', { from: { id: 'source' } }),
        'exists',
        'wherever the tail is by then',
      )
      assert.equal(await outcome('tail', { from: { id: 'source', offset } }), 'exists')
      await store.delete('source')
      assert.equal(await outcome('fork', { from }), 'exists', 'whatever became of its source')
    },
  ),
]

/** Asserts that a fork is refused and that nothing was created. */
export async function expectNone(
  store: StreamStore,
  reason: ForkRefusal,
  from: ForkSource,
  config: StreamConfig = {},
): Promise<void> {
  assert.deepStrictEqual(await store.create('refused', { ...config, from }), { outcome: 'no-fork', reason })
  assert.equal(await store.head('refused'), undefined)
  assert.equal((await store.read('refused', 'start')).outcome, 'missing')
}

function copyOf(record: StreamRecord): StreamRecord {
  return typeof record === 'string' ? record : Uint8Array.from(record)
}
