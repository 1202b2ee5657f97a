/** The rules of docs/stream-socket.md, through the whole of the server but its sockets. */
import { expect, it, onTestFinished, vi } from 'vitest'
import { Delivery } from '../../src/delivery/delivery.ts'
import { memoryChannels } from '../../src/channels/memory/layer.ts'
import type { StreamSocketOptions } from '../../src/endpoints/stream-socket/stream-socket.ts'
import { silentLogger } from '../../src/logging/logger.ts'
import { encodeOffset } from '../../src/protocol/offset.ts'
import { forbidden } from '../../src/protocol/errors.ts'
import { RunError } from '../../src/runs/errors.ts'
import { Runs } from '../../src/runs/runs.ts'
import { streamSocket } from '../../src/routing/stream-routes.ts'
import { Application } from '../../src/server/application.ts'
import { StoreError } from '../../src/streams/errors.ts'
import { memory } from '../../src/streams/memory/store.ts'
import type { StreamStore } from '../../src/streams/store.ts'
import type { StreamInfo } from '../../src/streams/stream.ts'
import { WebSocketCommunicator } from '../../src/testing/websocket-communicator.ts'
import { InterposedStore } from '../runs/interposed-store.ts'
import { touchedStore } from './touched-store.ts'

interface Setup {
  readonly store: StreamStore
  readonly delivery: Delivery
  readonly errors: unknown[]
  connect(user?: string, subprotocols?: readonly string[]): Promise<WebSocketCommunicator>
}

function setUp(options: Partial<StreamSocketOptions> & { readonly authenticated?: boolean } = {}): Setup {
  const store = options.store ?? memory()
  const delivery = new Delivery({ store, minWindowMs: 0, maxWindowMs: 0 })
  const errors: unknown[] = []
  const { authenticated = false, ...rest } = options
  const authenticate = (request: Request): unknown => request.headers.get('user')
  const application = new Application({
    routes: [streamSocket('/streams', { delivery, ...rest, store })],
    channels: memoryChannels(),
    logger: { ...silentLogger, error: (fields) => void errors.push(fields) },
    ...(authenticated && { authenticate }),
  })
  const connect = async (user = '', subprotocols: readonly string[] = ['millrace.v1']) => {
    const client = new WebSocketCommunicator(application, '/streams', { subprotocols, headers: { user } })
    expect(await client.connect()).toMatchObject({ accepted: true, subprotocol: 'millrace.v1' })
    return client
  }
  return { store, delivery, errors, connect }
}

async function tailOf(store: StreamStore, id: string): Promise<string> {
  return encodeOffset(((await store.head(id)) as StreamInfo).tail)
}

it('SS-1: the subprotocol is chosen, and refused where it is not offered', async () => {
  const { connect, delivery } = setUp()
  await using _client = await connect('', ['other', 'millrace.v1'])
  const application = new Application({
    routes: [streamSocket('/', { delivery, store: memory() })],
    channels: memoryChannels(),
    logger: silentLogger,
  })
  const other = new WebSocketCommunicator(application, '/', { subprotocols: ['millrace.v2'] })
  expect(await other.connect()).toMatchObject({ accepted: false, status: 403 })
})

it.each([
  ['binary', new Uint8Array([1]), 1003],
  ['not JSON', 'hello', 1007],
])('SS-2: what is %s closes the socket', async (_what, message, code) => {
  const client = await setUp().connect()
  client.send(message)
  expect(await client.receiveClose()).toMatchObject({ code })
})

it('SS-3, SS-4, SS-5: what is no frame is answered, and the socket goes on', async () => {
  await using client = await setUp().connect()
  client.sendJson({ type: 'stop', req: 'a' })
  client.sendJson({ type: 'dance', sub: 1 })
  client.sendJson({ type: 'subscribe', sub: 1, stream: 'a b' })
  client.sendJson({ type: 'ping', extra: true })
  expect(await client.receiveJson()).toMatchObject({ type: 'error', code: 'invalid_frame', req: 'a' })
  const unknown = await client.receiveJson()
  expect(unknown).toMatchObject({ type: 'error', code: 'unknown_type' })
  expect(unknown).not.toHaveProperty('sub')
  expect(await client.receiveJson()).toMatchObject({ type: 'error', code: 'invalid_frame', sub: 1 })
  expect(await client.receiveJson()).toEqual({ type: 'pong' })
})

it('SS-6, SS-7, SS-8, SS-12: a stream is read whole, as it was written, to its end', async () => {
  const { store, connect } = setUp()
  const texts = ['{"a" : 1.0}', '"ü"']
  await store.create('run', { records: texts })
  await using client = await connect()
  client.sendJson({ type: 'subscribe', sub: 7, stream: 'run' })
  const start = (await client.receiveJson()) as { offset: string }
  expect(start).toEqual({
    type: 'subscribed',
    sub: 7,
    offset: expect.stringMatching(/^0{16}_/) as string,
  })
  const middle = await tailOf(store, 'run')
  const frame = await client.receive()
  expect(frame).toBe(
    `{"type":"records","sub":7,"from":"${start.offset}","offset":"${middle}","records":[${texts.join(',')}]}`,
  )
  const end = { status: 'failed', reason: 'silent', message: 'It said nothing.' }
  await store.append('run', { records: ['3'], close: true, end })
  const tail = await tailOf(store, 'run')
  expect(await client.receiveJson()).toMatchObject({
    from: middle,
    offset: tail,
    records: [3],
  })
  expect(await client.receiveJson()).toEqual({
    type: 'end',
    sub: 7,
    offset: tail,
    end,
  })
})

it('SS-12: the end is told at every offset, also of a stream that is no run', async () => {
  const { store, connect } = setUp()
  await store.create('without', { records: ['1', '{"type":"note"}'], closed: true })
  await store.create('with', { records: ['1', '{"type":"note"}'], closed: true, end: { sold: 'out' } })
  await using client = await connect()
  for (const [stream, end] of Object.entries({ without: {}, with: { end: { sold: 'out' } } })) {
    const tail = await tailOf(store, stream)
    for (const offset of ['now', tail]) {
      client.sendJson({ type: 'subscribe', sub: 1, stream, offset })
      expect(await client.receiveJson()).toMatchObject({ type: 'subscribed', offset: tail })
      expect(await client.receiveJson()).toEqual({ type: 'end', sub: 1, offset: tail, ...end })
    }
  }
})

it('SS-7: bytes come as base64', async () => {
  const { store, connect } = setUp()
  await store.create('b', { contentType: 'text/plain', records: [new Uint8Array([0, 255])], closed: true })
  await using client = await connect()
  client.sendJson({ type: 'subscribe', sub: 1, stream: 'b' })
  await client.receiveJson()
  expect(await client.receiveJson()).toMatchObject({ encoding: 'base64', records: ['AP8='] })
})

it('SS-9: a record is sent when its append is durable, and not before', async () => {
  const kept = memory()
  const durable = Promise.withResolvers<void>()
  const store: StreamStore = Object.assign(Object.create(kept) as StreamStore, {
    limits: kept.limits,
    durability: kept.durability,
    leases: kept.leases,
    head: kept.head.bind(kept),
    read: kept.read.bind(kept),
    watch: kept.watch.bind(kept),
    append: async (...args: Parameters<StreamStore['append']>) => {
      await durable.promise
      return await kept.append(...args)
    },
  })
  await kept.create('s')
  await using client = await setUp({ store }).connect()
  client.sendJson({ type: 'subscribe', sub: 1, stream: 's' })
  await client.receiveJson()
  const appended = store.append('s', { records: ['1'] })
  client.sendJson({ type: 'ping' })
  expect(await client.receiveJson()).toEqual({ type: 'pong' })
  durable.resolve()
  await appended
  expect(await client.receiveJson()).toMatchObject({ type: 'records', records: [1] })
})

it('SS-10: one stream is read under several numbers, each from its own place', async () => {
  const { store, delivery, connect } = setUp()
  await store.create('s', { records: ['1', '2'] })
  await using client = await connect()
  const begin = async (sub: number, offset?: string): Promise<void> => {
    client.sendJson({ type: 'subscribe', sub, stream: 's', ...(offset !== undefined && { offset }) })
    expect(await client.receiveJson()).toMatchObject({ type: 'subscribed', sub })
  }
  await begin(2)
  expect(await client.receiveJson()).toMatchObject({ type: 'records', sub: 2, records: [1, 2] })
  await begin(1, 'now')
  await begin(2_147_483_647, await tailOf(store, 's'))
  expect(delivery.readers('s')).toBe(3)
  await store.append('s', { records: ['3'] })
  const frames = [await client.receiveJson(), await client.receiveJson(), await client.receiveJson()]
  const bySub = (frames as { sub: number }[]).sort((one, other) => one.sub - other.sub)
  const shared = { type: 'records', from: expect.any(String) as string, offset: await tailOf(store, 's') }
  expect(bySub).toEqual([1, 2, 2_147_483_647].map((sub) => ({ ...shared, sub, records: [3] })))
})

it('SS-11: unsubscribing ends one subscription, and frees its number', async () => {
  const { store, delivery, connect } = setUp()
  await store.create('s')
  await store.create('t', { records: ['"t"'] })
  await using client = await connect()
  for (const sub of [1, 2]) {
    client.sendJson({ type: 'subscribe', sub, stream: 's' })
    expect(await client.receiveJson()).toMatchObject({ type: 'subscribed', sub })
  }
  client.sendJson({ type: 'unsubscribe', sub: 1 })
  // Of a number that has none it means nothing.
  client.sendJson({ type: 'unsubscribe', sub: 3 })
  client.sendJson({ type: 'ping' })
  expect(await client.receiveJson()).toEqual({ type: 'pong' })
  expect(delivery.readers('s')).toBe(1)
  await store.append('s', { records: ['3'] })
  expect(await client.receiveJson()).toMatchObject({ type: 'records', sub: 2 })
  client.sendJson({ type: 'subscribe', sub: 1, stream: 't' })
  expect(await client.receiveJson()).toMatchObject({ type: 'subscribed', sub: 1 })
  expect(await client.receiveJson()).toMatchObject({ type: 'records', sub: 1, records: ['t'] })
})

it.each([
  ['that is in use', { stream: 't' }, 'sub_in_use'],
  ['in use, for what is no frame', { stream: 'a b' }, 'invalid_frame'],
])('SS-10: a number %s is refused, and free', async (_what, fields, code) => {
  const { store, delivery, connect } = setUp()
  await store.create('s')
  await store.create('t')
  await using client = await connect()
  client.sendJson({ type: 'subscribe', sub: 1, stream: 's' })
  await client.receiveJson()
  client.sendJson({ type: 'subscribe', sub: 1, ...fields })
  expect(await client.receiveJson()).toMatchObject({ type: 'error', code, sub: 1 })
  expect([delivery.readers('s'), delivery.readers('t')]).toEqual([0, 0])
  client.sendJson({ type: 'subscribe', sub: 1, stream: 't' })
  expect(await client.receiveJson()).toMatchObject({ type: 'subscribed', sub: 1 })
})

it.each([undefined, null, 0, -1, 1.5, 2 ** 31, '1', [1]])(
  'SS-3: %j is no number of a subscription',
  async (sub) => {
    const { store, connect } = setUp()
    await store.create('s')
    await using client = await connect()
    for (const type of ['subscribe', 'unsubscribe']) {
      client.sendJson({ type, stream: 's', ...(sub !== undefined && { sub }) })
      const answer = await client.receiveJson()
      const message = 'subscribe and unsubscribe need a sub: a whole number from 1 to 2147483647'
      expect(answer).toEqual({ type: 'error', code: 'invalid_frame', message })
    }
  },
)

it('SS-6, SS-11: thousands that come and go leave nothing behind', async () => {
  const { store, delivery, connect } = setUp()
  await store.create('s', { records: ['1'] })
  await using client = await connect()
  for (let sub = 1; sub <= 5000; sub++) {
    client.sendJson({ type: 'subscribe', sub, stream: 's', offset: 'now' })
    client.sendJson({ type: 'unsubscribe', sub })
    if (sub % 500 !== 0) continue
    client.sendJson({ type: 'ping' })
    while (((await client.receiveJson()) as { type: string }).type !== 'pong');
  }
  await vi.waitFor(() => expect([delivery.streams, delivery.held]).toEqual([0, 0]))
  // None counts among those that one socket may have.
  for (let sub = 1; sub <= 100; sub++) {
    client.sendJson({ type: 'subscribe', sub, stream: 's', offset: 'now' })
    expect(await client.receiveJson()).toMatchObject({ type: 'subscribed', sub })
  }
})

it('SS-13: a stream that goes is gone', async () => {
  const { store, connect } = setUp()
  await store.create('s')
  await using client = await connect()
  client.sendJson({ type: 'subscribe', sub: 1, stream: 's' })
  await client.receiveJson()
  await store.delete('s')
  expect(await client.receiveJson()).toEqual({ type: 'gone', sub: 1, reason: 'deleted' })
})

it('SS-14: offsets that lead nowhere', async () => {
  const { store, connect } = setUp()
  await store.create('s', { records: ['1'] })
  await store.create('t', { records: ['1'] })
  await using client = await connect()
  const past = (await tailOf(store, 's')).replace('1_', '2_')
  const cases = [
    ['7', 'invalid_offset'],
    [await tailOf(store, 't'), 'offset_lost'],
    [past, 'offset_past_end'],
  ]
  for (const [offset, code] of cases) {
    client.sendJson({ type: 'subscribe', sub: 1, stream: 's', offset })
    expect(await client.receiveJson()).toEqual({
      type: 'error',
      code,
      message: expect.any(String) as string,
      sub: 1,
    })
  }
})

it('SS-16: a socket has so many subscriptions, also to one stream', async () => {
  const { store, connect } = setUp({ maxSubscriptions: 2 })
  await store.create('s')
  await store.create('t')
  await using client = await connect()
  const ask = async (sub: number, stream: string): Promise<unknown> => {
    client.sendJson({ type: 'subscribe', sub, stream })
    return await client.receiveJson()
  }
  expect(await ask(1, 's')).toMatchObject({ type: 'subscribed', sub: 1 })
  expect(await ask(2, 's')).toMatchObject({ type: 'subscribed', sub: 2 })
  expect(await ask(3, 't')).toMatchObject({ type: 'error', code: 'too_many_subscriptions', sub: 3 })
  client.sendJson({ type: 'unsubscribe', sub: 1 })
  expect(await ask(3, 't')).toMatchObject({ type: 'subscribed', sub: 3 })
})

it('SS-17, SS-18, SS-19: every verb reaches the own streams, and learns nothing of others', async () => {
  const stopped: string[] = []
  const runs = {
    stop: async (id: string) => {
      stopped.push(id)
      return { status: 'stopped' as const }
    },
  }
  const { store, connect } = setUp({ authenticated: true, runs })
  for (const [id, owner] of [
    ['mine', 'ann'],
    ['theirs', 'bob'],
    ['@control/x', 'ann'],
  ] as const)
    await store.create(id, { owner })
  await store.create('nobodys')
  await using client = await connect('ann')
  for (const stream of ['theirs', 'nobodys', '@control/x', 'missing']) {
    client.sendJson({ type: 'subscribe', sub: 1, stream })
    const message = 'There is no such stream, or it is not yours.'
    expect(await client.receiveJson()).toEqual({ type: 'error', code: 'stream_not_found', message, sub: 1 })
    client.sendJson({ type: 'stop', req: '1', stream })
    expect(await client.receiveJson()).toEqual({ type: 'error', code: 'stream_not_found', message, req: '1' })
  }
  client.sendJson({ type: 'subscribe', sub: 1, stream: 'mine' })
  expect(await client.receiveJson()).toMatchObject({ type: 'subscribed' })
  client.sendJson({ type: 'stop', req: '2', stream: 'mine' })
  expect(await client.receiveJson()).toEqual({ type: 'stopped', req: '2', stream: 'mine', status: 'stopped' })
  expect(stopped).toEqual(['mine'])
})

it('SS-17: without authentication, what has an owner is out of reach; a user without an owner reaches nothing', async () => {
  const { store, connect } = setUp()
  await store.create('owned', { owner: 'ann' })
  await using anonymous = await connect()
  anonymous.sendJson({ type: 'subscribe', sub: 1, stream: 'owned' })
  expect(await anonymous.receiveJson()).toMatchObject({ code: 'stream_not_found' })
  const strange = setUp({ authenticated: true, ownerOf: () => undefined })
  await strange.store.create('open')
  await expect(strange.connect('ann')).rejects.toThrow(/forbidden|connection_refused|accepted/)
})

it('SS-20: a start goes to the application, with the owner, and is answered', async () => {
  const { connect } = setUp({
    authenticated: true,
    start: (command) => {
      if (command.input === 'no') throw forbidden('Not today')
      if (command.input === 'clash') throw new RunError('run_conflict')
      return { id: `${command.owner}-${command.chat}-${command.id}` }
    },
  })
  await using client = await connect('ann')
  client.sendJson({ type: 'start', req: '1', input: 'yes', chat: 'c', id: 'i' })
  expect(await client.receiveJson()).toEqual({ type: 'started', req: '1', stream: 'ann-c-i' })
  client.sendJson({ type: 'start', req: '2', input: 'no' })
  expect(await client.receiveJson()).toEqual({
    type: 'error',
    req: '2',
    code: 'forbidden',
    message: 'Not today',
  })
  client.sendJson({ type: 'start', req: '3', input: 'clash' })
  expect(await client.receiveJson()).toMatchObject({ type: 'error', req: '3', code: 'run_conflict' })
})

it('SS-20: an id that was started is the same run for the same input, and refused for another', async () => {
  const store = memory()
  const kinds = {
    echo: {
      async *run(input: unknown) {
        yield input
      },
    },
  }
  const runs = new Runs({ store, runs: kinds })
  onTestFinished(() => runs.close())
  // What the provider is made from may be another each time; what was asked is the same.
  let starts = 0
  const { connect } = setUp({
    store,
    start: ({ input, ...request }) =>
      runs.start({ ...request, kind: 'echo', input: { input, at: ++starts } }),
  })
  await using client = await connect()
  for (const req of ['1', '2']) {
    client.sendJson({ type: 'start', req, id: 'r', input: 'question' })
    expect(await client.receiveJson()).toEqual({ type: 'started', req, stream: 'r' })
  }
  client.sendJson({ type: 'start', req: '3', id: 'r', input: 'another' })
  expect(await client.receiveJson()).toMatchObject({ type: 'error', req: '3', code: 'run_differs' })
})

it('SS-20, SS-22: without a handler and without runs, the answer says so', async () => {
  const { store, connect } = setUp()
  await store.create('s')
  await using client = await connect()
  client.sendJson({ type: 'start', req: '1', input: null })
  expect(await client.receiveJson()).toMatchObject({ code: 'start_not_served', req: '1' })
  client.sendJson({ type: 'stop', req: '2', stream: 's' })
  expect(await client.receiveJson()).toMatchObject({ code: 'stop_not_served', req: '2' })
})

it('SS-29: whoever knows a chat is told its latest run, and nothing of the chats of others', async () => {
  const asked: unknown[] = []
  const runs = {
    stop: async () => ({ status: 'stopped' as const }),
    latest: async (chat: string, owner?: string) => {
      asked.push([chat, owner])
      return chat === 'c' ? { id: 'r', status: 'running' as const, startedAt: 7, owner } : undefined
    },
  }
  const { connect } = setUp({ authenticated: true, runs })
  await using client = await connect('ann')
  const ask = async (frame: object): Promise<unknown> => {
    client.sendJson({ type: 'latest', req: '1', ...frame })
    return await client.receiveJson()
  }
  const run = { id: 'r', status: 'running', startedAt: 7 }
  expect(await ask({ chat: 'c' })).toEqual({ type: 'latest', req: '1', run })
  expect(await ask({ chat: 'd' })).toEqual({ type: 'latest', req: '1', run: null })
  expect(await ask({})).toMatchObject({ type: 'error', req: '1', code: 'invalid_frame' })
  expect(await ask({ chat: 'x'.repeat(257) })).toMatchObject({ code: 'invalid_frame' })
  expect(asked).toEqual([
    ['c', 'ann'],
    ['d', 'ann'],
  ])
  await using other = await setUp({ runs: { stop: runs.stop } }).connect()
  other.sendJson({ type: 'latest', req: '1', chat: 'c' })
  expect(await other.receiveJson()).toMatchObject({ code: 'latest_not_served', req: '1' })
})

it('SS-21: a start goes on when its socket ends', async () => {
  const begun = Promise.withResolvers<void>()
  const go = Promise.withResolvers<void>()
  const done = Promise.withResolvers<string>()
  const { connect, errors } = setUp({
    start: async () => {
      begun.resolve()
      await go.promise
      done.resolve('ran')
      return { id: 'r' }
    },
  })
  const client = await connect()
  client.sendJson({ type: 'start', req: '1', input: null })
  await begun.promise
  const left = client.disconnect()
  go.resolve()
  await left
  expect(await done.promise).toBe('ran')
  expect(errors).toEqual([])
})

it('SS-23: what takes long holds nothing up, and is bounded', async () => {
  const stop = Promise.withResolvers<{ status: 'stopped' }>()
  const { store, connect } = setUp({ maxRequests: 2, runs: { stop: () => stop.promise } })
  await store.create('s')
  await using client = await connect()
  for (const req of ['1', '2', '3']) client.sendJson({ type: 'stop', req, stream: 's' })
  client.sendJson({ type: 'ping' })
  expect(await client.receiveJson()).toMatchObject({ type: 'error', code: 'too_many_requests', req: '3' })
  expect(await client.receiveJson()).toEqual({ type: 'pong' })
  stop.resolve({ status: 'stopped' })
  expect(await client.receiveJson()).toMatchObject({ type: 'stopped', req: '1' })
  expect(await client.receiveJson()).toMatchObject({ type: 'stopped', req: '2' })
  client.sendJson({ type: 'stop', req: '4', stream: 's' })
  expect(await client.receiveJson()).toMatchObject({ type: 'stopped', req: '4' })
})

it('SS-24: what fails inside is told to the log, not to the client', async () => {
  const kept = memory()
  const store: StreamStore = Object.assign(Object.create(kept) as StreamStore, {
    head: async () => {
      throw new StoreError('io', 'secret path')
    },
  })
  const { connect, errors } = setUp({
    store,
    start: () => {
      throw new Error('secret key')
    },
  })
  await using client = await connect()
  client.sendJson({ type: 'start', req: '1', input: null })
  client.sendJson({ type: 'subscribe', sub: 1, stream: 's' })
  const answers = [await client.receiveJson(), await client.receiveJson()]
  expect(answers).toMatchObject([
    { type: 'error', code: 'internal_error', req: '1' },
    { type: 'error', code: 'store_failed', sub: 1 },
  ])
  expect(JSON.stringify(answers)).not.toContain('secret')
  expect(errors).toMatchObject([{ err: { message: 'secret key' } }, { err: { code: 'io' }, stream: 's' }])
})

it('SS-25: when delivery ends, clients are told when to come back, each at another time', async () => {
  const { delivery, store, connect } = setUp({ returnAfter: 1, returnSpread: 4 })
  await store.create('s')
  const clients = await Promise.all(Array.from({ length: 5 }, () => connect()))
  for (const client of clients) {
    client.sendJson({ type: 'subscribe', sub: 1, stream: 's' })
    await client.receiveJson()
  }
  delivery.close()
  const delays = new Set<number>()
  for (const client of clients) {
    const { type, after } = (await client.receiveJson()) as { type: string; after: number }
    expect(type).toBe('drain')
    expect(after).toBeGreaterThanOrEqual(1)
    expect(after).toBeLessThanOrEqual(5)
    delays.add(after)
    expect(await client.receiveClose()).toMatchObject({ code: 1012 })
  }
  expect(delays.size).toBeGreaterThan(1)
})

/** A store whose look-ups wait until they are let through. */
function slowStore(): { hand: InterposedStore; waiting: string[]; let: (stream: string) => void } {
  const hand = new InterposedStore(memory())
  const gates = new Map<string, PromiseWithResolvers<void>>()
  const waiting: string[] = []
  hand.around = async (method, call, [stream, signal]) => {
    if (method !== 'head' || !(signal instanceof AbortSignal)) return call()
    if (!String(stream).startsWith('slow')) return call()
    signal.throwIfAborted()
    waiting.push(String(stream))
    const gate = Promise.withResolvers<void>()
    gates.set(String(stream), gate)
    signal.addEventListener('abort', () => gate.reject(signal.reason))
    await gate.promise
    return call()
  }
  return { hand, waiting, let: (stream) => gates.get(stream)?.resolve() }
}

it('SS-27: a slow look-up of one stream holds up no other', async () => {
  const slow = slowStore()
  const { store, connect } = setUp({ store: slow.hand.store })
  await store.create('slow', { records: ['1', '2'] })
  await store.create('fast')
  await using client = await connect()
  client.sendJson({ type: 'subscribe', sub: 1, stream: 'slow' })
  client.sendJson({ type: 'subscribe', sub: 2, stream: 'fast' })
  client.sendJson({ type: 'ping' })
  const answers = [await client.receiveJson(), await client.receiveJson()]
  expect(answers).toContainEqual(expect.objectContaining({ type: 'subscribed', sub: 2 }))
  expect(answers).toContainEqual({ type: 'pong' })
  slow.let('slow')
  expect(await client.receiveJson()).toMatchObject({ type: 'subscribed', sub: 1 })
  expect(await client.receiveJson()).toMatchObject({ sub: 1, records: [1, 2] })
})

it('SS-6, SS-11: unsubscribing from a stream that is looked up ends it without an answer', async () => {
  const slow = slowStore()
  const { store, connect, delivery } = setUp({ store: slow.hand.store })
  await store.create('slow', { records: ['1'] })
  await using client = await connect()
  client.sendJson({ type: 'subscribe', sub: 1, stream: 'slow' })
  client.sendJson({ type: 'unsubscribe', sub: 1 })
  client.sendJson({ type: 'subscribe', sub: 2, stream: 'slow-too' })
  await vi.waitFor(() => expect(slow.waiting).toEqual(['slow', 'slow-too']))
  slow.let('slow')
  slow.let('slow-too')
  expect(await client.receiveJson()).toMatchObject({ code: 'stream_not_found', sub: 2 })
  client.sendJson({ type: 'ping' })
  expect(await client.receiveJson()).toEqual({ type: 'pong' })
  expect(delivery.streams).toBe(0)
})

it('SS-10: a number that was freed while its stream was looked up is the next one’s alone', async () => {
  const slow = slowStore()
  const { store, connect, delivery } = setUp({ store: slow.hand.store })
  await store.create('slow')
  await store.create('slow-too')
  await using client = await connect()
  client.sendJson({ type: 'subscribe', sub: 1, stream: 'slow' })
  client.sendJson({ type: 'unsubscribe', sub: 1 })
  client.sendJson({ type: 'subscribe', sub: 1, stream: 'slow-too' })
  await vi.waitFor(() => expect(slow.waiting).toEqual(['slow', 'slow-too']))
  slow.let('slow-too')
  expect(await client.receiveJson()).toMatchObject({ type: 'subscribed', sub: 1 })
  slow.let('slow')
  client.sendJson({ type: 'ping' })
  expect(await client.receiveJson()).toEqual({ type: 'pong' })
  expect([delivery.readers('slow'), delivery.readers('slow-too')]).toEqual([0, 1])
})

it('SS-10: a number whose stream is being looked up is in use', async () => {
  const slow = slowStore()
  const { store, connect, delivery } = setUp({ store: slow.hand.store })
  await store.create('slow')
  await using client = await connect()
  for (const _ of [1, 2]) client.sendJson({ type: 'subscribe', sub: 1, stream: 'slow' })
  expect(await client.receiveJson()).toMatchObject({ code: 'sub_in_use', sub: 1 })
  slow.let('slow')
  client.sendJson({ type: 'ping' })
  expect(await client.receiveJson()).toEqual({ type: 'pong' })
  expect(delivery.streams).toBe(0)
})

it('SS-16, SS-27: of streams that are looked up there are so many, and they count as followed', async () => {
  const slow = slowStore()
  const { connect } = setUp({ store: slow.hand.store, maxSubscriptions: 17 })
  const client = await connect()
  const streams = Array.from({ length: 20 }, (_, n) => `slow-${n}`)
  for (const [sub, stream] of streams.entries()) client.sendJson({ type: 'subscribe', sub: sub + 1, stream })
  client.sendJson({ type: 'ping' })
  await vi.waitFor(() => expect(slow.waiting).toEqual(streams.slice(0, 16)))
  slow.let('slow-3')
  // The place of the one that is not there is free again; with the next two it is full.
  expect(await client.receiveJson()).toMatchObject({ code: 'stream_not_found', sub: 4 })
  await vi.waitFor(() => expect(slow.waiting).toEqual(streams.slice(0, 17)))
  // The end of the socket ends them all.
  await client.disconnect()
})

it('SS-28: a stream that is followed does not expire, and is left alone once nobody follows it', async () => {
  const { hand, touches } = touchedStore()
  const { store, connect } = setUp({ store: hand.store })
  await using client = await connect()
  for (const [sub, stream] of [
    [1, 's'],
    [2, 'metronome'],
    [3, 's'],
  ] as const) {
    await store.create(stream, { ttlMs: 400 })
    client.sendJson({ type: 'subscribe', sub, stream })
    expect(await client.receiveJson()).toMatchObject({ type: 'subscribed', sub })
  }
  // Whoever of several readers leaves, it is followed by the others.
  client.sendJson({ type: 'unsubscribe', sub: 3 })
  await touches('s', 10)
  await store.append('s', { records: ['1'] })
  expect(await client.receiveJson()).toMatchObject({ type: 'records', records: [1] })
  client.sendJson({ type: 'unsubscribe', sub: 1 })
  client.sendJson({ type: 'ping' })
  expect(await client.receiveJson()).toEqual({ type: 'pong' })
  const last = hand.calls.length
  await touches('metronome', 5)
  expect(hand.calls.slice(last).filter(({ args }) => args[0] === 's')).toEqual([])
})
