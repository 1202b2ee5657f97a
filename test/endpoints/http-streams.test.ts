/** The rules of docs/http-streams.md, through the application's `fetch`. */
import { afterEach, expect, it, onTestFinished, vi } from 'vitest'
import { memoryChannels } from '../../src/channels/memory/layer.ts'
import { Delivery } from '../../src/delivery/delivery.ts'
import type { HttpStreamsOptions } from '../../src/endpoints/http/http-streams.ts'
import { silentLogger } from '../../src/logging/logger.ts'
import type { Json } from '../../src/protocol/json.ts'
import { START, encodeOffset } from '../../src/protocol/offset.ts'
import type { RunProvider } from '../../src/providers/provider.ts'
import type { Guards } from '../../src/routing/route.ts'
import { httpStreams } from '../../src/routing/stream-routes.ts'
import { RunError } from '../../src/runs/errors.ts'
import { Runs } from '../../src/runs/runs.ts'
import { Application } from '../../src/server/application.ts'
import { StoreError } from '../../src/streams/errors.ts'
import { memory } from '../../src/streams/memory/store.ts'
import type { StreamStore } from '../../src/streams/store.ts'
import type { StreamInfo } from '../../src/streams/stream.ts'
import { touchedStore } from './touched-store.ts'

interface Setup {
  readonly store: StreamStore
  readonly delivery: Delivery
  readonly errors: unknown[]
  ask(path: string, init?: RequestInit): Promise<Response>
}

afterEach(() => void vi.useRealTimers())

function setUp(
  options: Partial<HttpStreamsOptions> & Pick<Guards, 'origins'> & { readonly authenticated?: boolean } = {},
): Setup {
  const { authenticated = false, ...rest } = options
  const store = options.store ?? memory()
  const delivery = new Delivery({ store, minWindowMs: 0, maxWindowMs: 0 })
  const errors: unknown[] = []
  const logger = { ...silentLogger, error: (fields: object) => void errors.push(fields) }
  const authenticate = (request: Request): unknown => request.headers.get('user')
  const guards = authenticated ? { authenticate: authenticate as never } : {}
  const routes = [httpStreams('/streams', { delivery, logger, ...rest, store, ...guards })]
  const application = new Application({ routes, channels: memoryChannels(), logger: silentLogger })
  const ask = (path: string, init?: RequestInit): Promise<Response> =>
    application.fetch(new Request(`http://testserver/streams${path}`, init))
  return { store, delivery, errors, ask }
}

async function tailOf(store: StreamStore, id: string): Promise<string> {
  return encodeOffset(((await store.head(id)) as StreamInfo).tail)
}

/** Reads an event stream until a text has come, or to its end. */
async function readUntil(response: Response, text?: string): Promise<string> {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  let read = ''
  const enough = (): boolean => text !== undefined && read.includes(text)
  while (!enough()) {
    const { done, value } = await reader.read()
    if (done) break
    read += Buffer.from(value).toString()
  }
  reader.releaseLock()
  return read
}

/** Cursors tell the time. */
const timeless = (text: string): string => text.replace(/("streamCursor":")\d+/g, '$1…')

const code = async (response: Response): Promise<unknown> => [
  response.status,
  ((await response.json()) as { error: { code: string } }).error.code,
]

it('HS-1: offsets', async () => {
  const { store, ask } = setUp()
  await store.create('s', { records: ['1', '2'] })
  await store.create('t', { records: ['1', '2'] })
  const tail = await tailOf(store, 's')
  const middle = tail.replace('2_', '1_')
  for (const [offset, records] of [
    ['-1', [1, 2]],
    ['now', []],
    [middle, [2]],
    [tail, []],
  ] as const) {
    expect(await (await ask(`/s?offset=${offset}`)).json()).toEqual(records)
  }
  for (const live of ['', '&live=sse', '&live=long-poll']) {
    expect(await code(await ask(`/s?offset=7${live}`))).toEqual([400, 'invalid_offset'])
    expect(await code(await ask(`/s?offset=${await tailOf(store, 't')}${live}`))).toEqual([
      410,
      'offset_lost',
    ])
    expect(await code(await ask(`/s?offset=${tail.replace('2_', '3_')}${live}`))).toEqual([
      410,
      'offset_past_end',
    ])
  }
  expect(await code(await ask('/s?live=never'))).toEqual([400, 'bad_request'])
})

it('HS-7: an answer that says no is kept and embedded by nobody either', async () => {
  const { store, ask } = setUp({ authenticated: true, runs: { stop: async () => ({ status: 'stopped' }) } })
  await store.create('s', { owner: 'ann' })
  const headers = { user: 'ann', origin: 'https://evil.example', host: 'testserver' }
  const answers = await Promise.all([
    ask('/s'),
    ask('/s', { method: 'PUT', headers: { user: 'ann' } }),
    ask('/s?live=never', { headers }),
    ask('/t', { headers }),
    ask('/s/stop', { headers, method: 'POST' }),
  ])
  expect(answers.map(({ status }) => status)).toEqual([401, 405, 400, 404, 403])
  for (const answer of answers) {
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'cache-control': 'no-store',
      'cross-origin-resource-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
    })
  }
})

it('HS-2, HS-3: records come as they were written, with the place behind them', async () => {
  const { store, ask } = setUp()
  await store.create('s', { contentType: 'application/json; charset=utf-8', records: ['{"a" : 1.0}', '"ü"'] })
  await store.create('b', { contentType: 'text/plain', records: [Buffer.from('ab'), Buffer.from('c')] })
  await store.create('e')
  const response = await ask('/s')
  expect(await response.text()).toBe('[{"a" : 1.0},"ü"]')
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'application/json; charset=utf-8',
    'stream-from-offset': encodeOffset(START),
    'stream-next-offset': await tailOf(store, 's'),
    'cross-origin-resource-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
  })
  const bytes = await ask('/b')
  expect([await bytes.text(), bytes.headers.get('content-type')]).toEqual(['abc', 'text/plain'])
  expect(await (await ask('/e')).text()).toBe('[]')
})

it('HS-4: a long stream is read answer by answer', async () => {
  const { store, ask } = setUp()
  const wide = Array.from({ length: 900 }, (_, n) => JSON.stringify({ n, pad: 'x'.repeat(2000) }))
  await store.create('s', { records: wide.slice(0, 450) })
  await store.append('s', { records: wide.slice(450) })
  const marks: unknown[] = []
  const read: unknown[] = []
  for (let offset = '-1', more = true; more;) {
    const response = await ask(`/s?offset=${offset}`)
    read.push(...((await response.json()) as unknown[]))
    offset = response.headers.get('stream-next-offset') as string
    more = response.headers.get('stream-up-to-date') === null
    marks.push([!more, response.headers.get('stream-closed')])
  }
  expect(read).toEqual(wide.map((text) => JSON.parse(text) as unknown))
  expect(marks).toEqual([
    [false, null],
    [true, null],
  ])
  await store.append('s', { close: true })
  expect((await ask('/s?offset=now')).headers.get('stream-closed')).toBe('true')
  expect((await ask('/s')).headers.get('stream-closed')).toBeNull()
})

it('HS-6, HS-26: what a stream is closed with stands in a header, in ASCII', async () => {
  const { store, ask } = setUp({ longPollTimeout: 5 })
  const end = { status: 'failed', message: 'It cost 5 €\n\u007f😀' }
  await store.create('s', { records: ['1'] })
  await store.create('plain', { closed: true })
  expect((await ask('/s')).headers.get('stream-end')).toBeNull()
  const start = (await ask('/s')).headers.get('stream-from-offset') as string
  const polls = ['now', start].map((offset) => ask(`/s?offset=${offset}&live=long-poll`))
  await polls[1]
  await store.append('s', { close: true, end })
  const closed = ['/s', '/s?offset=now', '/s?offset=now&live=long-poll'].map((path) => ask(path))
  for (const answer of await Promise.all([polls[0]!, ...closed, ask('/s', { method: 'HEAD' })])) {
    const text = answer.headers.get('stream-end') as string
    expect(text).toMatch(/^[ -~]+$/)
    expect(JSON.parse(text)).toEqual(end)
    expect(answer.headers.get('stream-closed')).toBe('true')
  }
  for (const method of ['GET', 'HEAD']) {
    const { headers } = await ask('/plain', { method })
    expect([headers.get('stream-closed'), headers.get('stream-end')]).toEqual(['true', null])
  }
  const largest = `"${'é'.repeat(1023)}"`
  await store.create('large', { closed: true, end: JSON.parse(largest) as string })
  expect((await ask('/large')).headers.get('stream-end')).toHaveLength(2 + 1023 * 6)
})

it('HS-5: a long poll waits for records, for the end, or for its time', async () => {
  const { store, delivery, ask } = setUp({ longPollTimeout: 0.05 })
  await store.create('s', { records: ['1'] })
  expect(await (await ask('/s?offset=-1&live=long-poll')).json()).toEqual([1])
  const empty = await ask('/s?live=long-poll&offset=now')
  expect([empty.status, empty.headers.get('stream-up-to-date')]).toEqual([204, 'true'])
  const patient = setUp({ store })
  const waiting = patient.ask('/s?live=long-poll&offset=now')
  await vi.waitFor(() => expect(patient.delivery.readers('s')).toBe(1))
  await store.append('s', { records: ['2'] })
  const next = await waiting
  expect(await next.json()).toEqual([2])
  expect(next.headers.get('stream-next-offset')).toBe(await tailOf(store, 's'))
  const last = patient.ask('/s?live=long-poll&offset=now')
  await vi.waitFor(() => expect(patient.delivery.readers('s')).toBe(1))
  await store.append('s', { close: true })
  expect([(await last).status, (await last).headers.get('stream-closed')]).toEqual([204, 'true'])
  expect((await ask('/s?live=long-poll&offset=now')).status).toBe(204)
  expect([delivery.readers('s'), patient.delivery.readers('s')]).toEqual([0, 0])
})

it('HS-5: a long poll whose client leaves is over', async () => {
  const { store, delivery, ask } = setUp()
  await store.create('s')
  const leaving = new AbortController()
  const waiting = ask('/s?offset=-1&live=long-poll', { signal: leaving.signal })
  await vi.waitFor(() => expect(delivery.readers('s')).toBe(1))
  leaving.abort()
  await waiting
  expect(delivery.readers('s')).toBe(0)
})

it('HS-6: HEAD tells of the tail and prolongs nothing; GET prolongs', async () => {
  let now = 1_000_000
  const { store, ask } = setUp({ store: memory({ clock: () => now }) })
  await store.create('s', { records: ['1'], closed: true, ttlMs: 10_000 })
  now += 5000
  const head = await ask('/s', { method: 'HEAD' })
  expect([head.status, await head.text()]).toEqual([200, ''])
  expect(Object.fromEntries(head.headers)).toMatchObject({
    'content-type': 'application/json',
    'stream-next-offset': await tailOf(store, 's'),
    'stream-up-to-date': 'true',
    'stream-closed': 'true',
  })
  expect((await store.head('s'))?.expiresAt).toBe(1_010_000)
  await (await ask('/s')).text()
  expect((await store.head('s'))?.expiresAt).toBe(1_015_000)
})

it('HS-8, HS-9, HS-10: events, from an offset to the end of a run', async () => {
  const { store, ask } = setUp()
  await store.create('s', { records: ['1', '{\n"a":\r\n2}'] })
  const middle = await tailOf(store, 's')
  const start = encodeOffset(START)
  const response = await ask('/s?offset=-1&live=sse')
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  const first = await readUntil(response, 'control')
  expect(timeless(first)).toBe(
    `id: ${middle}\nevent: data\ndata:[1,{\ndata:"a":\ndata:2}]\n\n` +
      `event: control\ndata:{"streamNextOffset":"${middle}","streamFromOffset":"${start}","upToDate":true,"streamCursor":"…"}\n\n`,
  )
  const end = { status: 'failed', message: 'It\n€' }
  await store.append('s', { records: ['3'], close: true, end })
  const tail = await tailOf(store, 's')
  const rest = await readUntil(response)
  const control = (from: string): string =>
    JSON.stringify({
      streamNextOffset: tail,
      streamFromOffset: from,
      upToDate: true,
      streamClosed: true,
      end,
    })
  expect(rest).toBe(
    `id: ${tail}\nevent: data\ndata:[3]\n\n` +
      `event: control\ndata:${control(middle)}\n\n` +
      `id: ${tail}\nevent: control\ndata:${control(tail)}\n\n`,
  )
  const again = await ask('/s?live=sse&offset=-1', { headers: { 'last-event-id': middle } })
  expect(await readUntil(again)).toContain('event: data\ndata:[3]')
  expect((await ask('/s?offset=-1&live=sse', { headers: { 'last-event-id': tail } })).status).toBe(204)
})

it('HS-8: bytes come as base64, together or apart; at the tail there is a control event at once', async () => {
  const { store, ask } = setUp()
  await store.create('b', { contentType: 'application/octet-stream', records: [Buffer.from([0, 255])] })
  const response = await ask('/b?offset=-1&live=sse')
  expect(response.headers.get('stream-sse-data-encoding')).toBe('base64')
  expect(await readUntil(response, 'control')).toContain('event: data\ndata:AP8=\n')
  const apart = await ask('/b?offset=-1&live=sse&encoding=base64')
  expect(apart.headers.get('stream-sse-data-encoding')).toBe('base64')
  expect(await readUntil(apart, 'control')).toContain('event: data\ndata:["AP8="]\n')
  const tail = await tailOf(store, 'b')
  const control = `id: ${tail}\nevent: control\ndata:{"streamNextOffset":"${tail}","streamFromOffset":"${tail}","upToDate":true,"streamCursor":"…"}\n\n`
  expect(timeless(await readUntil(await ask('/b?live=sse&offset=now'), 'control'))).toBe(control)
})

it('HS-8: what was the tail for one reader is not for the next', async () => {
  const { store, delivery, ask } = setUp()
  await store.create('s', { records: [`"${'x'.repeat(600_000)}"`] })
  const first = await ask('/s?offset=-1&live=sse')
  expect(first.headers.has('stream-sse-data-encoding')).toBe(false)
  expect(await readUntil(first, 'streamNextOffset')).toContain('"upToDate":true')
  await store.append('s', { records: ['2'] })
  expect(delivery.readers('s')).toBe(1)
  const controls = (await readUntil(await ask('/s?offset=-1&live=sse'), '[2]')).match(
    /\{"streamNextOffset.*/g,
  )
  expect(controls?.[0]).not.toContain('upToDate')
})

it('HS-11: a comment comes when its time has come, from one clock', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
  const { store, ask } = setUp()
  await store.create('s')
  const responses = [await ask('/s?offset=-1&live=sse'), await ask('/s?offset=-1&live=sse')]
  for (const response of responses) await readUntil(response, 'control')
  expect(vi.getTimerCount()).toBe(1)
  vi.advanceTimersByTime(15_000)
  for (const response of responses) expect(await readUntil(response, ':')).toBe(':\n\n')
  vi.advanceTimersByTime(15_000)
  for (const response of responses) expect(await readUntil(response, ':')).toBe(':\n\n')
  for (const response of responses) await response.body?.cancel()
  expect(vi.getTimerCount()).toBe(0)
})

it('HS-12: a stream that goes ends the events with an error', async () => {
  const { store, ask } = setUp()
  await store.create('s')
  const response = await ask('/s?offset=-1&live=sse')
  await readUntil(response, 'control')
  await store.delete('s')
  expect(await readUntil(response)).toBe(
    'event: error\ndata:{"code":"stream_gone","message":"The stream is gone (deleted).","reason":"deleted"}\n\n',
  )
})

it('HS-13: a server that goes down says when to come back', async () => {
  const { store, delivery, ask } = setUp({ returnAfter: 1, returnSpread: 2 })
  await store.create('s')
  const responses = await Promise.all([1, 2, 3].map(() => ask('/s?offset=-1&live=sse')))
  for (const response of responses) await readUntil(response, 'control')
  delivery.close()
  const texts = await Promise.all(responses.map((response) => readUntil(response)))
  for (const text of texts) expect(text).toMatch(/^retry: [123]\d{3}\n\n$/)
  expect(new Set(texts).size).toBeGreaterThan(1)
})

it('HS-15: a run is stopped', async () => {
  const stopped: string[] = []
  const runs = {
    stop: async (id: string) => {
      if (id === 'plain') throw new RunError('run_not_found')
      stopped.push(id)
      return { status: 'stopped' as const }
    },
  }
  const { store, ask } = setUp({ runs })
  await store.create('run')
  await store.create('plain')
  const response = await ask('/run/stop', { method: 'POST' })
  expect([response.status, await response.json(), stopped]).toEqual([200, { status: 'stopped' }, ['run']])
  expect(await code(await ask('/plain/stop', { method: 'POST' }))).toEqual([404, 'run_not_found'])
  expect(await code(await setUp({ store }).ask('/run/stop', { method: 'POST' }))).toEqual([
    404,
    'stop_not_served',
  ])
})

it('HS-24: whoever knows a chat is told its latest run, and nothing of the chats of others', async () => {
  const stop = async () => ({ status: 'stopped' as const })
  const latest = async (chat: string, owner?: string) =>
    chat === 'c' && owner === 'ann' ? { id: 'r', status: 'stopped' as const, startedAt: 7, owner } : undefined
  const { ask } = setUp({ authenticated: true, runs: { stop, latest } })
  const find = (chat: string, user: string): Promise<Response> => ask(`?chat=${chat}`, { headers: { user } })
  const found = await find('c', 'ann')
  expect([found.headers.get('cache-control'), await found.json()]).toEqual([
    'no-store',
    { run: { id: 'r', status: 'stopped', startedAt: 7 } },
  ])
  expect(await (await find('c', 'bob')).json()).toEqual({ run: null })
  expect(await code(await find('', 'ann'))).toEqual([400, 'bad_request'])
  expect(await code(await setUp({ runs: { stop } }).ask('?chat=c'))).toEqual([404, 'latest_not_served'])
})

it('HS-25: the records of a stream of bytes stand apart for whoever asks so', async () => {
  const { store, ask } = setUp()
  const bytes = [new Uint8Array([0, 255]), new Uint8Array([1])]
  await store.create('b', { contentType: 'image/png', records: bytes })
  await store.create('s', { records: ['1'] })
  for (const live of ['', '&offset=-1&live=long-poll']) {
    const answer = await ask(`/b?encoding=base64${live}`)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'application/json',
      'stream-sse-data-encoding': 'base64',
      'stream-next-offset': await tailOf(store, 'b'),
    })
    expect(await answer.json()).toEqual(['AP8=', 'AQ=='])
    const json = await ask(`/s?encoding=base64${live}`)
    expect([json.headers.has('stream-sse-data-encoding'), await json.json()]).toEqual([false, [1]])
  }
  expect(await (await ask('/b?encoding=base64&offset=now')).json()).toEqual([])
})

it('HS-16: a run is started', async () => {
  const commands: unknown[] = []
  const { ask } = setUp({
    authenticated: true,
    start: (command) => {
      commands.push(command)
      return { id: 'run' }
    },
  })
  const post = (body: string, type = 'application/json'): Promise<Response> =>
    ask('', { method: 'POST', body, headers: { 'content-type': type, user: 'ann' } })
  const response = await post('{"input":{"q":1},"chat":"c","id":"i","owner":"eve"}')
  expect([response.status, await response.json()]).toEqual([201, { stream: 'run' }])
  expect(commands).toEqual([{ input: { q: 1 }, asked: { q: 1 }, chat: 'c', id: 'i', owner: 'ann' }])
  expect(await code(await post('{"input"'))).toEqual([400, 'invalid_frame'])
  expect(await code(await post('{}'))).toEqual([400, 'invalid_frame'])
  expect(await code(await post('7'))).toEqual([400, 'invalid_frame'])
  expect(await code(await post('{"input":1}', 'text/plain'))).toEqual([400, 'invalid_frame'])
  expect((await post(`{"input":"${'x'.repeat(1024 * 1024)}"}`)).status).toBe(201)
  const tooLarge = `{"input":"${'x'.repeat(8 * 1024 * 1024 + 64 * 1024)}"}`
  expect(await code(await post(tooLarge))).toEqual([413, 'request_too_large'])
  const refused = ['{"input":1e999}', Buffer.from('7b22696e707574223a22ff227d', 'hex')] as const
  for (const body of refused) {
    const headers = { 'content-type': 'application/json', user: 'ann' }
    expect(await code(await ask('', { method: 'POST', body, headers }))).toEqual([400, 'invalid_frame'])
  }
  expect(await code(await setUp().ask('', { method: 'POST' }))).toEqual([404, 'start_not_served'])
})

it('HS-16: an id that was started is the same run for the same input, and refused for another', async () => {
  const store = memory()
  const runs = new Runs({ store })
  onTestFinished(() => runs.close())
  const { ask } = setUp({ store, start: ({ input, ...request }) => runs.start(request, answerOf(input)) })
  const post = (body: object): Promise<Response> =>
    ask('', { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })
  expect((await post({ id: 'r', input: { q: 1, of: ['a'] } })).status).toBe(201)
  expect((await post({ id: 'r', input: { of: ['a'], q: 1 } })).status).toBe(201)
  for (const input of [{ q: 2, of: ['a'] }, { q: 1 }, null])
    expect(await code(await post({ id: 'r', input }))).toEqual([409, 'run_differs'])
})

function answerOf(input: Json): RunProvider {
  return async function* () {
    yield input
  }
}

it('HS-17: other sites start and stop nothing', async () => {
  const runs = { stop: async () => ({ status: 'stopped' as const }) }
  const { store, ask } = setUp({
    runs,
    start: () => ({ id: 's' }),
    origins: ['https://friend.example'],
  })
  await store.create('s')
  for (const path of ['', '/s/stop']) {
    const post = (origin: string): Promise<Response> =>
      ask(path, {
        method: 'POST',
        body: '{"input":1}',
        headers: { origin, host: 'testserver', 'content-type': 'application/json' },
      })
    expect(await code(await post('https://evil.example'))).toEqual([403, 'origin_refused'])
    expect(await code(await post('null'))).toEqual([403, 'origin_refused'])
    expect((await post('http://testserver')).ok).toBe(true)
    expect((await post('https://friend.example')).ok).toBe(true)
  }
})

it('HS-18: what is not yours is not there', async () => {
  const { store, ask } = setUp({ authenticated: true, runs: { stop: async () => ({ status: 'stopped' }) } })
  await store.create('theirs', { owner: 'bob' })
  await store.create('nobodys')
  await store.create('@control/x', { owner: 'ann' })
  await store.create('mine', { owner: 'ann' })
  const headers = { user: 'ann' }
  for (const id of ['theirs', 'nobodys', '%40control%2Fx', 'missing', 'a%20b']) {
    const answers = await Promise.all([
      ask(`/${id}`, { headers }),
      ask(`/${id}?offset=-1&live=sse`, { headers }),
      ask(`/${id}?offset=-1&live=long-poll`, { headers }),
      ask(`/${id}/stop`, { headers, method: 'POST' }),
    ])
    for (const answer of answers) expect(await code(answer)).toEqual([404, 'stream_not_found'])
    expect((await ask(`/${id}`, { headers, method: 'HEAD' })).status).toBe(404)
  }
  expect((await ask('/mine', { headers })).status).toBe(200)
  expect((await ask('/mine')).status).toBe(401)
  expect((await setUp({ store }).ask('/mine')).status).toBe(404)
})

it('HS-19: what fails inside is told to the log, not to the client', async () => {
  const kept = memory()
  const store: StreamStore = Object.assign(Object.create(kept) as StreamStore, {
    head: async (id: string) => {
      throw id === 'io' ? new StoreError('io', 'secret path') : new Error('secret key')
    },
  })
  const { ask, errors } = setUp({ store })
  const answers = [await ask('/io'), await ask('/x')]
  const texts = await Promise.all(answers.map((answer) => answer.text()))
  expect(answers.map(({ status }) => status)).toEqual([503, 500])
  expect(texts.join()).toMatch(/store_failed.*internal_error/)
  expect(texts.join()).not.toContain('secret')
  expect(errors).toMatchObject([{ err: { code: 'io' } }, { err: { message: 'secret key' } }])
})

it.each(['sse', 'long-poll'])('HS-23: a stream that is followed by %s does not expire', async (live) => {
  const { hand, touches } = touchedStore()
  const { store, ask } = setUp({ store: hand.store })
  await store.create('s', { ttlMs: 400 })
  await store.create('metronome', { ttlMs: 400 })
  const asked = ask(`/s?offset=now&live=${live}`)
  const metronome = await ask('/metronome?offset=now&live=sse')
  await touches('s', 10)
  await store.append('s', { records: ['1'] })
  const response = await asked
  if (live === 'long-poll') expect(await response.json()).toEqual([1])
  else {
    expect(await readUntil(response, 'data:[1]')).toContain('event: data')
    await response.body?.cancel()
  }
  const last = hand.calls.length
  await touches('metronome', 5)
  expect(hand.calls.slice(last).filter(({ method, args }) => method === 'touch' && args[0] === 's')).toEqual(
    [],
  )
  await metronome.body?.cancel()
})
