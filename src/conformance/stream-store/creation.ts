/** Cases: creating streams. */
import assert from 'node:assert/strict'
import { START } from '../../protocol/offset.ts'
import type { StreamConfig, StreamStore } from '../../streams/store.ts'
import { type StreamStoreCase, storeCase } from './harness.ts'

const BAD_IDS = ['', 'with space', 'tab\t', 'ünï', 'nul\0', 'x'.repeat(513)]

export const creationCases: readonly StreamStoreCase[] = [
  storeCase(['ST-1'], 'ids are printable ASCII, up to 512 characters', async (trial) => {
    const store = await trial.store()
    for (const id of [
      'x',
      'x'.repeat(512),
      'a/b',
      `!"#$%&'()*+,-./:;<=>?@[\\]^_\`{|}~`,
      '..',
      '%20',
      '{x}',
    ]) {
      assert.equal((await store.create(id)).outcome, 'created', id)
      await trial.append(store, id, ['1'])
      assert.deepStrictEqual(await trial.records(store, id), ['1'])
    }
  }),

  storeCase(['ST-1'], 'every operation refuses an invalid id', async (trial) => {
    const store = await trial.store()
    const lease = { stream: '', incarnation: 'x', holder: 'x', epoch: 1, ttlMs: 1, expiresAt: 1 }
    const calls: ((id: string) => Promise<unknown>)[] = [
      (id) => store.create(id),
      (id) => store.append(id, { records: ['1'] }),
      (id) => store.read(id, 'start'),
      (id) => store.watch(id, () => {}),
      (id) => store.head(id),
      (id) => store.delete(id),
      (id) => store.touch(id),
      (id) => store.trim(id, 'now'),
      (id) => store.leases.acquire(id, { holder: 'x', ttlMs: 1 }),
      (id) => store.leases.renew({ ...lease, stream: id }),
      (id) => store.leases.handOver({ ...lease, stream: id }),
    ]
    for (const id of BAD_IDS) {
      for (const call of calls) await trial.expectError('invalid_id', () => call(id))
    }
  }),

  storeCase(['ST-2'], 'a new stream is empty and open, and has JSON records', async (trial) => {
    const store = await trial.store()
    const result = await store.create('stream')
    assert.equal(result.outcome, 'created')
    const { incarnation, first, tail, createdAt, ...rest } = result.info
    assert.deepStrictEqual(rest, { id: 'stream', contentType: 'application/json', closed: false })
    assert.deepStrictEqual([first, tail], [START, START])
    assert.match(incarnation, /^[0-9a-z]{8,32}$/)
    assert.ok(Number.isSafeInteger(createdAt))
    assert.deepStrictEqual(await store.head('stream'), result.info)
    const page = await trial.page(store, 'stream')
    assert.deepStrictEqual(page.records, [])
    assert.ok(page.upToDate && !page.closed)
  }),

  storeCase(['ST-2'], 'a stream keeps its configuration', async (trial) => {
    const store = await trial.store()
    const config = {
      contentType: 'Text/Plain; charset=UTF-8',
      owner: 'anna ünï 🙂',
      ttlMs: 3_600_000,
      metadata: { chat: 'c1', deep: [1, null, { ключ: '\ud83d' }] },
    }
    const info = await trial.create(store, 'stream', config)
    const { incarnation: _life, first: _first, tail: _tail, createdAt, expiresAt, ...rest } = info
    assert.deepStrictEqual(rest, { id: 'stream', ...config, closed: false })
    assert.equal(expiresAt, createdAt + config.ttlMs)
    assert.deepStrictEqual(await store.head('stream'), info)
  }),

  storeCase(['ST-3'], 'a stream is created with its first records, and closed at once', async (trial) => {
    const store = await trial.store()
    const result = await store.create('stream', { records: ['1', '2'], closed: true })
    assert.equal(result.outcome, 'created')
    assert.equal(result.info.tail.position, 2)
    assert.ok(result.info.closed)
    const page = await trial.page(store, 'stream')
    assert.deepStrictEqual(page.records, ['1', '2'])
    assert.ok(page.closed)
    assert.equal((await store.append('stream', { records: ['3'] })).outcome, 'closed')
  }),

  storeCase(
    ['ST-4'],
    'creating a stream again with the same configuration finds it unchanged',
    async (trial) => {
      const store = await trial.store()
      const configs: StreamConfig[] = [
        {},
        { contentType: 'text/plain', owner: 'anna' },
        { ttlMs: 3_600_000 },
        { expiresAt: Date.now() * 2 },
        { closed: true },
      ]
      for (const [n, config] of configs.entries()) {
        const id = `stream-${n}`
        await store.create(id, {
          ...config,
          metadata: 'first',
          ...(!config.contentType && { records: ['1'] }),
        })
        if (!config.closed && !config.contentType) await trial.append(store, id, ['2'])
        const before = await store.head(id)
        const again = await store.create(id, { ...config, metadata: 'second' })
        assert.deepStrictEqual(again, { outcome: 'exists', info: before })
        assert.deepStrictEqual(await store.head(id), before)
      }
    },
  ),

  storeCase(['ST-4'], 'content types are compared without case and parameters', async (trial) => {
    const store = await trial.store()
    await store.create('stream', { contentType: 'text/plain' })
    assert.equal(
      (await store.create('stream', { contentType: 'TEXT/plain; charset=utf-8' })).outcome,
      'exists',
    )
  }),

  storeCase(['ST-5'], 'creating a stream again with another configuration is a conflict', async (trial) => {
    const store = await trial.store()
    const base: StreamConfig = { owner: 'anna', ttlMs: 3_600_000, records: ['1'] }
    await store.create('stream', base)
    const before = await store.head('stream')
    const others: [string, StreamConfig][] = [
      ['contentType', { ...base, contentType: 'application/x+json' }],
      ['owner', { ...base, owner: 'berta' }],
      ['owner', { ttlMs: 3_600_000 }],
      ['ttlMs', { ...base, ttlMs: 3_600_001 }],
      ['ttlMs', { owner: 'anna' }],
      ['closed', { ...base, closed: true }],
    ]
    for (const [differs, config] of others) {
      assert.deepStrictEqual(await store.create('stream', config), {
        outcome: 'conflict',
        info: before,
        differs,
      })
    }
    assert.deepStrictEqual(await store.head('stream'), before)
    const end = Date.now() * 2
    await store.create('ends', { expiresAt: end })
    const later = await store.create('ends', { expiresAt: end + 1 })
    assert.equal(later.outcome === 'conflict' && later.differs, 'expiresAt')
  }),

  storeCase(['ST-5'], 'a stream that was closed conflicts with an open configuration', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    await trial.append(store, 'stream', { close: true })
    const open = await store.create('stream')
    assert.equal(open.outcome === 'conflict' && open.differs, 'closed')
    assert.equal((await store.create('stream', { closed: true })).outcome, 'exists')
  }),

  storeCase(['ST-6'], 'of concurrent creates one creates', async (trial) => {
    const store = await trial.store()
    const creates = Array.from({ length: 20 }, (_, n) => store.create('stream', { records: [String(n)] }))
    const results = await Promise.all(creates)
    const created = results.flatMap((result, n) => (result.outcome === 'created' ? [n] : []))
    assert.equal(created.length, 1)
    assert.deepStrictEqual(await trial.records(store, 'stream'), [String(created[0])])
    assert.equal(results.filter((result) => result.outcome === 'exists').length, 19)
  }),

  storeCase(['ST-7'], 'an invalid configuration is refused', async (trial) => {
    const store = await trial.store({ limits: { metadataBytes: 100 } })
    const refused: [string, StreamConfig][] = [
      ['invalid_content_type', { contentType: 'json' }],
      ['invalid_content_type', { contentType: 'text/plain\r\nx: y' }],
      ['invalid_owner', { owner: '' }],
      ['invalid_owner', { owner: 'half \ud83d' }],
      ['invalid_expiry', { ttlMs: 1000, expiresAt: 1000 }],
      ['invalid_expiry', { ttlMs: -1 }],
      ['invalid_expiry', { ttlMs: 1.5 }],
      ['invalid_expiry', { ttlMs: Number.NaN }],
      ['invalid_expiry', { ttlMs: Number.MAX_SAFE_INTEGER }],
      ['invalid_expiry', { expiresAt: Number.POSITIVE_INFINITY }],
      ['invalid_metadata', { metadata: 'x'.repeat(99) }],
      ['invalid_record', { records: ['{'] }],
      ['invalid_record', { records: ['{}'], contentType: 'text/plain' }],
      ['invalid_record', { records: [Uint8Array.of(1)] }],
      ['invalid_lease', { lease: { holder: 'x', ttlMs: 0 } }],
      ['invalid_lease', { lease: { holder: '', ttlMs: 1000 } }],
      ['invalid_lease', { lease: { holder: 'x', ttlMs: 1000 }, closed: true }],
    ]
    for (const [code, config] of refused) await trial.expectError(code, () => store.create('stream', config))
    assert.equal(await store.head('stream'), undefined)
  }),

  storeCase(['ST-8'], 'operations on a missing stream say so', async (trial) => {
    const store = await trial.store()
    assert.deepStrictEqual(await answers(store, 'missing'), MISSING)
  }),

  storeCase(['ST-8'], 'a head that names an owner finds no stream of another', async (trial) => {
    const store = await trial.store()
    await store.create('theirs', { owner: 'anna', metadata: { a: 1 } })
    await store.create('free')
    const found = async (owner: string | null | undefined): Promise<readonly unknown[]> =>
      (await Promise.all(['theirs', 'free', 'missing'].map((id) => store.head(id, undefined, owner)))).map(
        (info) => info?.id,
      )
    assert.deepStrictEqual(await found('anna'), ['theirs', undefined, undefined])
    for (const other of ['berta', '-', '+anna', '', 'ann', 'anna ']) {
      assert.deepStrictEqual(await found(other), [undefined, undefined, undefined], other)
    }
    assert.deepStrictEqual(await found(null), [undefined, 'free', undefined])
    assert.deepStrictEqual(await found(undefined), ['theirs', 'free', undefined])
  }),
]

/** Returns the answer of each operation to a stream. */
export async function answers(store: StreamStore, id: string): Promise<unknown[]> {
  const producer = { id: 'p', epoch: 0, seq: 5 }
  const appended = await store.append(id, { records: ['1'] })
  const closed = await store.append(id, { close: true, producer })
  const read = await store.read(id, 'start')
  const watched = await store.watch(id, () => {})
  const acquired = await store.leases.acquire(id, { holder: 'h', ttlMs: 1000 })
  const outcomes = [appended, closed, read, watched, acquired].map((result) => result.outcome)
  return [...outcomes, await store.touch(id), await store.head(id), await store.delete(id)]
}

export const MISSING: readonly unknown[] = [
  ...Array.from({ length: 5 }, () => 'missing'),
  false,
  undefined,
  false,
]
