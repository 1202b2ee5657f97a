/** What the hook shows, without React. Time and network are the test's. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type StreamClient, connect } from '../../src/client/index.ts'
import { StreamObserver } from '../../src/react/stream-observer.ts'
import { FakeNetwork, type FakeSocket, at, records } from '../client/fakes.ts'

let network: FakeNetwork
let client: StreamClient

beforeEach(() => {
  vi.useFakeTimers()
  network = new FakeNetwork()
  client = connect('ws://server/ws', { webSocket: network.connect, http: false })
})

afterEach(async () => {
  client.close()
  await frames()
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

/** Long enough for what was put off to the next frame, and for nothing to be put off any more. */
const frames = (): Promise<unknown> => vi.advanceTimersByTimeAsync(32)
const subscribed = (stream: string | number, position: number) =>
  ({ type: 'subscribed', stream, offset: at(position) }) as const

const texts = { reduce: undefined, initial: undefined, text: (record: unknown) => String(record) }

function observe(id: string | null, options: { offset?: string; text?: undefined } = {}) {
  return new StreamObserver(client, id, options.offset ?? '-1', { ...texts, ...options })
}

function opened(): FakeSocket {
  const { socket } = network
  if (socket.state === 'connecting') socket.open()
  return socket
}

describe('an observer', () => {
  it('an observer does nothing before somebody listens', () => {
    const observer = observe('s')
    expect(observer.snapshot()).toEqual({
      id: 's',
      records: [],
      text: '',
      state: undefined,
      status: 'connecting',
      error: undefined,
      connection: 'idle',
      connectionError: undefined,
    })
    expect(network.sockets).toEqual([])
    const undo = observe(null).subscribe(() => {})
    expect([observe(null).snapshot().status, network.sockets]).toEqual(['idle', []])
    undo()
  })

  it('an observer takes records that are strings for the text, and leaves out all others', async () => {
    const observer = observe('s', { text: undefined })
    observer.subscribe(() => {})
    opened().frame(subscribed('s', 0), { ...records('s', 0, 3), records: ['Hel', { delta: 'x' }, 'lo'] })
    await frames()
    expect(observer.snapshot().text).toBe('Hello')
  })

  it('an observer shows records, text and a state', async () => {
    const sum = {
      ...texts,
      reduce: (state: unknown, record: unknown) => Number(state) + Number(record),
      initial: 10,
    }
    const observer = new StreamObserver(client, 's', '-1', sum)
    observer.subscribe(() => {})
    opened().frame(subscribed('s', 0), records('s', 0, 3))
    await frames()
    expect(observer.snapshot()).toMatchObject({
      records: [0, 1, 2],
      text: '012',
      state: 13,
      status: 'running',
      connection: 'connected',
    })
    network.socket.frame(records('s', 3, 5), {
      type: 'end',
      stream: 's',
      offset: at(5),
      end: { status: 'stopped' },
    })
    await frames()
    expect(observer.snapshot()).toMatchObject({
      text: '01234',
      state: 20,
      status: 'stopped',
      end: { status: 'stopped' },
    })
  })

  it('an observer folds each record once, as it was told to last', async () => {
    const observer = observe('s')
    observer.subscribe(() => {})
    opened().frame(subscribed('s', 0), records('s', 0, 2))
    await frames()
    observer.foldWith({ ...texts, text: (record) => `<${String(record)}>` })
    network.socket.frame(records('s', 2, 4))
    await frames()
    expect(observer.snapshot().text).toBe('01<2><3>')
  })

  it('an observer changes once in a frame, however many records come', async () => {
    const observer = observe('s')
    const seen: number[] = []
    observer.subscribe(() => seen.push(observer.snapshot().records.length))
    opened().frame(subscribed('s', 0))
    await frames()
    seen.length = 0
    for (let from = 0; from < 100; from++) network.socket.frame(records('s', from, from + 1))
    const { records: first } = observer.snapshot()
    expect([seen, first]).toEqual([[1], [0]])
    expect(observer.snapshot()).toBe(observer.snapshot())
    await frames()
    expect(seen).toEqual([1, 100])
    expect(first).toEqual([0])
    await vi.advanceTimersByTimeAsync(1000)
    expect(seen).toEqual([1, 100])
  })

  it('an observer keeps the array while no record comes', async () => {
    const observer = observe('s')
    observer.subscribe(() => {})
    opened().frame(subscribed('s', 0), records('s', 0, 2))
    await frames()
    const before = observer.snapshot()
    network.socket.cut()
    await frames()
    const after = observer.snapshot()
    expect([before.connection, after.connection]).toEqual(['connected', 'reconnecting'])
    expect(after.records).toBe(before.records)
  })

  it('an observer tells of a failure and of a refusal', async () => {
    const failed = observe('a')
    const refused = observe('b')
    failed.subscribe(() => {})
    refused.subscribe(() => {})
    opened().frame(
      subscribed('a', 0),
      { type: 'end', stream: 'a', offset: at(0), end: { status: 'failed', message: 'Too long.' } },
      { type: 'error', stream: 'b', code: 'stream_not_found', message: 'Not there.' },
    )
    await frames()
    expect(failed.snapshot()).toMatchObject({
      status: 'failed',
      error: { code: 'failed', message: 'Too long.' },
    })
    expect(refused.snapshot()).toMatchObject({ status: 'error', error: { code: 'stream_not_found' } })
  })

  it('an observer of an id that no stream can have is an error, and asks nobody', async () => {
    const observer = observe('')
    observer.subscribe(() => {})
    expect(observer.snapshot()).toMatchObject({
      id: '',
      status: 'error',
      error: { code: 'stream_not_found' },
    })
    expect(network.sockets).toEqual([])
    await frames()
  })

  it('an observer of a client that was closed is an error, and no crash', () => {
    client.close()
    const observer = observe('s')
    observer.subscribe(() => {})
    expect(observer.snapshot()).toMatchObject({
      status: 'error',
      error: { code: 'closed' },
      connection: 'closed',
    })
  })
})

describe('several observers of one stream', () => {
  it('several observers of one stream share one subscription, and what came before', async () => {
    const first = observe('s')
    first.subscribe(() => {})
    const socket = opened()
    socket.frame(subscribed('s', 0), records('s', 0, 2))
    await frames()
    const second = observe('s')
    second.subscribe(() => {})
    expect(second.snapshot()).toMatchObject({ records: [0, 1], text: '01', status: 'running' })
    expect(second.snapshot().records).toBe(first.snapshot().records)
    expect(socket.taken()).toHaveLength(1)
  })

  it('several observers of one stream that begin elsewhere have their own records', async () => {
    const all = observe('s')
    const tail = observe('s', { offset: at(1) })
    all.subscribe(() => {})
    tail.subscribe(() => {})
    const socket = opened()
    socket.frame(subscribed(1, 0), records(1, 0, 3), subscribed(2, 1), records(2, 1, 3))
    await frames()
    expect([all.snapshot().text, tail.snapshot().text]).toEqual(['012', '12'])
  })

  it('several observers of one stream let go of the stream when the last one leaves', async () => {
    const undo = [observe('s'), observe('s')].map((one) => one.subscribe(() => {}))
    const socket = opened()
    socket.frame(subscribed('s', 0))
    socket.taken()
    undo[0]?.()
    await frames()
    expect(socket.taken()).toEqual([])
    undo[1]?.()
    await frames()
    expect(socket.taken()).toEqual([{ type: 'unsubscribe', stream: 's' }])
  })
})

describe('an observer that is left and listened to again', () => {
  it('an observer that is left and listened to again at once goes on as if nothing had been', async () => {
    const observer = observe('s')
    const undo = observer.subscribe(() => {})
    const socket = opened()
    socket.frame(subscribed('s', 0), records('s', 0, 2))
    undo()
    observer.subscribe(() => {})
    await frames()
    expect(socket.taken()).toEqual([{ type: 'subscribe', stream: 's', offset: '-1' }])
    expect(observer.snapshot().text).toBe('01')
  })

  it('an observer that is left and listened to again later goes on from where it was', async () => {
    const observer = observe('s')
    const undo = observer.subscribe(() => {})
    const socket = opened()
    socket.frame(subscribed('s', 0), records('s', 0, 2))
    undo()
    await frames()
    socket.taken()
    observer.subscribe(() => {})
    expect(socket.taken()).toEqual([{ type: 'subscribe', stream: 's', offset: at(2) }])
    socket.frame(subscribed('s', 2), records('s', 2, 3))
    await frames()
    expect(observer.snapshot().text).toBe('012')
  })

  it('an observer that is left and listened to again leaves nothing for others, who begin anew', async () => {
    const undo = observe('s').subscribe(() => {})
    const socket = opened()
    socket.frame(subscribed('s', 0), records('s', 0, 2))
    await frames()
    undo()
    await frames()
    socket.taken()
    const other = observe('s')
    other.subscribe(() => {})
    expect(other.snapshot().records).toEqual([])
    expect(socket.taken()).toEqual([{ type: 'subscribe', stream: 's', offset: '-1' }])
  })

  it('an observer that is left and listened to again has nothing to ask when the stream had ended', async () => {
    const observer = observe('s')
    const undo = observer.subscribe(() => {})
    const socket = opened()
    socket.frame(subscribed('s', 0), {
      type: 'end',
      stream: 's',
      offset: at(0),
      end: { status: 'completed' },
    })
    await frames()
    undo()
    await frames()
    socket.taken()
    observer.subscribe(() => {})
    expect([socket.taken(), observer.snapshot().status]).toEqual([[], 'completed'])
  })
})

describe('a run that is started', () => {
  it('a run that is started is shown from its start', async () => {
    const observer = observe(null, { offset: 'now' })
    observer.subscribe(() => {})
    const started = observer.start('Hello', { chat: 'c', id: 'r' })
    expect(observer.snapshot().status).toBe('starting')
    const socket = opened()
    expect(socket.taken()).toEqual([{ type: 'start', req: '1', id: 'r', chat: 'c', input: 'Hello' }])
    socket.frame({ type: 'started', req: '1', stream: 'r' })
    expect(await started).toBe('r')
    expect(observer.snapshot()).toMatchObject({ id: 'r', status: 'connecting' })
    expect(socket.taken()).toEqual([{ type: 'subscribe', stream: 'r', offset: '-1' }])
    socket.frame(subscribed('r', 0), records('r', 0, 2))
    await frames()
    expect(observer.snapshot()).toMatchObject({ id: 'r', text: '01', status: 'running' })
  })

  it('a run that is started takes the place of the one before', async () => {
    const observer = observe('s')
    observer.subscribe(() => {})
    const socket = opened()
    socket.frame(subscribed('s', 0), records('s', 0, 2))
    await frames()
    const started = observer.start(1)
    socket.frame(records('s', 2, 3))
    await frames()
    expect(observer.snapshot()).toMatchObject({ id: 's', text: '012', status: 'starting' })
    socket.frame({ type: 'started', req: '1', stream: 'r' })
    await started
    await frames()
    expect(observer.snapshot()).toMatchObject({ id: 'r', text: '', records: [] })
    expect(socket.taken().map(({ type }) => type)).toEqual(['subscribe', 'start', 'subscribe', 'unsubscribe'])
  })

  it('of two runs that are started the newest is shown', async () => {
    const observer = observe(null)
    observer.subscribe(() => {})
    const first = observer.start(1)
    const second = observer.start(2)
    opened().frame({ type: 'started', req: '2', stream: 'b' }, { type: 'started', req: '1', stream: 'a' })
    expect(await Promise.all([first, second])).toEqual(['a', 'b'])
    expect(observer.snapshot()).toMatchObject({ id: 'b', status: 'connecting' })
  })

  it('a run that is started may be refused', async () => {
    const observer = observe(null)
    observer.subscribe(() => {})
    const started = observer.start(1)
    opened().frame({ type: 'error', req: '1', code: 'too_many_runs', message: 'Too many.' })
    await expect(started).rejects.toMatchObject({ code: 'too_many_runs' })
    expect(observer.snapshot()).toMatchObject({ id: null, status: 'error', error: { code: 'too_many_runs' } })
    expect(await observer.stop()).toBeUndefined()
  })

  it('a start that is refused says so over the stream that goes on, until the next one', async () => {
    const observer = observe('s')
    observer.subscribe(() => {})
    opened().frame(subscribed('s', 0), records('s', 0, 1))
    await frames()
    const refused = observer.start(1)
    opened().frame({ type: 'error', req: '1', code: 'too_many_runs', message: 'Too many.' })
    await expect(refused).rejects.toMatchObject({ code: 'too_many_runs' })
    network.socket.frame(records('s', 1, 2))
    await frames()
    expect(observer.snapshot()).toMatchObject({
      records: [0, 1],
      status: 'error',
      error: { code: 'too_many_runs' },
    })
    const started = observer.start(1)
    expect(observer.snapshot()).toMatchObject({ status: 'starting', error: undefined })
    network.socket.frame({ type: 'started', req: '2', stream: 'r' }, records('r', 0, 1))
    await started
    expect(observer.snapshot()).toMatchObject({ id: 'r', error: undefined })
  })

  it('a run that is started is not followed when nobody listens any more', async () => {
    const observer = observe(null)
    const undo = observer.subscribe(() => {})
    const started = observer.start(1)
    undo()
    const socket = opened()
    socket.taken()
    socket.frame({ type: 'started', req: '1', stream: 'r' })
    expect(await started).toBe('r')
    socket.frame(subscribed('r', 0))
    expect(socket.taken().map(({ type }) => type)).toEqual(['subscribe', 'unsubscribe'])
  })

  it('a run that is started can be stopped, also before it has begun', async () => {
    const observer = observe(null)
    expect(await observer.stop()).toBeUndefined()
    const started = observer.start(1)
    const stopped = observer.stop()
    const socket = opened()
    expect(socket.taken().map(({ type }) => type)).toEqual(['start'])
    socket.frame({ type: 'started', req: '1', stream: 'r' })
    await started
    await vi.advanceTimersByTimeAsync(0)
    expect(socket.taken()).toContainEqual({ type: 'stop', req: '2', stream: 'r' })
    socket.frame({ type: 'stopped', req: '2', stream: 'r', status: 'stopped' })
    expect(await stopped).toBe('stopped')
  })
})
