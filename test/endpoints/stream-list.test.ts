/** Listing and removing streams: rules of docs/http-streams.md, through the application's `fetch`. */
import { expect, it, vi } from 'vitest'
import { memoryChannels } from '../../src/channels/memory/layer.ts'
import { Delivery } from '../../src/delivery/delivery.ts'
import type { StreamListPage } from '../../src/endpoints/http/reads/stream-list.ts'
import { silentLogger } from '../../src/logging/logger.ts'
import { httpStreams } from '../../src/routing/stream-routes.ts'
import { encodeRunRecord } from '../../src/runs/records/run-record.ts'
import { Application } from '../../src/server/application.ts'
import { StoreError } from '../../src/streams/errors.ts'
import { memory } from '../../src/streams/memory/store.ts'
import type { StreamConfig, StreamStore } from '../../src/streams/store.ts'

interface Setup {
  readonly store: StreamStore
  ask(path: string, init?: RequestInit): Promise<Response>
}

/** Without authentication, or with users named by a header: `nobody` is one whom `ownerOf` does not know. */
function setUp({ authenticated = false } = {}): Setup {
  const store = memory()
  const delivery = new Delivery({ store, minWindowMs: 0, maxWindowMs: 0 })
  const authenticate = (request: Request): unknown => request.headers.get('user')
  const ownerOf = (user: unknown): string | undefined => (user === 'nobody' ? undefined : String(user))
  const guards = authenticated ? { authenticate: authenticate as never, ownerOf } : {}
  const routes = [httpStreams('/streams', { delivery, store, ...guards })]
  const application = new Application({ routes, channels: memoryChannels(), logger: silentLogger })
  const ask = (path: string, init?: RequestInit): Promise<Response> =>
    application.fetch(new Request(`http://testserver/streams${path}`, init))
  return { store, ask }
}

const as = (user: string): RequestInit => ({ headers: { user } })

async function page(response: Response): Promise<StreamListPage> {
  expect(response.status).toBe(200)
  return (await response.json()) as StreamListPage
}

async function ids(response: Response): Promise<string[]> {
  return (await page(response)).streams.map(({ id }) => id)
}

const refusal = async (response: Response): Promise<unknown> => [
  response.status,
  ((await response.json()) as { error: { code: string } }).error.code,
]

function runConfig(status: 'running' | 'failed'): StreamConfig {
  const record = { startedAt: 1, attempt: 1, attemptAt: 0, barren: 0 }
  const run = { metadata: encodeRunRecord(record), records: ['1'] }
  return status === 'running' ? run : { ...run, closed: true, end: { status, reason: 'silent' } }
}

it('HS-20: each stream is listed with what it is and how it stands', async () => {
  const { store, ask } = setUp()
  await store.create('a', { contentType: 'text/plain', ttlMs: 60_000 })
  await store.create('b', { records: ['1', '2'], closed: true })
  await store.create('c', runConfig('failed'))
  await store.create('d', runConfig('running'))
  await store.create('e', { closed: true, end: { status: 'stopped' } })
  await store.create('f', { closed: true, end: ['sold'] })
  const response = await ask('')
  expect(response.headers.get('cache-control')).toBe('no-store')
  const createdAt = expect.any(Number) as number
  const json = { contentType: 'application/json', createdAt }
  expect(await page(response)).toEqual({
    streams: [
      { id: 'a', status: 'open', records: 0, contentType: 'text/plain', createdAt, expiresAt: createdAt },
      { id: 'b', status: 'closed', records: 2, ...json },
      { id: 'c', status: 'failed', end: { status: 'failed', reason: 'silent' }, records: 1, ...json },
      { id: 'd', status: 'running', records: 1, ...json },
      { id: 'e', status: 'stopped', end: { status: 'stopped' }, records: 0, ...json },
      { id: 'f', status: 'closed', end: ['sold'], records: 0, ...json },
    ],
  })
})

it('HS-20: a user sees the streams that this user owns, and nobody else’s', async () => {
  const { store, ask } = setUp({ authenticated: true })
  for (const [id, owner] of [
    ['a', 'ada'],
    ['b', 'bob'],
    ['c', 'ada'],
    ['@control/x', 'ada'],
  ] as const) {
    await store.create(id, { owner })
  }
  await store.create('free')
  expect(await ids(await ask('', as('ada')))).toEqual(['a', 'c'])
  expect(await ids(await ask('', as('bob')))).toEqual(['b'])
  expect(await ids(await ask('', as('eve')))).toEqual([])
  expect(await refusal(await ask('', as('nobody')))).toEqual([403, 'forbidden'])
})

it('HS-20: without authentication the streams that have no owner are listed', async () => {
  const { store, ask } = setUp()
  await store.create('@control/x')
  await store.create('a')
  await store.create('b', { owner: 'bob' })
  expect(await ids(await ask(''))).toEqual(['a'])
})

it('HS-20: page by page, by the beginning of the id', async () => {
  const { store, ask } = setUp()
  for (const id of ['a1', 'a2', 'a3', 'b1']) await store.create(id)
  await store.create('a0', { owner: 'ada' })
  const seen: string[][] = []
  let after = ''
  for (;;) {
    const { streams, next } = await page(await ask(`?prefix=a&limit=2&after=${after}`))
    seen.push(streams.map(({ id }) => id))
    if (next === undefined) break
    after = next
  }
  expect(seen.flat()).toEqual(['a1', 'a2', 'a3'])
  expect(seen.length).toBeGreaterThan(1)
})

it('HS-20: a page and where the next one begins tell of nobody else’s streams', async () => {
  const { store, ask } = setUp()
  for (let n = 0; n < 30; n++) {
    await store.create(`@chat/${n}`)
    await store.create(`secret-${n}`, { owner: 'bob' })
  }
  for (const id of ['!first', 'm1', 'm2', 'z']) await store.create(id)
  const texts: string[] = []
  const seen: string[] = []
  for (let after = ''; ;) {
    const text = await (await ask(`?limit=1&after=${encodeURIComponent(after)}`)).text()
    texts.push(text)
    const { streams, next } = JSON.parse(text) as StreamListPage
    seen.push(...streams.map(({ id }) => id))
    if (next === undefined) break
    expect(next).toBe(seen.at(-1))
    after = next
  }
  expect(seen).toEqual(['!first', 'm1', 'm2', 'z'])
  expect(texts).toHaveLength(4)
  expect(texts.join('')).not.toMatch(/secret|@/)
  expect(await page(await ask('?prefix=secret&limit=1'))).toEqual({ streams: [] })
  expect(await page(await ask('?prefix=@&limit=1'))).toEqual({ streams: [] })
})

it('HS-20: of an owner’s streams, the server’s own are passed over as well', async () => {
  const { store, ask } = setUp({ authenticated: true })
  for (let n = 0; n < 10; n++) await store.create(`@input/${n}`, { owner: 'ada' })
  await store.create('a', { owner: 'ada' })
  await store.create('b', { owner: 'ada' })
  expect(await page(await ask('?limit=1', as('ada')))).toMatchObject({ streams: [{ id: 'a' }], next: 'a' })
  expect(await ids(await ask('?limit=1&after=a', as('ada')))).toEqual(['b'])
})

it('HS-18: of a stream that is another’s, no more is looked at than of one that is not there', async () => {
  const { store, ask } = setUp({ authenticated: true })
  await store.create('theirs', { owner: 'bob', metadata: { marked: true }, records: ['1'] })
  await store.create('free', { metadata: { marked: true } })
  const parse = vi.spyOn(JSON, 'parse')
  for (const [path, init] of [
    ['/theirs', {}],
    ['/free', {}],
    ['/theirs?offset=-1&live=sse', {}],
    ['/theirs', { method: 'HEAD' }],
    ['/theirs', { method: 'DELETE' }],
    ['/theirs/stop', { method: 'POST' }],
  ] as const) {
    expect((await ask(path, { ...as('ada'), ...init })).status).toBe(404)
  }
  expect(parse.mock.calls.filter(([text]) => text.includes('marked'))).toEqual([])
  parse.mockRestore()
  expect((await ask('/theirs', as('bob'))).status).toBe(200)
})

it.each(['0', '1001', '-1', '1.5', 'x', ''])('HS-20: a limit of %j is refused', async (limit) => {
  const { ask } = setUp()
  expect(await refusal(await ask(`?limit=${limit}`))).toEqual([400, 'bad_request'])
})

it('HS-21: a stream is removed, and who follows it is told', async () => {
  const { store, ask } = setUp()
  await store.create('open', { records: ['1'] })
  await store.create('ended', runConfig('failed'))
  const followed = await ask('/open?offset=-1&live=sse')
  const answer = await ask('/open', { method: 'DELETE' })
  expect([answer.status, await answer.text(), answer.headers.get('cache-control')]).toEqual([
    204,
    '',
    'no-store',
  ])
  expect(await followed.text()).toContain('event: error\ndata:{"code":"stream_gone"')
  expect((await ask('/ended', { method: 'DELETE' })).status).toBe(204)
  expect([await store.head('open'), await store.head('ended')]).toEqual([undefined, undefined])
  expect(await refusal(await ask('/open', { method: 'DELETE' }))).toEqual([404, 'stream_not_found'])
})

it('HS-21: a run is removed with its input, and again when that was cut short', async () => {
  const { store, ask } = setUp()
  const { metadata: run, ...config } = runConfig('failed')
  await store.create('@input/x', { records: ['"my secret"'] })
  await store.create('@input/y', { records: ['"of another run"'] })
  await store.create('r', {
    ...config,
    metadata: { run: { ...(run as { run: object }).run, inputIn: '@input/x' } },
  })
  const remove = store.delete.bind(store)
  vi.spyOn(store, 'delete').mockImplementation(async (id) => {
    if (id === 'r') throw new StoreError('unavailable', 'away')
    return remove(id)
  })
  expect(await refusal(await ask('/r', { method: 'DELETE' }))).toEqual([503, 'store_failed'])
  vi.restoreAllMocks()
  // Whatever it was cut short after, the run is there for as long as its input is.
  expect([await store.head('r'), await store.head('@input/x')]).toEqual([expect.anything(), undefined])
  expect((await ask('/r', { method: 'DELETE' })).status).toBe(204)
  expect((await store.list()).streams.map(({ id }) => id)).toEqual(['@input/y'])
})

it.each(['no run', 'a run'])('HS-21: what took the id of %s since it was looked up stays', async (what) => {
  const { store, ask } = setUp({ authenticated: true })
  const mine = what === 'a run' ? runConfig('failed') : {}
  await store.create('id', { ...mine, owner: 'ada' })
  const remove = store.delete.bind(store)
  // Between the two calls of the request: its stream goes, and another owner starts a run of that name.
  const removing = vi.spyOn(store, 'delete').mockImplementationOnce(async (...call) => {
    await remove('id')
    await store.create('id', { ...runConfig('running'), owner: 'bob' })
    return remove(...call)
  })
  const answer = await ask('/id', { ...as('ada'), method: 'DELETE' })
  expect([answer.status, removing.mock.calls.length]).toEqual([204, 1])
  expect((await store.head('id'))?.owner).toBe('bob')
  expect((await store.read('id', 'start')).outcome).toBe('page')
})

it('HS-18: what is not there for a user is not there to be removed', async () => {
  const { store, ask } = setUp({ authenticated: true })
  await store.create('a', { owner: 'ada' })
  await store.create('free')
  for (const [id, user] of [
    ['a', 'bob'],
    ['free', 'bob'],
    ['gone', 'bob'],
  ]) {
    const init = { ...as(user as string), method: 'DELETE' }
    expect(await refusal(await ask(`/${id}`, init))).toEqual([404, 'stream_not_found'])
  }
  expect(await store.head('a')).toBeDefined()
  expect(await store.head('free')).toBeDefined()
})

it('HS-22: a run that is running stays, and so does what another site wants removed', async () => {
  const { store, ask } = setUp()
  await store.create('run', runConfig('running'))
  await store.create('s')
  expect(await refusal(await ask('/run', { method: 'DELETE' }))).toEqual([409, 'run_not_ended'])
  const elsewhere = { method: 'DELETE', headers: { origin: 'https://evil.example' } }
  expect(await refusal(await ask('/s', elsewhere))).toEqual([403, 'origin_refused'])
  expect(await store.head('run')).toMatchObject({ closed: false, tail: { position: 1 } })
  expect(await store.head('s')).toBeDefined()
  const here = { method: 'DELETE', headers: { origin: 'http://testserver' } }
  expect((await ask('/s', here)).status).toBe(204)
})
