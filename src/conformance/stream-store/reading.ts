/** Cases: reading records, and finding and deleting streams. */
import assert from 'node:assert/strict'
import { decodeOffset, encodeOffset, offsetBefore, type Offset, type Place } from '../../protocol/offset.ts'
import { answers, MISSING } from './creation.ts'
import { numbers, type StreamStoreCase, storeCase } from './harness.ts'

export const readingCases: readonly StreamStoreCase[] = [
  storeCase(['ST-26'], 'pages have no gaps between them, whatever their size', async (trial) => {
    const store = await trial.store()
    await store.create('stream', { records: numbers(10) })
    for (const maxRecords of [1, 3, 10, 1000]) {
      const read: unknown[] = []
      let after: Place = 'start'
      let place: Offset | undefined
      for (let position = 0; position < 10;) {
        const page = await trial.page(store, 'stream', after, { maxRecords })
        assert.deepStrictEqual(page.from, place ?? page.from)
        assert.equal(page.from.position, position)
        position += Math.min(maxRecords, 10 - position)
        assert.equal(page.next.position, position)
        place = page.next
        assert.equal(page.upToDate, position === 10)
        assert.ok(!page.closed)
        read.push(...page.records)
        after = page.next
      }
      assert.deepStrictEqual(read, numbers(10))
    }
  }),

  storeCase(['ST-26'], 'a page ends with the record that reaches its bytes', async (trial) => {
    const store = await trial.store()
    await store.create('stream', { records: ['"ääää"', '"bbbb"', '"cccc"'] })
    for (const [maxBytes, count] of [
      [1, 1],
      [10, 1],
      [11, 2],
      [16, 2],
      [17, 3],
    ] as const) {
      assert.equal(
        (await trial.page(store, 'stream', 'start', { maxBytes })).records.length,
        count,
        `${maxBytes}`,
      )
    }
  }),

  storeCase(['ST-26'], 'a read may name the incarnation it is for', async (trial) => {
    const store = await trial.store()
    const { incarnation } = await trial.create(store, 'stream', { records: ['1'] })
    assert.equal((await store.read('stream', 'start', { incarnation })).outcome, 'page')
    await store.delete('stream')
    await trial.create(store, 'stream', { records: ['2'] })
    for (const after of ['start', 'now', { position: 1 }, { last: 1 }] as const)
      assert.deepStrictEqual(await store.read('stream', after, { incarnation }), { outcome: 'missing' })
    assert.equal((await store.read('stream', 'start')).outcome, 'page')
  }),

  storeCase(['ST-26'], 'a page of no size is refused', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    for (const options of [
      { maxRecords: 0 },
      { maxRecords: 1001 },
      { maxBytes: 0 },
      { maxRecords: Number.NaN },
    ]) {
      await trial.expectError('invalid_limit', () => store.read('stream', 'start', options))
    }
  }),

  storeCase(['ST-27'], 'a read begins at the start, after an offset, or now', async (trial) => {
    const store = await trial.store()
    await store.create('stream', { records: numbers(5) })
    const { next } = await trial.page(store, 'stream', 'start', { maxRecords: 2 })
    assert.deepStrictEqual((await trial.page(store, 'stream', next)).records, ['3', '4', '5'])
    assert.deepStrictEqual((await trial.page(store, 'stream', { ...next, position: 0 })).records, numbers(5))
    const now = await trial.page(store, 'stream', 'now')
    assert.deepStrictEqual(now.records, [])
    assert.ok(now.upToDate)
    assert.equal(now.next.position, 5)
    await trial.append(store, 'stream', ['6'])
    assert.deepStrictEqual((await trial.page(store, 'stream', now.next)).records, ['6'])
  }),

  storeCase(['ST-27'], 'an invalid offset is refused, and reads no records', async (trial) => {
    const store = await trial.store()
    await store.create('other', { records: numbers(3) })
    const { tail } = await trial.create(store, 'stream', { records: numbers(3) })
    for (const position of [-1, -7, -(2 ** 32), 0.5, 1.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY]) {
      await trial.expectError('invalid_offset', () => store.read('stream', { ...tail, position }))
    }
    // Ids that a store might take for its own words.
    for (const stamp of ['', 'Start', 'x'.repeat(33), '-1']) {
      await trial.expectError('invalid_offset', () => store.read('stream', { ...tail, stamp }))
    }
    for (const number of [-1, 0.5, Number.NaN]) {
      await trial.expectError('invalid_offset', () => store.read('stream', { ...tail, ahead: number }))
      await trial.expectError('invalid_offset', () => store.read('stream', { position: number }))
      await trial.expectError('invalid_offset', () => store.read('stream', { last: number }))
    }
  }),

  storeCase(['ST-27'], 'a read begins at a position, or with the last records', async (trial) => {
    const store = await trial.store()
    await store.create('stream', { records: numbers(5) })
    const { from: start, next: tail } = await trial.page(store, 'stream')
    const middle = (await trial.page(store, 'stream', 'start', { maxRecords: 3 })).next
    const places: [Place, Offset][] = [
      [{ position: 0 }, start],
      [{ position: 3 }, middle],
      [{ position: 5 }, tail],
      [{ last: 0 }, tail],
      [{ last: 2 }, middle],
      [{ last: 5 }, start],
      [{ last: 9 }, start],
    ]
    for (const [place, from] of places) {
      const page = await trial.page(store, 'stream', place)
      assert.deepStrictEqual(page.from, from)
      assert.deepStrictEqual(page.records, numbers(5 - from.position, from.position + 1))
    }
    assert.deepStrictEqual(await store.read('stream', { position: 6 }), { outcome: 'past-end', tail })
  }),

  storeCase(
    ['ST-28'],
    'an offset of another history is lost, and the start is the same in every history',
    async (trial) => {
      const store = await trial.store()
      await store.create('stream', { records: numbers(3) })
      const { from: start, next } = await trial.page(store, 'stream')
      await store.create('other', { records: numbers(3) })
      await trial.append(store, 'other', ['4'])
      const stamp = `${next.stamp}0`.slice(-32)
      assert.deepStrictEqual(await store.read('stream', { ...next, stamp }), { outcome: 'lost' })
      assert.deepStrictEqual(await store.read('other', next), { outcome: 'lost' })
      await store.delete('stream')
      await store.create('stream', { records: numbers(3) })
      assert.deepStrictEqual(await store.read('stream', next), { outcome: 'lost' })
      await trial.append(store, 'stream', ['4'])
      assert.deepStrictEqual(await store.read('stream', next), { outcome: 'lost' })
      for (const place of [start, { ...next, position: 0 }]) {
        assert.deepStrictEqual((await trial.page(store, 'stream', place)).records, numbers(4))
      }
    },
  ),

  storeCase(['ST-28'], 'offsets that were read stay valid, whatever is appended', async (trial) => {
    const store = await trial.store()
    await store.create('stream', { records: numbers(2) })
    const places = [(await trial.page(store, 'stream', 'start', { maxRecords: 1 })).next]
    places.push((await trial.page(store, 'stream')).next)
    for (let n = 3; n < 9; n += 2) places.push(await trial.append(store, 'stream', numbers(2, n)))
    await trial.append(store, 'stream', { close: true })
    for (const place of places) {
      const page = await trial.page(store, 'stream', place)
      assert.deepStrictEqual(page.from, place)
      assert.deepStrictEqual(page.records, numbers(8 - place.position, place.position + 1))
    }
  }),

  storeCase(['ST-28'], 'a place can also be proven by the stamp of a later one', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    for (let n = 1; n < 9; n += 2) await trial.append(store, 'stream', numbers(2, n))
    const { next } = await trial.page(store, 'stream', 'start', { maxRecords: 5 })
    for (let position = 0; position <= 5; position++) {
      const page = await trial.page(store, 'stream', offsetBefore(next, position))
      assert.equal(page.from.position, position)
      assert.deepStrictEqual(page.records, numbers(8 - position, position + 1))
    }
    const lost = { ...offsetBefore(next, 3), stamp: '1' }
    assert.deepStrictEqual(await store.read('stream', lost), { outcome: 'lost' })
    const { tail } = (await store.head('stream')) ?? assert.fail()
    const unproven = { ...next, ahead: 9 }
    assert.deepStrictEqual(await store.read('stream', unproven), { outcome: 'past-end', tail })
  }),

  storeCase(['ST-29'], 'an offset past the tail is distinguished from the tail', async (trial) => {
    const store = await trial.store()
    await store.create('stream', { records: numbers(3) })
    const { next } = await trial.page(store, 'stream')
    assert.deepStrictEqual((await trial.page(store, 'stream', next)).records, [])
    for (const position of [4, Number.MAX_SAFE_INTEGER]) {
      const result = await store.read('stream', { ...next, position })
      assert.deepStrictEqual(result, { outcome: 'past-end', tail: next })
    }
  }),

  storeCase(['ST-30'], 'offsets survive their tokens, which sort as they do', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    const tokens: string[] = []
    for (const record of numbers(12)) tokens.push(encodeOffset(await trial.append(store, 'stream', [record])))
    assert.deepStrictEqual(tokens.toSorted(), tokens)
    for (const [n, token] of tokens.entries()) {
      assert.match(token, /^[^,&=?/]{1,255}$/)
      const { records } = await trial.page(store, 'stream', decodeOffset(token))
      assert.deepStrictEqual(records, numbers(11 - n, n + 2))
    }
  }),

  storeCase(['ST-31'], 'streams are listed in the order of their ids, page by page', async (trial) => {
    const store = await trial.store()
    const ids = ['~', 'b', 'a/2', 'a/10', 'a', 'a/1', 'B', 'a0', '!']
    for (const id of ids) await store.create(id)
    const sorted = ids.toSorted()
    for (const limit of [1, 2, 4, 9, 100]) {
      const listed: string[] = []
      let after = ''
      for (let pages = 0; ; pages++) {
        assert.ok(pages <= ids.length, 'the listing ends')
        const page = await store.list({ limit, after })
        assert.ok(page.streams.length <= limit)
        listed.push(...page.streams.map(({ id }) => id))
        if (page.next === undefined) break
        after = page.next
      }
      assert.deepStrictEqual(listed, sorted)
    }
    await trial.expectError('invalid_limit', () => store.list({ limit: 0 }))
  }),

  storeCase(
    ['ST-31'],
    'streams are listed by prefix, by owner, and by whether they are closed',
    async (trial) => {
      const store = await trial.store()
      await store.create('a/1', { owner: 'anna' })
      await store.create('a/2', { owner: 'berta', closed: true, metadata: { n: 2 } })
      await store.create('b/1', { owner: 'anna', closed: true })
      await store.create('b/2')
      const listed = async (options: object): Promise<string[]> =>
        (await store.list(options)).streams.map(({ id }) => id)
      assert.deepStrictEqual(await listed({ prefix: 'a/' }), ['a/1', 'a/2'])
      assert.deepStrictEqual(await listed({ prefix: 'c' }), [])
      assert.deepStrictEqual(await listed({ prefix: '_%' }), [])
      assert.deepStrictEqual(await listed({ owner: 'anna' }), ['a/1', 'b/1'])
      assert.deepStrictEqual(await listed({ owner: 'nobody' }), [])
      assert.deepStrictEqual(await listed({ closed: true }), ['a/2', 'b/1'])
      assert.deepStrictEqual(await listed({ closed: false }), ['a/1', 'b/2'])
      assert.deepStrictEqual(await listed({ owner: 'anna', prefix: 'b/', closed: true }), ['b/1'])
      const { streams } = await store.list({ prefix: 'a/2' })
      assert.deepStrictEqual(streams, [await store.head('a/2')])
    },
  ),

  storeCase(['ST-32'], 'a deleted stream is missing, with everything that belonged to it', async (trial) => {
    const store = await trial.store()
    const lease = { holder: 'h', ttlMs: 60_000 }
    const producer = { id: 'p', epoch: 7, seq: 0 }
    await store.create('stream', { records: numbers(5), owner: 'anna' })
    await trial.append(store, 'stream', { records: ['6'], producer, streamSeq: 'z', checkpoint: 6 })
    await store.leases.acquire('stream', lease)
    assert.equal(await store.delete('stream'), true)
    assert.deepStrictEqual(await answers(store, 'stream'), MISSING)
    assert.deepStrictEqual(await store.list(), { streams: [] })
    const info = await trial.create(store, 'stream')
    assert.ok(!('checkpoint' in info), 'the new stream has no checkpoint')
    assert.deepStrictEqual(await trial.records(store, 'stream'), [])
    await trial.append(store, 'stream', {
      records: ['1'],
      producer: { ...producer, epoch: 0 },
      streamSeq: 'a',
    })
    const acquired = await store.leases.acquire('stream', lease)
    assert.equal(acquired.outcome === 'acquired' && acquired.lease.epoch, 1)
  }),

  storeCase(['ST-32'], 'deleting a long stream affects no other', async (trial) => {
    const store = await trial.store()
    await store.create('before', { records: numbers(10) })
    await store.create('long')
    for (let n = 0; n < 5; n++) await trial.append(store, 'long', numbers(1000))
    await store.create('after', { records: numbers(10) })
    assert.equal(await store.delete('long'), true)
    assert.equal((await store.create('long', { records: ['"new"'] })).outcome, 'created')
    for (let n = 0; n < 20; n++) await trial.append(store, 'after', ['0'])
    assert.deepStrictEqual(await trial.records(store, 'before'), numbers(10))
    assert.deepStrictEqual(await trial.records(store, 'long'), ['"new"'])
    assert.equal((await trial.records(store, 'after')).length, 30)
  }),
]
