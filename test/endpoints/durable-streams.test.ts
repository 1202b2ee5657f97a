/** The rules of docs/http-streams.md about creating, writing and caches, through the application's `fetch`. */
import { expect, it } from 'vitest'
import { memoryChannels } from '../../src/channels/memory/layer.ts'
import { Delivery } from '../../src/delivery/delivery.ts'
import { silentLogger } from '../../src/logging/logger.ts'
import { encodeOffset } from '../../src/protocol/offset.ts'
import { type Guards, http } from '../../src/routing/route.ts'
import { durableStreams } from '../../src/routing/stream-routes.ts'
import { Application } from '../../src/server/application.ts'
import { memory } from '../../src/streams/memory/store.ts'
import type { StreamStoreOptions } from '../../src/streams/options.ts'
import type { StreamStore } from '../../src/streams/store.ts'
import type { StreamInfo } from '../../src/streams/stream.ts'

type Body = string | Blob | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>

type Ask = (method: string, path: string, headers?: Record<string, string>, body?: Body) => Promise<Response>

interface Setup {
  readonly store: StreamStore
  readonly ask: Ask
}

function setUp(
  options: StreamStoreOptions & Pick<Guards, 'origins'> & { readonly authenticated?: boolean } = {},
): Setup {
  const { authenticated = false, origins, ...rest } = options
  const store = memory(rest)
  const delivery = new Delivery({ store, minWindowMs: 0, maxWindowMs: 0 })
  const authenticate = (request: Request): unknown => request.headers.get('user')
  const guards = {
    ...(authenticated && { authenticate: authenticate as never }),
    ...(origins && { origins }),
  }
  const routes = [
    durableStreams('/v1/stream', { store, delivery, longPollTimeout: 0.05, ...guards }),
    http('/*path', () => new Response('another')),
  ]
  const application = new Application({ routes, channels: memoryChannels(), logger: silentLogger })
  const ask: Ask = (method, path, headers = {}, body) =>
    application.fetch(
      new Request(`http://testserver/v1/stream/${path}`, {
        method,
        headers,
        ...(body !== undefined && { body }),
        ...(body instanceof ReadableStream && { duplex: 'half' }),
      }),
    )
  return { store, ask }
}

const JSON_TYPE = { 'content-type': 'application/json' }
const TEXT = { 'content-type': 'text/plain' }

const code = async (response: Response): Promise<unknown> => [
  response.status,
  ((await response.json()) as { error: { code: string } }).error.code,
]

async function tailOf(store: StreamStore, id: string): Promise<string> {
  return encodeOffset(((await store.head(id)) as StreamInfo).tail)
}

function producer(epoch: number | string, seq: number | string, id = 'p'): Record<string, string> {
  return { 'producer-id': id, 'producer-epoch': String(epoch), 'producer-seq': String(seq) }
}

it('HS-29: a stream is created, found again as it was asked for, and not changed', async () => {
  const { store, ask } = setUp()
  const created = await ask('PUT', 'a/b%20c?x=1', TEXT, 'first')
  expect(created.status).toBe(400)
  const headers = { ...JSON_TYPE, 'stream-ttl': '60' }
  const first = await ask('PUT', 'a/b', headers, '[1, {"n":2.0}]')
  expect([first.status, first.headers.get('location'), first.headers.get('content-type')]).toEqual([
    201,
    'http://testserver/v1/stream/a/b',
    'application/json',
  ])
  expect(first.headers.get('stream-next-offset')).toBe(await tailOf(store, 'a/b'))
  expect(await store.head('a/b')).toMatchObject({ ttlMs: 60_000, closed: false, tail: { position: 2 } })
  const again = await ask('PUT', 'a/b', headers, '[3]')
  expect([again.status, again.headers.has('location')]).toEqual([200, false])
  for (const other of [TEXT, { ...headers, 'stream-ttl': '61' }, { ...headers, 'stream-closed': 'true' }]) {
    expect(await code(await ask('PUT', 'a/b', other))).toEqual([409, 'stream_differs'])
  }
  expect(await (await ask('GET', 'a/b')).text()).toBe('[1,{"n":2.0}]')
  const closed = await ask('PUT', 'whole', { 'stream-closed': 'TRUE' }, 'all')
  expect([closed.status, closed.headers.get('stream-closed'), closed.headers.get('content-type')]).toEqual([
    201,
    'true',
    'text/plain;charset=UTF-8',
  ])
  expect((await ask('PUT', 'empty', JSON_TYPE, ' [ ] ')).status).toBe(201)
  expect((await ask('PUT', 'plain')).headers.get('content-type')).toBe('application/octet-stream')
})

it('HS-29: names that are not for clients are refused, and found by nobody', async () => {
  const { ask } = setUp()
  for (const id of ['%40run/x', '__ds', '__ds/subscriptions/a', '', 'a%20b', 'x'.repeat(513)]) {
    expect(await code(await ask('PUT', id))).toEqual([400, 'stream_name_refused'])
    expect(await code(await ask('GET', id))).toEqual([404, 'stream_not_found'])
  }
  expect((await ask('PUT', '__dsx')).status).toBe(201)
})

it('HS-18: a stream belongs to whoever created it', async () => {
  const { store, ask } = setUp({ authenticated: true })
  expect((await ask('PUT', 's', { user: 'ann', ...TEXT }, 'a')).status).toBe(201)
  expect((await store.head('s'))?.owner).toBe('ann')
  const bob = { user: 'bob', ...TEXT }
  expect(await code(await ask('PUT', 's', bob))).toEqual([409, 'stream_differs'])
  for (const method of ['GET', 'POST', 'DELETE']) {
    const body = method === 'POST' ? 'b' : undefined
    expect(await code(await ask(method, 's', bob, body))).toEqual([404, 'stream_not_found'])
  }
  expect((await ask('POST', 's', { user: 'ann', ...TEXT }, 'b')).status).toBe(204)
  expect(await (await ask('GET', 's', { user: 'ann' })).text()).toBe('ab')
  expect((await ask('PUT', 't')).status).toBe(401)
})

it('HS-30: how long a stream lives', async () => {
  const { ask } = setUp()
  for (const ttl of ['-1', '+1', '01', '1.0', '1e3', '', 'x', '99999999999999']) {
    expect(await code(await ask('PUT', 's', { 'stream-ttl': ttl }))).toEqual([400, 'bad_request'])
  }
  for (const time of [
    'tomorrow',
    '2030-01-01',
    '2030-13-01T00:00:00Z',
    '2030-01-01T00:00:00',
    '1893456000000',
    '2030-02-29T00:00:00Z',
    '2030-04-31T00:00:00Z',
    '2030-01-01T24:00:00Z',
    '2030-01-01T23:59:60Z',
    '2030-01-01T00:00:00+24:00',
  ]) {
    expect(await code(await ask('PUT', 's', { 'stream-expires-at': time }))).toEqual([400, 'bad_request'])
  }
  const both = { 'stream-ttl': '1', 'stream-expires-at': '2030-01-01T00:00:00Z' }
  expect(await code(await ask('PUT', 's', both))).toEqual([400, 'bad_request'])
  await ask('PUT', 's', { 'stream-ttl': '60' })
  await ask('PUT', 't', { 'stream-expires-at': '2130-01-01T02:00:00+02:00' })
  const [s, t] = await Promise.all([ask('HEAD', 's'), ask('HEAD', 't')])
  expect([s.headers.get('stream-ttl'), s.headers.get('stream-expires-at')]).toEqual(['60', null])
  expect([t.headers.get('stream-ttl'), t.headers.get('stream-expires-at')]).toEqual([
    null,
    '2130-01-01T00:00:00.000Z',
  ])
  const same = await ask('PUT', 't', { 'stream-expires-at': '2130-01-01T00:00:00Z' })
  expect(same.status).toBe(200)
  for (const past of ['1960-01-01T00:00:00Z', '2020-02-29t00:00:00.5z']) {
    expect((await ask('PUT', 'past', { 'stream-expires-at': past })).status).toBe(201)
    expect((await ask('GET', 'past')).status).toBe(404)
  }
})

it('HS-6, HS-30: what prolongs a life, and what does not', async () => {
  let now = 1_000_000
  const { store, ask } = setUp({ clock: () => now })
  await ask('PUT', 's', { ...TEXT, 'stream-ttl': '10' }, 'a')
  const left = async (): Promise<number> => ((await store.head('s'))?.expiresAt as number) - now
  const acts: [string, () => Promise<unknown>, number][] = [
    ['a head', () => ask('HEAD', 's'), 6000],
    ['a read', () => ask('GET', 's'), 10_000],
    ['a read of the tail', () => ask('GET', 's?offset=now'), 10_000],
    ['an append', () => ask('POST', 's', TEXT, 'b'), 10_000],
    ['an append that is refused', () => ask('POST', 's', JSON_TYPE, '1'), 6000],
    ['another read', () => ask('GET', 's'), 10_000],
    ['a close', () => ask('POST', 's', { 'stream-closed': 'true' }), 10_000],
  ]
  for (const [name, act, rest] of acts) {
    now += 4000
    await act()
    expect([name, await left()]).toEqual([name, rest])
  }
  now += 10_000
  expect((await ask('GET', 's')).status).toBe(404)
  expect((await ask('PUT', 's', TEXT)).status).toBe(201)
})

it('HS-31: a body is appended whole or not at all', async () => {
  const { store, ask } = setUp()
  await ask('PUT', 's', TEXT)
  const answer = await ask('POST', 's', { 'content-type': 'Text/PLAIN; charset=utf-8' }, 'a')
  expect([answer.status, answer.headers.get('stream-next-offset')]).toEqual([204, await tailOf(store, 's')])
  expect(await code(await ask('POST', 's', JSON_TYPE, '{}'))).toEqual([409, 'content_type_differs'])
  expect(await code(await ask('POST', 's', {}, new Blob(['b'])))).toEqual([400, 'bad_request'])
  expect(await code(await ask('POST', 's', { 'content-type': 'nonsense' }, 'b'))).toEqual([
    400,
    'invalid_content_type',
  ])
  expect(await code(await ask('POST', 's', TEXT))).toEqual([400, 'empty_append'])
  expect(await code(await ask('POST', 'none', TEXT, 'b'))).toEqual([404, 'stream_not_found'])
  expect(await (await ask('GET', 's')).text()).toBe('a')
  expect((await ask('POST', 's', { ...JSON_TYPE, 'stream-closed': 'true' })).status).toBe(204)
  expect((await ask('PATCH', 's')).headers.get('allow')).toBe('GET, HEAD, PUT, POST, DELETE')
})

it('HS-32: the elements of an array are records, as they were written', async () => {
  const { store, ask } = setUp({ limits: { appendRecords: 4 } })
  await ask('PUT', 's', { 'content-type': 'application/vnd.x+json' })
  const post = (body: Body): Promise<Response> =>
    ask('POST', 's', { 'content-type': 'application/vnd.x+json' }, body)
  for (const body of ['1', ' {"a" : [1,2]}\n', '[ "x,]", [3,[4]] ,\t{"b":"\\"]"} ]', '[[[]]]', '"[1"']) {
    expect((await post(body)).status).toBe(204)
  }
  const kept = await store.read('s', 'start')
  expect(kept.outcome === 'page' && kept.records).toEqual([
    '1',
    '{"a" : [1,2]}',
    '"x,]"',
    '[3,[4]]',
    '{"b":"\\"]"}',
    '[[]]',
    '"[1"',
  ])
  for (const body of ['[1,]', '[,1]', '[1],[2]', '[1', '1]', '{}{}', 'x', ' ', '["\\ud800",\u{0}]']) {
    expect([body, await code(await post(body))]).toEqual([body, [400, 'invalid_record']])
  }
  expect(await code(await post(Buffer.from([0x22, 0xff, 0x22])))).toEqual([400, 'invalid_record'])
  expect(await code(await post('[ ]'))).toEqual([400, 'bad_request'])
  expect((await store.head('s'))?.tail.position).toBe(7)
})

it('HS-32: bytes are kept as they are, in as many records as they take', async () => {
  const { store, ask } = setUp({ limits: { recordBytes: 4, appendBytes: 12 } })
  const type = { 'content-type': 'application/octet-stream' }
  await ask('PUT', 's', type, Buffer.from([0, 255, 10]))
  expect((await ask('POST', 's', type, Buffer.from('123456789'))).status).toBe(204)
  expect((await store.head('s'))?.tail.position).toBe(4)
  expect(Buffer.from(await (await ask('GET', 's')).arrayBuffer())).toEqual(
    Buffer.concat([Buffer.from([0, 255, 10]), Buffer.from('123456789')]),
  )
})

it('HS-32: a body that is compressed is refused', async () => {
  const { store, ask } = setUp()
  await ask('PUT', 's', { ...TEXT, 'content-encoding': 'identity' }, 'a')
  for (const method of ['PUT', 'POST']) {
    const answer = await ask(
      method,
      's',
      { ...TEXT, 'content-encoding': 'gzip' },
      new Uint8Array([0x1f, 0x8b]),
    )
    expect(answer.headers.get('accept-encoding')).toBe('identity')
    expect(await code(answer)).toEqual([415, 'content_coding_refused'])
  }
  expect((await store.head('s'))?.tail.position).toBe(1)
})

it('HS-33: what is too large is refused, a body before it has come', async () => {
  const { store, ask } = setUp({ limits: { recordBytes: 10, appendBytes: 20, appendRecords: 3 } })
  await ask('PUT', 's', JSON_TYPE)
  for (const [body, name] of [
    ['[1,2,3,4]', 'too_many_records'],
    [`[${','.repeat(60_000)}]`, 'too_many_records'],
    [`"${'x'.repeat(9)}"`, 'record_too_large'],
    ['["xxxxxxx","xxxxxxx","xxxxxxx"]', 'append_too_large'],
  ] as const) {
    expect(await code(await ask('POST', 's', JSON_TYPE, body))).toEqual([413, name])
  }
  let sent = 0
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(new Uint8Array(16_384))
      sent += 16_384
    },
  })
  expect(await code(await ask('POST', 's', JSON_TYPE, endless))).toEqual([413, 'request_too_large'])
  expect(sent).toBeLessThan(200_000)
  const announced = { ...JSON_TYPE, 'content-length': '1000000' }
  expect(await code(await ask('PUT', 't', announced, '1'))).toEqual([413, 'request_too_large'])
  expect(await store.head('t')).toBeUndefined()
})

it('HS-34: a stream is closed in the step of its last records', async () => {
  const { store, ask } = setUp()
  await ask('PUT', 's', TEXT, 'a')
  for (const no of ['false', '1', 'yes', '']) {
    const answer = await ask('POST', 's', { ...TEXT, 'stream-closed': no }, 'b')
    expect([answer.status, answer.headers.has('stream-closed')]).toEqual([204, false])
  }
  const closed = await ask('POST', 's', { ...TEXT, 'stream-closed': 'True' }, 'c')
  expect([closed.status, closed.headers.get('stream-closed')]).toEqual([204, 'true'])
  const refused = await ask('POST', 's', { ...JSON_TYPE, 'stream-closed': 'true' }, '1')
  expect(Object.fromEntries(refused.headers)).toMatchObject({
    'stream-closed': 'true',
    'stream-next-offset': await tailOf(store, 's'),
  })
  expect(await code(refused)).toEqual([409, 'stream_closed'])
  const again = await ask('POST', 's', { 'stream-closed': 'true' })
  expect([again.status, again.headers.get('stream-closed')]).toEqual([204, 'true'])
  expect(await (await ask('GET', 's')).text()).toBe('abbbbc')
})

it('HS-35: a seq of the stream goes up, byte by byte', async () => {
  const { ask } = setUp()
  await ask('PUT', 's', TEXT)
  const post = (seq: string): Promise<Response> => ask('POST', 's', { ...TEXT, 'stream-seq': seq }, 'x')
  expect((await post('2')).status).toBe(204)
  for (const seq of ['2', '10']) expect(await code(await post(seq))).toEqual([409, 'stream_seq_behind'])
  expect(await code(await post('x'.repeat(256)))).toEqual([400, 'invalid_stream_seq'])
  expect((await post('3')).status).toBe(204)
})

it('HS-36: what a producer sends again is kept once', async () => {
  const { ask } = setUp()
  await ask('PUT', 's', TEXT)
  const post = (headers: Record<string, string>): Promise<Response> =>
    ask('POST', 's', { ...TEXT, ...headers }, 'x')
  const told = ({ status, headers }: Response): unknown => [
    status,
    ...['epoch', 'seq', 'expected-seq', 'received-seq'].map((name) => headers.get(`producer-${name}`)),
  ]
  expect(told(await post(producer(0, 0)))).toEqual([200, '0', '0', null, null])
  expect(told(await post(producer(0, 1)))).toEqual([200, '0', '1', null, null])
  expect(told(await post(producer(0, 0)))).toEqual([204, '0', '1', null, null])
  const gap = await post(producer(0, 3))
  expect(told(gap)).toEqual([409, null, null, '2', '3'])
  expect(await code(gap)).toEqual([409, 'producer_gap'])
  expect(await code(await post(producer(2, 1)))).toEqual([400, 'producer_epoch_start'])
  expect(told(await post(producer(2, 0)))).toEqual([200, '2', '0', null, null])
  const fenced = await post(producer(1, 0))
  expect(fenced.headers.get('producer-epoch')).toBe('2')
  expect(await code(fenced)).toEqual([403, 'producer_fenced'])
  expect(await (await ask('GET', 's')).text()).toBe('xxx')
})

it('HS-36: what names no producer is refused', async () => {
  const { ask } = setUp()
  await ask('PUT', 's', TEXT)
  const whole = producer(0, 0)
  for (const headers of [
    ...Object.keys(whole).map((name) =>
      Object.fromEntries(Object.entries(whole).filter(([one]) => one !== name)),
    ),
    producer('01', 0),
    producer(0, '1.0'),
    producer(0, '-1'),
    producer('9007199254740992', 0),
    producer(0, ''),
  ]) {
    expect(await code(await ask('POST', 's', { ...TEXT, ...headers }, 'x'))).toEqual([400, 'bad_request'])
  }
  const nobody = await ask('POST', 's', { ...TEXT, ...producer(0, 0, '') }, 'x')
  expect(await code(nobody)).toEqual([400, 'invalid_producer'])
  expect((await ask('POST', 's', { ...TEXT, ...producer('9007199254740991', 0) }, 'x')).status).toBe(200)
})

it("HS-37: a run's stream is written by nobody else, and closed by nobody else", async () => {
  const { store, ask } = setUp()
  await store.create('run', { lease: { holder: 'h', ttlMs: 60_000 } })
  const written = producer(1, 0, '@lease')
  expect(await code(await ask('POST', 'run', { ...JSON_TYPE, ...written }, '1'))).toEqual([
    400,
    'bad_request',
  ])
  const headers = [{}, producer(9, 0), { 'stream-seq': '1' }, { 'stream-closed': 'true' }]
  for (const more of headers) {
    expect(await code(await ask('POST', 'run', { ...JSON_TYPE, ...more }, '1'))).toEqual([
      409,
      'stream_leased',
    ])
  }
  expect(await code(await ask('POST', 'run', { 'stream-closed': 'true' }))).toEqual([409, 'stream_leased'])
  expect((await ask('PUT', 'run', JSON_TYPE, '[1]')).status).toBe(200)
  const lease = { id: '@lease', epoch: 1, seq: 0 }
  await store.append('run', { records: ['1'], close: true, producer: lease, end: { status: 'completed' } })
  const over = await ask('POST', 'run', JSON_TYPE, '2')
  expect(over.headers.get('stream-end')).toBe('{"status":"completed"}')
  expect(await code(over)).toEqual([409, 'stream_closed'])
  expect(await (await ask('GET', 'run')).json()).toEqual([1])
})

it('HS-27: what everybody may read is kept by caches, and asked for by its tag', async () => {
  const { ask } = setUp()
  await ask('PUT', 's', JSON_TYPE, '[1]')
  const get = (headers?: Record<string, string>, query = ''): Promise<Response> =>
    ask('GET', `s${query}`, headers)
  const kept = 'public, max-age=60, stale-while-revalidate=300'
  const first = await get()
  const etag = first.headers.get('etag') as string
  expect([etag, first.headers.get('cache-control')]).toEqual([expect.stringMatching(/^"[\w.:]+"$/), kept])
  for (const tags of [etag, `"x", W/${etag}`, '*']) {
    const same = await get({ 'if-none-match': tags })
    expect([same.status, await same.text(), same.headers.get('etag')]).toEqual([304, '', etag])
    expect([same.headers.get('cache-control'), same.headers.get('stream-up-to-date')]).toEqual([kept, 'true'])
  }
  expect((await get({ 'if-none-match': '"x"' })).status).toBe(200)
  const poll = await get({}, '?offset=-1&live=long-poll')
  expect([poll.status, poll.headers.get('cache-control'), poll.headers.has('etag')]).toEqual([
    200,
    kept,
    true,
  ])
  const now = await get({ 'if-none-match': '*' }, '?offset=now')
  expect([now.status, now.headers.get('cache-control'), now.headers.get('etag')]).toEqual([
    200,
    'no-store',
    null,
  ])
  await ask('POST', 's', { 'stream-closed': 'true' })
  const closed = await get({ 'if-none-match': etag })
  expect([closed.status, closed.headers.get('etag') === etag]).toEqual([200, false])
  await ask('PUT', 'other', JSON_TYPE, '[1]')
  expect((await ask('GET', 'other', { 'if-none-match': etag })).status).toBe(200)
})

it('HS-7, HS-27: what is somebody’s own is kept by nobody on the way', async () => {
  const { ask } = setUp({ authenticated: true })
  const ann = { user: 'ann' }
  await ask('PUT', 's', { ...ann, ...JSON_TYPE }, '[1]')
  const read = await ask('GET', 's', ann)
  expect(read.headers.get('cache-control')).toBe('no-store')
  const same = await ask('GET', 's', { ...ann, 'if-none-match': read.headers.get('etag') as string })
  expect([same.status, same.headers.get('cache-control')]).toEqual([304, 'no-store'])
  const answers = [
    await ask('HEAD', 's', ann),
    await ask('GET', 's?offset=-1&live=long-poll', ann),
    await ask('GET', 's?offset=now&live=long-poll', ann),
    await ask('POST', 's', { ...ann, ...JSON_TYPE }, '2'),
    await ask('PUT', 's', { ...ann, ...JSON_TYPE }),
    await ask('PUT', 's', ann),
    await ask('DELETE', 's', ann),
  ]
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 204, 204, 200, 409, 204])
  for (const { headers } of answers) {
    expect(Object.fromEntries(headers)).toMatchObject({
      'cache-control': 'no-store',
      'cross-origin-resource-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
    })
  }
})

it('HS-28: a cursor tells the time, and goes on from the one that was sent', async () => {
  const { ask } = setUp()
  await ask('PUT', 's', TEXT, 'a')
  const poll = async (query: string): Promise<number> =>
    Number((await ask('GET', `s?live=long-poll&${query}`)).headers.get('stream-cursor'))
  const first = await poll('offset=-1')
  expect(first).toBeCloseTo((Date.now() - Date.UTC(2024, 9, 9)) / 20_000, -1)
  for (const [query, above] of [
    [`offset=-1&cursor=${first + 100}`, first + 100],
    [`offset=now&cursor=${first + 100}`, first + 100],
    ['offset=-1&cursor=7', first - 1],
    ['offset=-1&cursor=x', first - 1],
  ] as const) {
    const next = await poll(query)
    expect(next).toBeGreaterThan(above)
    expect(next).toBeLessThan(above + 200)
  }
  const events = async (cursor: string): Promise<string> => {
    const response = await ask('GET', `s?offset=-1&live=sse&cursor=${cursor}`)
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    const { value } = await reader.read()
    await reader.cancel()
    return Buffer.from(value ?? []).toString()
  }
  const sent = /"streamCursor":"(\d+)"/.exec(await events(String(first + 100)))
  expect(Number(sent?.[1])).toBeGreaterThan(first + 100)
  await ask('POST', 's', { 'stream-closed': 'true' })
  expect(await poll('offset=now')).toBe(0)
  expect(await events('1')).not.toContain('streamCursor')
})

it('HS-8: text is sent as text, line by line', async () => {
  const { ask } = setUp()
  await ask(
    'PUT',
    's',
    { 'content-type': 'text/markdown', 'stream-closed': 'true' },
    ' a\r\n  b\rc\n\nevent: x\n',
  )
  const answer = await ask('GET', 's?offset=-1&live=sse')
  expect(answer.headers.has('stream-sse-data-encoding')).toBe(false)
  const text = await answer.text()
  const lines = text.slice(text.indexOf('data:'), text.indexOf('\n\n')).split('\n')
  expect(lines.map((line) => line.replace(/^data: ?/, ''))).toEqual([' a', '  b', 'c', '', 'event: x', ''])
})

it('HS-17: pages that are let in may send every header, and read every answer', async () => {
  const { ask } = setUp({ origins: ['https://app.example'] })
  const page = { origin: 'https://app.example', host: 'testserver' }
  await ask('PUT', 's', { ...page, ...TEXT }, 'a')
  const leave = await ask('OPTIONS', 's', {
    ...page,
    'access-control-request-method': 'PUT',
    'access-control-request-headers': 'if-none-match,producer-id,stream-ttl',
  })
  expect([leave.status, leave.headers.get('access-control-allow-methods')]).toEqual([204, 'PUT'])
  expect(leave.headers.get('access-control-allow-headers')).toBe('if-none-match,producer-id,stream-ttl')
  const answers = await Promise.all([
    ask('GET', 's?offset=-1&live=long-poll', page),
    ask('HEAD', 's', page),
    ask('POST', 's', { ...page, ...TEXT, ...producer(0, 1) }, 'x'),
    ask('POST', 's', { ...page, ...TEXT, ...producer(0, 0) }, 'x'),
  ])
  for (const { headers } of answers) {
    const readable = new Set((headers.get('access-control-expose-headers') ?? '').split(', '))
    const own = [...headers.keys()].filter((name) => /^(?:stream|producer)-|^etag$|^location$/.test(name))
    expect(own.filter((name) => !readable.has(name))).toEqual([])
  }
  const foreign = { ...page, origin: 'https://evil.example' }
  for (const method of ['PUT', 'POST', 'DELETE'])
    expect(await code(await ask(method, 's', foreign))).toEqual([403, 'origin_refused'])
})
