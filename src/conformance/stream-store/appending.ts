/** Cases: appending records. */
import assert from 'node:assert/strict'
import type { AppendRequest } from '../../streams/store.ts'
import { numbers, type StreamStoreCase, storeCase } from './harness.ts'

/** JSON as people and models write it. None of it may be changed. */
const TEXTS: readonly string[] = [
  'null',
  '""',
  ' { "a" :\t1 }\r\n',
  '[\n1,\n2\n]',
  '12345678901234567890.10e+0',
  '-0',
  '{"b":1,"a":2,"b":3}',
  '"\\u00e9 \\/ \\ud83d\\ude00"',
  '"half a pair: \\ud83d"',
  '"é 🙂 \u2028 \u007f \ufeff \u{10ffff}"',
  '{"__proto__":{"x":1}}',
  `"${'ünï'.repeat(1000)}"`,
]

export const appendingCases: readonly StreamStoreCase[] = [
  storeCase(['ST-9'], 'records are appended in order, and offsets have no gaps', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    const places = []
    for (const records of [['1'], ['2', '3'], ['4']])
      places.push(await trial.append(store, 'stream', records))
    assert.deepStrictEqual(
      places.map(({ position }) => position),
      [1, 3, 4],
    )
    assert.deepStrictEqual(await trial.records(store, 'stream'), numbers(4))
    assert.deepStrictEqual((await store.head('stream'))?.tail, places.at(-1))
  }),

  storeCase(['ST-9'], 'appends that are not awaited keep their order', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    const appends = numbers(300).map((record) => trial.append(store, 'stream', [record]))
    const positions = (await Promise.all(appends)).map((offset) => offset.position)
    assert.deepStrictEqual(positions.map(String), numbers(300))
    assert.deepStrictEqual(await trial.records(store, 'stream'), numbers(300))
  }),

  storeCase(['ST-9'], 'the records of an append stay together among concurrent appends', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    const appends = Array.from({ length: 50 }, async (_, n) => {
      const end = await trial.append(store, 'stream', [`[${n},0]`, `[${n},1]`, `[${n},2]`])
      return { n, end: end.position }
    })
    const ends = await Promise.all(appends)
    const records = await trial.records(store, 'stream')
    for (const { n, end } of ends) {
      assert.deepStrictEqual(records.slice(end - 3, end), [`[${n},0]`, `[${n},1]`, `[${n},2]`])
    }
  }),

  storeCase(['ST-9'], 'streams do not mix', async (trial) => {
    const store = await trial.store()
    const ids = Array.from({ length: 30 }, (_, n) => `stream-${n}`)
    await Promise.all(ids.map((id) => store.create(id)))
    await Promise.all(ids.flatMap((id) => numbers(5).map((n) => trial.append(store, id, [`"${id}:${n}"`]))))
    for (const id of ids)
      assert.deepStrictEqual(
        await trial.records(store, id),
        numbers(5).map((n) => `"${id}:${n}"`),
      )
  }),

  storeCase(['ST-10'], 'JSON is stored as the text it came as', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    const watch = await trial.watch(store, 'stream')
    await trial.append(store, 'stream', TEXTS)
    assert.deepStrictEqual(await trial.records(store, 'stream'), TEXTS)
    await watch.until('the records', ({ records }) => records.length === TEXTS.length)
    assert.deepStrictEqual(watch.records, TEXTS)
  }),

  storeCase(['ST-10'], 'bytes are stored as they came, even if the caller overwrites them', async (trial) => {
    const store = await trial.store()
    await store.create('stream', { contentType: 'application/octet-stream', records: [Uint8Array.of(9)] })
    const all = Uint8Array.from({ length: 256 }, (_, n) => n)
    const buffer = Uint8Array.of(1, 2, 3, 4).subarray(1, 3)
    const appended = trial.append(store, 'stream', [all, buffer])
    buffer.fill(0)
    await appended
    const records = (await trial.records(store, 'stream')).map((record) => [...(record as Uint8Array)])
    assert.deepStrictEqual(records, [[9], [...all], [2, 3]])
  }),

  storeCase(['ST-11'], 'a record that is not one JSON value refuses the whole append', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    const bad = [
      '',
      ' ',
      '{',
      '1 2',
      '{"a":1}{"b":2}',
      'undefined',
      "{'a':1}",
      '\ufeff1',
      'NaN',
      '"\n"',
      '"\ud83d"',
    ]
    for (const record of bad) {
      await trial.expectError('invalid_record', () => store.append('stream', { records: ['1', record] }))
    }
    await trial.expectError('invalid_record', () =>
      store.append('stream', { records: ['1', Uint8Array.of(1)] }),
    )
    assert.deepStrictEqual(await trial.records(store, 'stream'), [])
  }),

  storeCase(['ST-12'], 'records of another kind, or another content type, are refused', async (trial) => {
    const store = await trial.store()
    await store.create('json')
    await store.create('bytes', { contentType: 'text/plain' })
    const mismatches: [string, AppendRequest, string][] = [
      ['json', { records: [Uint8Array.of(1)] }, 'application/json'],
      ['json', { records: ['1'], contentType: 'text/plain' }, 'application/json'],
      ['json', { close: true, contentType: 'text/plain' }, 'application/json'],
      ['bytes', { records: ['1'] }, 'text/plain'],
    ]
    for (const [id, request, contentType] of mismatches) {
      assert.deepStrictEqual(await store.append(id, request), { outcome: 'content-type', contentType })
      assert.deepStrictEqual(await trial.records(store, id), [])
    }
    await trial.append(store, 'json', { records: ['1'], contentType: 'Application/JSON; charset=utf-8' })
    await trial.append(store, 'bytes', { records: [Uint8Array.of(1)], contentType: 'text/plain' })
  }),

  storeCase(['ST-13'], 'limits are kept to the byte', async (trial) => {
    const limits = {
      recordBytes: 10,
      appendRecords: 3,
      appendBytes: 25,
      metadataBytes: 8,
      checkpointBytes: 6,
      endBytes: 9,
      producers: 2,
    }
    const store = await trial.store({ limits })
    assert.deepStrictEqual(store.limits, limits)
    await store.create('stream')
    const refused: [string, AppendRequest][] = [
      ['record_too_large', { records: ['"123456789"'] }],
      ['record_too_large', { records: ['"ääääé"'] }],
      ['too_many_records', { records: numbers(4) }],
      ['append_too_large', { records: ['"1234567"', '"1234567"', '"12345678"'] }],
      ['invalid_metadata', { metadata: '1234567' }],
      ['invalid_checkpoint', { checkpoint: '12345' }],
    ]
    for (const [code, request] of refused)
      await trial.expectError(code, () => store.append('stream', request))
    assert.deepStrictEqual(await trial.records(store, 'stream'), [])
    await trial.append(store, 'stream', ['"ääää"', '"12345678"', '"12"'])
    await trial.append(store, 'stream', { records: numbers(3), metadata: '123456', checkpoint: '1234' })
    assert.equal((await store.head('stream'))?.tail.position, 6)
  }),

  storeCase(['ST-13'], 'a large append arrives complete', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    const large = [`"${'a'.repeat(store.limits.recordBytes - 2)}"`, `"${'é'.repeat(500_000)}"`, '1']
    await trial.append(store, 'stream', large)
    await trial.append(store, 'stream', numbers(store.limits.appendRecords))
    const records = await trial.records(store, 'stream')
    assert.ok(records[0] === large[0] && records[1] === large[1], 'the large records are as they were')
    assert.deepStrictEqual(records.slice(3), numbers(1000))
  }),

  storeCase(['ST-14'], 'an empty append is refused', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    for (const request of [
      {},
      { records: [] },
      { records: [], close: false },
      { producer: { id: 'p', epoch: 0, seq: 0 } },
    ]) {
      await trial.expectError('empty_append', () => store.append('stream', request))
    }
  }),

  storeCase(['ST-15'], 'metadata is replaced in the step of the append, or not at all', async (trial) => {
    const store = await trial.store()
    await store.create('stream', { metadata: { step: 0 } })
    await trial.append(store, 'stream', { records: ['1'], metadata: { step: 1 } })
    await trial.append(store, 'stream', ['2'])
    assert.deepStrictEqual((await store.head('stream'))?.metadata, { step: 1 })
    const gap = { id: 'p', epoch: 0, seq: 1 }
    await store.append('stream', { records: ['3'], producer: gap, metadata: { step: 2 } })
    assert.deepStrictEqual((await store.head('stream'))?.metadata, { step: 1 })
    await trial.append(store, 'stream', { metadata: null })
    assert.deepStrictEqual((await store.head('stream'))?.metadata, null)
    await trial.append(store, 'stream', { records: ['3'], metadata: [4], close: true })
    assert.deepStrictEqual((await store.head('stream'))?.metadata, [4])
    assert.deepStrictEqual(await trial.records(store, 'stream'), numbers(3))
  }),

  storeCase(['ST-15'], 'a checkpoint is replaced in the step of the append, or not at all', async (trial) => {
    const store = await trial.store()
    const checkpoint = async (): Promise<unknown> => (await store.head('stream'))?.checkpoint
    const created = await trial.create(store, 'stream', { metadata: { title: 'kept' } })
    assert.ok(!('checkpoint' in created), 'a new stream has no checkpoint')
    await trial.append(store, 'stream', { records: ['1'], checkpoint: { at: 1 } })
    await trial.append(store, 'stream', ['2'])
    assert.deepStrictEqual(await checkpoint(), { at: 1 })
    const gap = { id: 'p', epoch: 0, seq: 1 }
    await store.append('stream', { records: ['3'], producer: gap, checkpoint: { at: 3 } })
    assert.deepStrictEqual(await checkpoint(), { at: 1 })
    await trial.append(store, 'stream', { checkpoint: null })
    assert.deepStrictEqual((await store.list()).streams[0]?.checkpoint, null)
    await trial.append(store, 'stream', { records: ['3'], checkpoint: [4] })
    assert.deepStrictEqual(await checkpoint(), [4])
    assert.deepStrictEqual((await store.head('stream'))?.metadata, { title: 'kept' })
    assert.deepStrictEqual(await trial.records(store, 'stream'), numbers(3))
  }),

  storeCase(['ST-16'], 'an append may name the incarnation it is for', async (trial) => {
    const store = await trial.store()
    const { incarnation } = await trial.create(store, 'stream')
    await trial.append(store, 'stream', { records: ['1'], incarnation })
    await store.delete('stream')
    await store.create('stream')
    assert.deepStrictEqual(await store.append('stream', { records: ['2'], incarnation }), {
      outcome: 'missing',
    })
    assert.deepStrictEqual(await trial.records(store, 'stream'), [])
  }),

  storeCase(['ST-17'], 'a stream seq only goes up, byte by byte', async (trial) => {
    const store = await trial.store()
    await store.create('stream')
    for (const streamSeq of ['09', '1', '10', 'a'])
      await trial.append(store, 'stream', { records: ['1'], streamSeq })
    for (const streamSeq of ['a', 'Z', '2']) {
      assert.deepStrictEqual(await store.append('stream', { records: ['2'], streamSeq }), {
        outcome: 'stream-seq',
        last: 'a',
      })
    }
    await trial.append(store, 'stream', ['3'])
    await trial.append(store, 'stream', { records: ['4'], streamSeq: 'aa' })
    assert.deepStrictEqual(await trial.records(store, 'stream'), ['1', '1', '1', '1', '3', '4'])
    await trial.expectError('invalid_stream_seq', () =>
      store.append('stream', { records: ['5'], streamSeq: '' }),
    )
  }),
]
