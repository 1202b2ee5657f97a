/** Who may do what with the streams of the Durable Streams protocol, on a real server, as others would see it. */
import { describe, expect, it, vi } from 'vitest'
import { type Authorize, HttpError, memory, streaming } from '../../src/index.ts'
import { InterposedStore } from '../runs/interposed-store.ts'
import {
  type DurableServer,
  type Headers,
  JSON_TYPE,
  ann,
  bob,
  byHeader,
  durableServer as setUp,
  told,
} from './durable-server.ts'

interface Asked {
  readonly method: string
  readonly path: string
  readonly headers?: Headers
  readonly body?: string
}

const stream = (method: string, query = '', headers: Headers = {}, body?: string): Asked => ({
  method,
  path: `s${query}`,
  headers,
  ...(body !== undefined && { body }),
})

const UNKNOWN = '404 stream_not_found'

/** What is asked of a stream of ann's, and what it is answered to nobody, to ann, and to bob. */
const VERBS: readonly (readonly [string, Asked, string, string, string])[] = [
  ['PUT of a new one', { method: 'PUT', path: 'new' }, '401 unauthenticated', '201', '201'],
  ['PUT of it', stream('PUT', '', JSON_TYPE), '401 unauthenticated', '200', '409 stream_differs'],
  ['PUT of it otherwise', stream('PUT'), '401 unauthenticated', '409 stream_differs', '409 stream_differs'],
  [
    'PUT of a fork of it',
    { method: 'PUT', path: 'fork', headers: { 'stream-forked-from': '/v1/stream/s' } },
    '401 unauthenticated',
    '201',
    '404 source_not_found',
  ],
  ['GET', stream('GET'), '401 unauthenticated', '200', UNKNOWN],
  [
    'GET of one that fits no more',
    stream('GET', '?offset=zz'),
    '401 unauthenticated',
    '400 invalid_offset',
    '400 invalid_offset',
  ],
  ['a long poll', stream('GET', '?offset=now&live=long-poll'), '401 unauthenticated', '204', UNKNOWN],
  ['server-sent events', stream('GET', '?offset=-1&live=sse'), '401 unauthenticated', '200', UNKNOWN],
  ['HEAD', stream('HEAD'), '401', '200', '404'],
  ['POST', stream('POST', '', JSON_TYPE, '[2]'), '401 unauthenticated', '204', UNKNOWN],
  [
    'POST of a producer',
    stream(
      'POST',
      '',
      { ...JSON_TYPE, 'producer-id': 'p', 'producer-epoch': '0', 'producer-seq': '0' },
      '[2]',
    ),
    '401 unauthenticated',
    '200',
    UNKNOWN,
  ],
  [
    'POST of another type',
    stream('POST', '', {}, 'x'),
    '401 unauthenticated',
    '409 content_type_differs',
    UNKNOWN,
  ],
  [
    'POST that closes',
    stream('POST', '', { 'stream-closed': 'true' }),
    '401 unauthenticated',
    '204',
    UNKNOWN,
  ],
  ['DELETE', stream('DELETE'), '401 unauthenticated', '204', UNKNOWN],
]

/** Events that are followed end by themselves only with their stream. */
async function answerTo(
  { ask, store }: DurableServer,
  { method, path, headers, body }: Asked,
  user: Headers,
): Promise<string> {
  if (path.includes('sse')) await store.append('s', { close: true })
  return await told(await ask(method, path, { ...headers, ...user }, body))
}

describe.each(VERBS)('HS-18, HS-41: %s', (_name, asked, nobody, owner, another) => {
  it.each<[string, Headers, string]>([
    ['nobody', {}, nobody],
    ['the owner', ann, owner],
    ['another', bob, another],
  ])('HS-18: is answered to %s as it should be', async (_who, user, answer) => {
    const server = await setUp({ authenticate: byHeader })
    await server.store.create('s', { owner: 'ann', records: ['1'] })
    expect(await answerTo(server, asked, user)).toBe(answer)
    // Who is refused is told the same of what is not there, and has changed nothing.
    if (user === bob && !answer.startsWith('2') && asked.method !== 'PUT') {
      const before = await server.store.head('s')
      const missing = { ...asked, path: asked.path.replace(/^s/, 'missing') }
      expect(
        await told(await server.ask(asked.method, missing.path, { ...asked.headers, ...bob }, asked.body)),
      ).toBe(answer)
      expect(await server.store.head('s')).toEqual(before)
      expect(before?.tail.position).toBe(1)
    }
  })

  it('HS-18: without authentication is answered for what has an owner as for what is not there', async () => {
    const server = await setUp()
    await server.store.create('s', { owner: 'ann', records: ['1'] })
    await server.store.create('open', { records: ['1'] })
    expect(await answerTo(server, asked, {})).toBe(another)
    if (!asked.path.startsWith('s')) return
    const open = { ...asked, path: asked.path.replace(/^s/, 'open') }
    if (open.path.includes('sse')) await server.store.append('open', { close: true })
    expect(await answerTo(server, open, {})).toBe(owner)
  })
})

it('HS-18, HS-37: a run’s stream is read by its owner, and written by nobody', async () => {
  const server = await setUp({ authenticate: byHeader })
  await server.store.create('run', { owner: 'ann', lease: { holder: 'h', ttlMs: 60_000 } })
  const post = (user: Headers, more: Headers, body?: string): Promise<string> =>
    server.ask('POST', 'run', { ...JSON_TYPE, ...user, ...more }, body).then(told)
  expect(await told(await server.ask('GET', 'run', ann))).toBe('200')
  expect(await told(await server.ask('GET', 'run', bob))).toBe(UNKNOWN)
  const lease = { 'producer-id': '@lease', 'producer-epoch': '1', 'producer-seq': '0' }
  expect(await post(ann, {}, '[1]')).toBe('409 stream_leased')
  expect(await post(ann, { 'stream-closed': 'true' })).toBe('409 stream_leased')
  expect(await post(ann, lease, '[1]')).toBe('400 bad_request')
  expect(await post(bob, {}, '[1]')).toBe(UNKNOWN)
})

it('HS-40: who is not its owner is told of an id that forks keep as of any that is taken', async () => {
  const { ask } = await setUp({ authenticate: byHeader })
  await ask('PUT', 's', ann)
  await ask('PUT', 'fork', { ...ann, 'stream-forked-from': '/v1/stream/s' })
  await ask('PUT', 'taken', ann)
  await ask('DELETE', 's', ann)
  const [retired, taken] = [await ask('PUT', 's', bob), await ask('PUT', 'taken', bob)]
  expect([retired.status, await retired.text()]).toEqual([taken.status, await taken.text()])
  expect(await told(await ask('GET', 's', bob))).toBe(UNKNOWN)
})

describe('authorize', () => {
  const readable: Authorize = (_scope, { verb, stream: { id, isOwn } }) =>
    isOwn || (verb === 'read' && (id.startsWith('public/') ? 'everybody' : id.startsWith('shared/')))

  it('HS-41: decides in place of the rule of owners, for each verb', async () => {
    const asked: unknown[] = []
    const server = await setUp({
      authenticate: byHeader,
      authorize: (scope, { verb, stream: of }) => {
        asked.push([scope.user, verb, of.id, of.owner, of.isOwn])
        return true
      },
    })
    await server.store.create('s', { owner: 'ann', records: ['1'] })
    const ask = async (method: string, path: string, headers: Headers = {}, body?: string): Promise<string> =>
      await told(await server.ask(method, path, { ...bob, ...headers }, body))
    expect(await ask('GET', 's')).toBe('200')
    expect(await ask('HEAD', 's')).toBe('200')
    expect(await ask('POST', 's', JSON_TYPE, '[2]')).toBe('204')
    expect(await ask('PUT', 'fork', { 'stream-forked-from': '/v1/stream/s' })).toBe('201')
    expect(await ask('GET', 'none')).toBe(UNKNOWN)
    expect(await ask('DELETE', 's')).toBe('204')
    expect(asked).toEqual([
      ['bob', 'read', 's', 'ann', false],
      ['bob', 'read', 's', 'ann', false],
      ['bob', 'append', 's', 'ann', false],
      ['bob', 'create', 'fork', 'bob', true],
      ['bob', 'fork', 's', 'ann', false],
      ['bob', 'read', 'none', undefined, false],
      ['bob', 'delete', 's', 'ann', false],
    ])
    expect((await server.store.head('fork'))?.owner).toBe('bob')
  })

  it('HS-41: who may read may do nothing else', async () => {
    const { ask } = await setUp({ authenticate: byHeader, authorize: readable })
    await ask('PUT', 'shared/s', { ...ann, ...JSON_TYPE }, '[1]')
    expect(await (await ask('GET', 'shared/s', bob)).json()).toEqual([1])
    expect(await told(await ask('POST', 'shared/s', { ...bob, ...JSON_TYPE }, '[2]'))).toBe(UNKNOWN)
    expect(await told(await ask('DELETE', 'shared/s', bob))).toBe(UNKNOWN)
    const fork = { ...bob, 'stream-forked-from': '/v1/stream/shared/s' }
    expect(await told(await ask('PUT', 'fork', fork))).toBe('404 source_not_found')
  })

  it('HS-27, HS-41: what everybody may read may be kept by caches, and nothing else', async () => {
    const { ask } = await setUp({ authenticate: byHeader, authorize: readable })
    for (const id of ['public/s', 'shared/s', 's']) await ask('PUT', id, { ...ann, ...JSON_TYPE }, '[1]')
    const kept = async (path: string, user: Headers): Promise<string | null> =>
      (await ask('GET', path, user)).headers.get('cache-control')
    expect(await kept('public/s', bob)).toMatch(/^public, max-age=60/)
    // What the owner is given is the owner's: only the rule can say that it is everybody's.
    expect(await kept('public/s', ann)).toBe('no-store')
    expect(await kept('public/s?offset=now', bob)).toBe('no-store')
    expect(await kept('public/none', bob)).toBe('no-store')
    expect(await kept('shared/s', bob)).toBe('no-store')
    expect(await kept('s', ann)).toBe('no-store')
    const anonymous = await setUp({ authorize: () => true })
    await anonymous.ask('PUT', 's')
    expect((await anonymous.ask('GET', 's')).headers.get('cache-control')).toBe('no-store')
  })

  it('HS-41: what begins with @ is nobody’s, whatever it says', async () => {
    const authorize = vi.fn<Authorize>(() => true)
    const server = await setUp({ authorize })
    await server.store.create('@run/x', {})
    for (const method of ['GET', 'HEAD', 'POST', 'DELETE'])
      expect((await server.ask(method, '%40run/x')).status).toBe(404)
    expect(await told(await server.ask('PUT', '%40run/y'))).toBe('400 stream_name_refused')
    const fork = { 'stream-forked-from': '/v1/stream/@run/x' }
    expect(await told(await server.ask('PUT', 'fork', fork))).toBe('404 source_not_found')
  })

  it.each<[string, () => unknown, string]>([
    [
      'throws',
      () => {
        throw new Error('secret')
      },
      '500 internal_error',
    ],
    ['rejects', () => Promise.reject(new Error('secret')), '500 internal_error'],
    ['answers undefined', () => undefined, '500 internal_error'],
    ['answers a text', () => 'yes', '500 internal_error'],
    ['answers 1', () => 1, '500 internal_error'],
    [
      'says no in its own words',
      () => {
        throw new HttpError('payment_required', 'Pay.')
      },
      '402 payment_required',
    ],
  ])('HS-41: fails closed when it %s', async (_how, rule, answer) => {
    const server = await setUp({ authorize: rule as unknown as Authorize })
    await server.store.create('s', {})
    for (const [method, path] of [
      ['GET', 's'],
      ['GET', 'none'],
      ['POST', 's'],
      ['DELETE', 's'],
      ['PUT', 'new'],
    ] as const) {
      const response = await server.ask(method, path)
      const body = await response.clone().text()
      expect(body).not.toContain('secret')
      expect(await told(response)).toBe(answer)
    }
    expect(await server.store.head('s')).toMatchObject({ closed: false })
    expect(await server.store.head('new')).toBeUndefined()
    const logged = server.log.entries.filter(({ level }) => level === 'error')
    expect(logged).toHaveLength(answer.startsWith('500') ? 5 : 0)
  })

  it('HS-41: one that hangs is given up, and hears of it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const timeout = vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
      const controller = new AbortController()
      setTimeout(() => controller.abort(new DOMException('late', 'TimeoutError')), ms)
      return controller.signal
    })
    try {
      const gone = Promise.withResolvers<void>()
      const began = Promise.withResolvers<void>()
      const server = await setUp({
        authorize: (_scope, { signal }) => {
          signal.addEventListener('abort', () => gone.resolve())
          began.resolve()
          return new Promise(() => {})
        },
      })
      const asked = server.app.fetch(new Request('http://testserver/v1/stream/s'))
      await began.promise
      vi.advanceTimersByTime(5000)
      await gone.promise
      const answer = await asked
      expect(await told(answer)).toBe('503 access_undecided')
      expect(answer.headers.get('retry-after')).toBe('5')
      expect(server.log.entries.map(({ message }) => message)).toContain('authorize did not answer in time')
    } finally {
      timeout.mockRestore()
      vi.useRealTimers()
    }
  })

  it('HS-41: is asked before a body is read', async () => {
    const { ask } = await setUp({ authorize: () => false })
    const body = 'x'.repeat(17 * 1024 * 1024)
    expect(await told(await ask('PUT', 's', {}, body))).toBe('403 creation_refused')
    expect(await told(await ask('POST', 's', {}, body))).toBe(UNKNOWN)
  })
})

describe('without authentication', () => {
  const proxied = { trustProxy: true }
  const from = (address: string): Headers => ({ 'x-forwarded-for': address })

  it('HS-42: streams are for this machine alone, unless everybody is let in', async () => {
    const server = await setUp({}, proxied)
    await server.store.create('s', {})
    for (const method of ['PUT', 'GET', 'HEAD', 'POST', 'DELETE'])
      expect((await server.ask(method, 's', from('203.0.113.7'))).status).toBe(403)
    expect(await told(await server.ask('GET', 's', from('203.0.113.7')))).toBe('403 anonymous_refused')
    expect(await told(await server.ask('GET', 's', from('127.0.0.1')))).toBe('200')
    expect(await told(await server.ask('GET', 's', from('::1')))).toBe('200')
    expect(server.log.entries.filter(({ message }) => message.includes('allowAnonymous'))).toHaveLength(1)
    const open = await setUp({ allowAnonymous: true }, proxied)
    expect(await told(await open.ask('PUT', 's', from('203.0.113.7')))).toBe('201')
  })

  it('HS-42: who is known, and who a rule lets in, may come from anywhere', async () => {
    const known = await setUp({ authenticate: byHeader }, proxied)
    expect(await told(await known.ask('PUT', 's', { ...ann, ...from('203.0.113.7') }))).toBe('201')
    const ruled = await setUp({ authorize: () => true }, proxied)
    expect(await told(await ruled.ask('PUT', 's', from('203.0.113.7')))).toBe('201')
  })
})

it.each(['sse', 'long-poll'])('HS-43: signing out ends what is followed by %s', async (live) => {
  const server = await setUp({ authenticate: byHeader, authorize: () => true, longPollTimeout: 600 })
  await server.store.create('s', { owner: 'ann' })
  let hasEnded = false
  const ended = server.ask('GET', `s?offset=now&live=${live}`, bob).then(async (answer) => {
    await answer.text()
    hasEnded = true
  })
  // Whenever it is open: an answer to a long poll does not begin before it ends.
  await vi.waitFor(async () => {
    await server.app.disconnect('bob')
    expect(hasEnded).toBe(true)
  })
  await ended
})

it('HS-18, HS-41: the store is asked the same for what is another’s as for what is not there', async () => {
  for (const authorize of [undefined, () => false] as const) {
    const hand = new InterposedStore(memory())
    const { services } = streaming({ store: hand.store })
    const options = { authenticate: byHeader, ...(authorize && { authorize }) }
    const server = await setUp({ ...services, ...options })
    for (const id of ['s', 'source']) await hand.store.create(id, { owner: 'ann', records: ['1'] })
    await hand.store.create('fork', { owner: 'ann', from: { id: 'source' } })
    await hand.store.delete('source')
    const askedFor = async ({ method, path, headers, body }: Asked, id: string): Promise<unknown> => {
      hand.calls.length = 0
      await told(await server.ask(method, path.replace(/^s/, id), { ...headers, ...bob }, body))
      return hand.calls.map((call) => [
        call.method,
        ...call.args.slice(1).filter((arg) => !(arg instanceof AbortSignal)),
      ])
    }
    const verbs = VERBS.map(([, asked]) => asked).filter(({ method }) => method !== 'PUT')
    for (const asked of verbs) {
      const ofNothing = await askedFor(asked, 'missing')
      for (const id of ['s', 'source']) expect([asked, await askedFor(asked, id)]).toEqual([asked, ofNothing])
    }
    const fork = (id: string): Asked => ({
      method: 'PUT',
      path: 'new',
      headers: { 'stream-forked-from': `/v1/stream/${id}` },
    })
    expect(await askedFor(fork('s'), 'new')).toEqual(await askedFor(fork('missing'), 'new'))
  }
})
