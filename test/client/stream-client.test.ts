/** Streams and commands over one socket. Time and network are the test's. */
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  OffsetError,
  type RemoteStream,
  type StreamClient,
  StreamError,
  connect,
} from '../../src/client/index.ts'
import type { StartFrame } from '../../src/protocol/stream-frames.ts'
import { collect } from '../support/collect.ts'
import { FakeNetwork, type FakeSocket, at, inside, numbers, records, timeouts } from './fakes.ts'

let network: FakeNetwork
let client: StreamClient
let timers: ReadonlySet<unknown>

beforeEach(() => {
  vi.useFakeTimers()
  timers = timeouts()
  vi.spyOn(Math, 'random').mockReturnValue(1)
  network = new FakeNetwork()
  client = connect('ws://server/ws', { webSocket: network.connect, http: false })
})

afterEach(() => {
  client.close()
  expect(timers.size).toBe(0)
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const subscribed = (stream: string | number, position: number) =>
  ({ type: 'subscribed', stream, offset: at(position) }) as const
const end = (stream: string | number, position: number) =>
  ({ type: 'end', stream, offset: at(position), end: { status: 'completed' } }) as const

/** Follows a stream over a socket that is open; the server has said that it begins at the start. */
function followed(id = 's'): { stream: RemoteStream<number>; socket: FakeSocket } {
  const stream = client.stream<number>(id)
  const { socket } = network
  if (socket.state === 'connecting') socket.open()
  socket.frame(subscribed(id, 0))
  socket.taken()
  return { stream, socket }
}

/** Loses the connection and opens the next one. */
async function reconnected(): Promise<FakeSocket> {
  const count = network.sockets.length
  network.socket.cut()
  while (network.sockets.length === count) await vi.advanceTimersByTimeAsync(100)
  return network.socket.open()
}

describe('a stream', () => {
  it('a stream is read to its end', async () => {
    const { stream, socket } = followed()
    expect([stream.status, stream.done]).toEqual(['running', false])
    const read = collect(stream)
    socket.frame(records('s', 0, 2))
    socket.frame(records('s', 2, 5), end('s', 5))
    expect(await read).toEqual([0, 1, 2, 3, 4])
    expect(stream).toMatchObject({
      id: 's',
      status: 'completed',
      done: true,
      offset: at(5),
      error: undefined,
    })
    expect(socket.taken()).toEqual([])
  })

  it('a stream begins where it is told to', () => {
    client.stream('a', { offset: at(3) })
    client.stream('b', { offset: 'now' })
    client.stream('c')
    network.socket.open()
    expect(network.socket.taken()).toEqual([
      { type: 'subscribe', stream: 'a', offset: at(3) },
      { type: 'subscribe', stream: 'b', offset: 'now' },
      { type: 'subscribe', stream: 'c', offset: '-1' },
    ])
    expect(() => client.stream('d', { offset: '7' })).toThrow(OffsetError)
  })

  it.each([
    ['no character', ''],
    ['a space', 'a b'],
    ['a letter of another alphabet', 'Zoë'],
    ['513 characters', 'x'.repeat(513)],
  ])('a stream with %s in its id cannot be, and nobody is asked', async (_what, id) => {
    const stream = client.stream(id)
    expect(stream).toMatchObject({ status: 'error', error: { code: 'stream_not_found' } })
    await expect(collect(stream)).rejects.toBe(stream.error)
    expect(network.sockets).toEqual([])
  })

  it('a stream goes on from its last record on the next connection', async () => {
    const { stream, socket } = followed()
    socket.frame(records('s', 0, 3))
    const next = await reconnected()
    expect(next.taken()).toEqual([{ type: 'subscribe', stream: 's', offset: at(3) }])
    next.frame(subscribed('s', 3), records('s', 3, 4), end('s', 4))
    expect(await collect(stream)).toEqual([0, 1, 2, 3])
  })

  it('a stream that begins at now does so once: it leaves out nothing that comes while the connection is lost', async () => {
    const stream = client.stream('s', { offset: 'now' })
    network.socket.open().frame(subscribed('s', 7))
    const next = await reconnected()
    expect(next.taken()).toEqual([{ type: 'subscribe', stream: 's', offset: at(7) }])
    next.frame(subscribed('s', 7), records('s', 7, 9), end('s', 9))
    expect(await collect(stream)).toEqual([7, 8])
  })

  it('a stream drops what it has seen, whole batches and parts of them', () => {
    const { stream, socket } = followed()
    socket.frame(records('s', 0, 3), records('s', 0, 3), records('s', 1, 2), records('s', 2, 6))
    expect(stream.take()).toEqual(numbers(0, 6))
  })

  it('a stream takes records that were merged, and goes on behind the places that they cover', async () => {
    const { stream, socket } = followed()
    const merged = { ...records('s', 0, 5), records: [10] }
    socket.frame(merged, records('s', 5, 7), { ...records('s', 7, 9), records: [] }, end('s', 9))
    expect(stream.take()).toEqual([10, 5, 6])
    expect([stream.status, stream.offset]).toEqual(['completed', at(9)])
  })

  it('a stream is never said to be taken to a place inside of what was merged', async () => {
    const { stream, socket } = followed()
    socket.frame({ ...records('s', 0, 5), records: [10, 20] }, records('s', 5, 7))
    const offsets = []
    for await (const _record of stream) {
      offsets.push(stream.offset)
      if (offsets.length === 4) break
    }
    expect(offsets).toEqual([at(0), at(5), inside(6, 7), at(7)])
  })

  it('a stream asks again for what was merged and seen in part', () => {
    const { stream, socket } = followed()
    socket.frame(records('s', 0, 2), { ...records('s', 0, 5), records: [10] })
    expect(socket.taken()).toEqual([
      { type: 'unsubscribe', stream: 's' },
      { type: 'subscribe', stream: 's', offset: at(2) },
    ])
    socket.frame(subscribed('s', 2), records('s', 2, 5))
    expect(stream.take()).toEqual(numbers(0, 5))
  })

  it('a stream refuses a gap, hears nothing until it was asked anew, and goes on', () => {
    const { stream, socket } = followed()
    // What else was on its way has the number of the first question.
    socket.frame(records(1, 0, 2), records(1, 3, 4), records(1, 2, 5), end(1, 5))
    expect(socket.taken()).toEqual([
      { type: 'unsubscribe', stream: 's' },
      { type: 'subscribe', stream: 's', offset: at(2) },
    ])
    expect(stream.take()).toEqual(numbers(0, 2))
    socket.frame(subscribed(2, 2), records(2, 2, 5), end(2, 5))
    expect(stream.take()).toEqual(numbers(2, 5))
    expect(stream.status).toBe('completed')
  })

  it('a stream fails when the records are still missing the second time', async () => {
    const { stream, socket } = followed()
    socket.frame(records('s', 1, 2), subscribed('s', 0), records('s', 1, 2))
    expect(stream).toMatchObject({ status: 'error', error: { code: 'gap' } })
    await expect(collect(stream)).rejects.toMatchObject({ name: 'StreamError', code: 'gap' })
    expect(socket.taken().at(-1)).toEqual({ type: 'unsubscribe', stream: 's' })
  })

  it.each([at(0), at(2)])(
    'from %s fails when the server twice begins too late, and asks no more',
    (offset) => {
      const stream = client.stream('s', { offset })
      const socket = network.socket.open()
      const asked = []
      for (let answers = 0; answers < 10; answers++) {
        asked.push(...socket.taken().filter(({ type }) => type === 'subscribe'))
        socket.frame(subscribed('s', 5), records('s', 5, 6))
      }
      expect(asked.length).toBeLessThan(4)
      expect(stream.take()).toEqual([])
      expect(stream).toMatchObject({ status: 'error', error: { code: 'gap' } })
    },
  )

  it('a stream goes on when a server that began too late begins as asked the second time', async () => {
    const { stream, socket: first } = followed()
    first.frame(records('s', 0, 2))
    const socket = await reconnected()
    socket.frame(subscribed('s', 3), subscribed('s', 2), records('s', 2, 5), end('s', 5))
    expect(stream.take()).toEqual(numbers(0, 5))
    expect(stream.status).toBe('completed')
  })

  it('a stream counts gaps anew behind a good batch', () => {
    const { stream, socket } = followed()
    for (let from = 0; from < 4; from++) {
      socket.frame(records('s', from + 1, from + 2), subscribed('s', from), records('s', from, from + 1))
    }
    expect(stream.take()).toEqual(numbers(0, 4))
    expect(stream.error).toBeUndefined()
  })

  it('a stream does not end while records are missing', () => {
    const { stream, socket } = followed()
    socket.frame(records('s', 0, 2), end('s', 5))
    expect([stream.done, socket.taken()]).toEqual([
      false,
      [{ type: 'subscribe', stream: 's', offset: at(2) }],
    ])
  })

  it('a stream takes records of another history for a gap, and fails as the server says', () => {
    const { stream, socket } = followed()
    socket.frame(records('s', 0, 1), {
      type: 'records',
      stream: 's',
      from: at(1, 'anotherone'),
      offset: at(2, 'anotherone'),
      records: [1],
    })
    expect(socket.taken()).toEqual([
      { type: 'unsubscribe', stream: 's' },
      { type: 'subscribe', stream: 's', offset: at(1) },
    ])
    socket.frame({ type: 'error', stream: 's', code: 'offset_lost', message: 'Of another stream' })
    expect(stream).toMatchObject({
      status: 'error',
      error: { code: 'offset_lost', message: 'Of another stream' },
    })
  })

  it('a stream hands on bytes of a stream of bytes', () => {
    const { stream, socket } = followed()
    socket.frame({
      type: 'records',
      stream: 's',
      from: at(0),
      offset: at(2),
      records: ['AP8=', ''],
      encoding: 'base64',
    })
    expect(stream.take()).toEqual([new Uint8Array([0, 255]), new Uint8Array()])
  })

  it('a stream ignores what it does not know', () => {
    const { stream, socket } = followed()
    socket.onmessage?.({ data: '{"type":"weather","stream":"s"}' })
    socket.onmessage?.({ data: 'no JSON' })
    socket.onmessage?.({ data: new ArrayBuffer(1) })
    socket.frame(
      { type: 'error', code: 'invalid_frame', message: '' },
      records('other', 0, 1),
      records('s', 0, 1),
    )
    expect(stream.take()).toEqual([0])
  })
})

describe('the end of a stream', () => {
  const ended = (position: number, how?: object) =>
    ({ type: 'end', stream: 's', offset: at(position), ...(how && { end: how }) }) as never

  it('the end of a stream says how the run ended, and is no record', () => {
    const { stream, socket } = followed()
    socket.frame(records('s', 0, 1))
    expect([stream.status, stream.end]).toEqual(['running', undefined])
    socket.frame(ended(1, { status: 'stopped', reason: 'unread' }))
    expect([stream.take(), stream.offset, stream.status]).toEqual([[0], at(1), 'stopped'])
    expect(stream.end).toEqual({ status: 'stopped', reason: 'unread' })
  })

  it.each([undefined, { status: 'sold' }, ['completed']])(
    'the end of a stream that is none of a run, %j, is a close',
    (how) => {
      const { stream, socket } = followed()
      socket.frame(records('s', 0, 1), ended(1, how))
      expect([stream.take(), stream.status, stream.end]).toEqual([[0], 'closed', how])
    },
  )

  it('the end of a stream is not the last record, whatever that looks like', async () => {
    const { stream, socket } = followed()
    const last = { type: 'millrace.end', status: 'failed' }
    const frame = { type: 'records', stream: 's', from: at(0), offset: at(2), records: [last, last] }
    socket.frame(frame as never, ended(2))
    expect(await collect(stream)).toEqual([last, last])
    expect([stream.status, stream.end, stream.offset]).toEqual(['closed', undefined, at(2)])
  })

  it('the end of a stream comes after a reconnect, when the connection is lost just before it', async () => {
    const { stream, socket } = followed()
    socket.frame(records('s', 0, 2))
    const next = await reconnected()
    expect(next.taken()).toEqual([{ type: 'subscribe', stream: 's', offset: at(2) }])
    next.frame(subscribed('s', 2), ended(2, { status: 'stopped' }))
    expect(await collect(stream)).toEqual([0, 1])
    expect(stream.status).toBe('stopped')
  })

  it('the end of a stream throws behind the last record when the run failed', async () => {
    const { stream, socket } = followed()
    socket.frame(records('s', 0, 2), {
      type: 'end',
      stream: 's',
      offset: at(2),
      end: { status: 'failed', reason: 'silent', message: 'It said nothing.' },
    })
    const seen: number[] = []
    const read = (async () => {
      for await (const record of stream) seen.push(record)
    })()
    const failure = { name: 'StreamError', code: 'failed', reason: 'silent', message: 'It said nothing.' }
    await expect(read).rejects.toMatchObject(failure)
    expect([seen, stream.status]).toEqual([[0, 1], 'failed'])
  })

  it.each(['deleted', 'expired', 'lost'] as const)(
    'the end of a stream is also that the stream was %s',
    async (reason) => {
      const { stream, socket } = followed()
      socket.frame(records('s', 0, 1), { type: 'gone', stream: 's', reason })
      expect(stream).toMatchObject({ status: 'gone', error: { code: 'gone', reason } })
      await expect(collect(stream)).rejects.toBeInstanceOf(StreamError)
      expect(socket.taken()).toEqual([])
    },
  )

  it('the end of a stream is that the stream is gone also to whoever was away when it went', async () => {
    const { stream, socket } = followed()
    socket.frame(records('s', 0, 1))
    const next = await reconnected()
    next.frame({ type: 'error', stream: 's', code: 'stream_not_found', message: 'Not there' })
    expect(stream).toMatchObject({ status: 'gone', error: { code: 'gone', reason: 'deleted' } })
  })

  it('the end of a stream does not come where the stream may not be read', () => {
    const stream = client.stream('s')
    network.socket
      .open()
      .frame({ type: 'error', stream: 's', code: 'stream_not_found', message: 'Not there' })
    expect(stream).toMatchObject({ status: 'error', error: { code: 'stream_not_found' } })
  })

  it('the end of a stream is asked for again, later and later, while the store fails', async () => {
    const { stream, socket } = followed()
    const failed = { type: 'error', stream: 's', code: 'store_failed', message: '' } as const
    socket.frame(records('s', 0, 1), failed)
    await vi.advanceTimersByTimeAsync(500)
    expect(socket.taken()).toEqual([{ type: 'subscribe', stream: 's', offset: at(1) }])
    socket.frame(failed)
    await vi.advanceTimersByTimeAsync(999)
    expect(socket.taken()).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    socket.frame(subscribed('s', 1), end('s', 1))
    expect(stream.status).toBe('completed')
  })
})

it('does not ask a store that failed once more when it is closed', () => {
  const { socket } = followed()
  socket.frame({ type: 'error', stream: 's', code: 'store_failed', message: '' })
  client.close()
  expect(vi.getTimerCount()).toBe(0)
})

describe('a loop', () => {
  it('a loop takes up what came before it began, and may be slower than the server', async () => {
    const { stream, socket } = followed()
    socket.frame(records('s', 0, 2))
    const seen: number[] = []
    for await (const record of stream) {
      seen.push(record)
      if (record === 1) socket.frame(records('s', 2, 4), records('s', 4, 5), end('s', 5))
      await Promise.resolve()
    }
    expect(seen).toEqual([0, 1, 2, 3, 4])
  })

  it('a loop knows its offset: that of the last record it was given', async () => {
    const { stream, socket } = followed()
    socket.frame(records('s', 0, 3), end('s', 3))
    const offsets: string[] = []
    for await (const _record of stream) offsets.push(stream.offset)
    expect(offsets).toEqual([inside(1, 3), inside(2, 3), at(3)])
  })

  it('a loop lets go of the stream when it is left, and another goes on from the offset', async () => {
    const { stream, socket } = followed()
    socket.frame(records('s', 0, 5))
    for await (const record of stream) if (record === 1) break
    expect(stream).toMatchObject({ offset: inside(2, 5), done: true })
    expect(socket.taken()).toEqual([{ type: 'unsubscribe', stream: 's' }])
    const rest = client.stream('s', { offset: stream.offset })
    expect(socket.taken()).toEqual([{ type: 'subscribe', stream: 's', offset: inside(2, 5) }])
    // What was on its way for the first one is not for the second.
    socket.frame(records('s', 5, 6), subscribed('s', 2), records('s', 2, 6))
    expect(rest.take()).toEqual(numbers(2, 6))
  })

  it.each(['return', 'throw'] as const)('a loop is left with `%s` also while it waits', async (how) => {
    const { stream, socket } = followed()
    const loop = stream[Symbol.asyncIterator]()
    const waiting = [loop.next(), loop.next()]
    socket.frame(records('s', 0, 1))
    await waiting[0]
    const fault = new Error('of the program')
    const left = loop[how](fault as never).catch((error: unknown) => error)
    expect(socket.taken()).toEqual([{ type: 'unsubscribe', stream: 's' }])
    expect(await Promise.all(waiting)).toEqual([
      { value: 0, done: false },
      { value: undefined, done: true },
    ])
    expect(await left).toEqual(how === 'throw' ? fault : { value: undefined, done: true })
    expect(await loop.next()).toEqual({ value: undefined, done: true })
    expect(stream).toMatchObject({ offset: at(1), done: true })
  })

  it('a loop is left as a stream of the web and of Node is cancelled', async () => {
    const web = ReadableStream.from(followed('a').stream).getReader()
    const reading = web.read()
    const node = Readable.from(followed('b').stream).resume()
    await vi.advanceTimersByTimeAsync(0)
    node.destroy()
    await Promise.all([web.cancel(), once(node, 'close')])
    expect(await reading).toMatchObject({ done: true })
    expect(network.socket.taken()).toMatchObject([
      { type: 'unsubscribe', stream: 'b' },
      { type: 'unsubscribe', stream: 'a' },
    ])
  })

  it('a loop that never began lets go of the stream, too', async () => {
    const { stream, socket } = followed()
    await stream[Symbol.asyncIterator]().return()
    expect(socket.taken()).toEqual([{ type: 'unsubscribe', stream: 's' }])
  })

  it('a loop lets go of a run that has ended, and another goes on with the records that were left', async () => {
    const { stream, socket } = followed()
    socket.frame(records('s', 0, 5), end('s', 5))
    for await (const record of stream) if (record === 1) break
    expect(stream).toMatchObject({ offset: inside(2, 5), status: 'completed' })
    const rest = client.stream<number>('s', { offset: stream.offset })
    socket.frame(subscribed('s', 2), records('s', 2, 5), end('s', 5))
    expect(await collect(rest)).toEqual(numbers(2, 5))
    expect(rest).toMatchObject({ offset: at(5), status: 'completed' })
  })

  it('a loop is the only one of its stream', async () => {
    const { stream, socket } = followed()
    const first = collect(stream)
    await expect(collect(stream)).rejects.toThrow(TypeError)
    socket.frame(records('s', 0, 1), end('s', 1))
    expect(await first).toEqual([0])
  })

  it('a loop ends when the stream or the client is closed', async () => {
    const one = collect(followed('a').stream)
    const other = followed('b').stream
    const both = collect(other)
    other.close()
    expect(await both).toEqual([])
    client.close()
    expect(await one).toEqual([])
  })

  it('a loop that does not keep up is not sent more than it can hold', async () => {
    const { stream, socket } = followed()
    socket.frame(records('s', 0, 9_000), records('s', 9_000, 12_000))
    expect(socket.taken()).toEqual([{ type: 'unsubscribe', stream: 's' }])
    socket.frame(records('s', 12_000, 12_001))
    let count = 0
    for await (const record of stream) {
      expect(record).toBe(count++)
      if (count < 12_000) expect(socket.sent).toEqual([])
      else break
    }
    expect(socket.taken()[0]).toEqual({ type: 'subscribe', stream: 's', offset: at(12_000) })
  })

  it('a loop ends when the client is closed while it catches up', async () => {
    const { stream, socket } = followed()
    socket.frame(records('s', 0, 10_000))
    const seen: number[] = []
    for await (const record of stream) {
      seen.push(record)
      client.close()
    }
    expect([seen, stream.done, stream.offset]).toEqual([[0], true, inside(1, 10_000)])
  })
})

describe('two readers of one stream', () => {
  it('two readers of one stream at different places have each record once, under numbers of their own', () => {
    const { stream: first, socket } = followed()
    socket.frame(records(1, 0, 4))
    const second = client.stream('s', { offset: at(2) })
    expect(socket.takenByNumber()).toEqual([{ type: 'subscribe', sub: 2, stream: 's', offset: at(2) }])
    socket.frame(records(1, 4, 5), subscribed(2, 2), records(2, 2, 6), records(1, 5, 6))
    expect([first.take(), second.take()]).toEqual([numbers(0, 6), numbers(2, 6)])
    const third = client.stream('s')
    socket.frame(records(1, 6, 7), subscribed(3, 0), records(3, 0, 8), end(3, 8))
    expect([first.take(), second.take(), third.take()]).toEqual([[6], [], numbers(0, 8)])
    expect([first.status, second.status, third.status]).toEqual(['running', 'running', 'completed'])
    socket.frame(end(2, 6), records(1, 7, 8), end(1, 8))
    expect([first.take(), first.status, second.status]).toEqual([[7], 'completed', 'completed'])
  })

  it('two readers of one stream at the same place share one number, before and after its answer', () => {
    const first = client.stream('s')
    const second = client.stream('s')
    const socket = network.socket.open()
    const third = client.stream('s', { offset: '-1' })
    socket.frame(subscribed('s', 0))
    const fourth = client.stream('s')
    expect(fourth.status).toBe('running')
    socket.frame(records('s', 0, 2))
    const fifth = client.stream('s', { offset: at(2) })
    expect(socket.taken()).toEqual([{ type: 'subscribe', stream: 's', offset: '-1' }])
    socket.frame(records('s', 2, 3), end('s', 3))
    expect([first, second, third, fourth].map((stream) => stream.take())).toEqual(
      Array.from({ length: 4 }, () => numbers(0, 3)),
    )
    expect([fifth.take(), fifth.status]).toEqual([[2], 'completed'])
  })

  it.each([at(2, 'anotherone'), inside(2, 5), 'now'])(
    'do not share what only looks like the same place, as %s does',
    (offset) => {
      const { socket } = followed()
      socket.frame(records('s', 0, 2))
      client.stream('s', { offset })
      expect(socket.takenByNumber()).toEqual([{ type: 'subscribe', sub: 2, stream: 's', offset }])
    },
  )

  it('two readers of one stream do not take the start for the first place of a log before the server has said so', () => {
    client.stream('s', { offset: at(0) })
    const second = client.stream('s')
    const socket = network.socket.open()
    expect(socket.taken()).toEqual([
      { type: 'subscribe', stream: 's', offset: at(0) },
      { type: 'subscribe', stream: 's', offset: '-1' },
    ])
    // The first five are no longer kept.
    socket.frame(subscribed(2, 5), records(2, 5, 6))
    expect(second.take()).toEqual([5])
  })

  it('when one of two readers of a stream leaves, the other reads on, whether they shared a number or not', () => {
    const { stream: first, socket } = followed()
    const second = client.stream('s')
    first.close()
    expect(socket.taken()).toEqual([])
    socket.frame(records(1, 0, 2))
    expect([first.take(), second.take()]).toEqual([[], [0, 1]])
    const third = client.stream('s')
    socket.frame(subscribed(2, 0))
    second.close()
    expect(socket.takenByNumber()).toEqual([
      { type: 'subscribe', sub: 2, stream: 's', offset: '-1' },
      { type: 'unsubscribe', sub: 1 },
    ])
    // On its way when the server was told.
    socket.frame(records(1, 2, 4), end(1, 4), records(2, 0, 3))
    expect([third.take(), third.status]).toEqual([numbers(0, 3), 'running'])
    third.close()
    expect(socket.takenByNumber()).toEqual([{ type: 'unsubscribe', sub: 2 }])
  })

  it('two readers of one stream that shared a number have two when one of them waits for its records to be taken', () => {
    const { stream: slow, socket } = followed()
    const quick = client.stream<number>('s')
    const undo = quick.subscribe(() => quick.take())
    socket.frame(records(1, 0, 10_000), records(1, 10_000, 10_001))
    expect([slow.take(), quick.offset]).toEqual([numbers(0, 10_000), at(10_001)])
    expect(socket.takenByNumber()).toEqual([{ type: 'subscribe', sub: 2, stream: 's', offset: at(10_000) }])
    undo()
  })

  it('two readers of one stream go on from their places together on the next connection', async () => {
    const { stream: first, socket } = followed()
    const shared = client.stream('s')
    socket.frame(records(1, 0, 4))
    const second = client.stream('s', { offset: at(1) })
    socket.frame(subscribed(2, 1), records(2, 1, 3))
    const next = await reconnected()
    expect(next.takenByNumber()).toEqual([
      { type: 'subscribe', sub: 1, stream: 's', offset: at(4) },
      { type: 'subscribe', sub: 2, stream: 's', offset: at(3) },
    ])
    next.frame(subscribed(1, 4), subscribed(2, 3), records(2, 3, 5), records(1, 4, 5), end(1, 5), end(2, 5))
    expect([first.take(), shared.take(), second.take()]).toEqual([
      numbers(0, 5),
      numbers(0, 5),
      numbers(1, 5),
    ])
    expect([first.status, shared.status, second.status]).toEqual(['completed', 'completed', 'completed'])
  })

  it('two readers of one stream do not answer for the offset of the other', () => {
    const { stream: first, socket } = followed()
    socket.frame(records('s', 0, 3))
    const second = client.stream('s', { offset: at(1, 'anotherone') })
    socket.frame({ type: 'error', sub: 2, code: 'offset_lost', message: '' }, records(1, 3, 4))
    expect([first.status, second.status]).toEqual(['running', 'error'])
    expect(first.take()).toEqual(numbers(0, 4))
  })

  it('two readers of one stream follow each other without a mix-up when one is left before it was answered', () => {
    const first = client.stream('s')
    network.socket.open()
    const { socket } = network
    first.close()
    const second = client.stream('s', { offset: 'now' })
    expect(socket.takenByNumber()).toEqual([
      { type: 'subscribe', sub: 1, stream: 's', offset: '-1' },
      { type: 'unsubscribe', sub: 1 },
      { type: 'subscribe', sub: 2, stream: 's', offset: 'now' },
    ])
    socket.frame(subscribed(1, 0), records(1, 0, 3), subscribed(2, 3), records(2, 3, 4))
    expect(second.take()).toEqual([3])
  })

  it('two readers of one stream that are told the end, or why there is none, may be followed by a third at once', () => {
    const { stream: first, socket } = followed()
    client.stream('s')
    let third: RemoteStream<number> | undefined
    const undo = first.subscribe(() => {
      undo()
      third = client.stream<number>('s', { offset: first.offset })
    })
    socket.frame({ type: 'error', sub: 1, code: 'internal_error', message: '' })
    expect(third?.status).toBe('connecting')
    expect(socket.takenByNumber()).toEqual([{ type: 'subscribe', sub: 2, stream: 's', offset: at(0) }])
    const again = third?.subscribe(() => {
      again?.()
      client.stream('s', { offset: at(0) })
    })
    socket.frame(subscribed(2, 0), end(2, 0))
    expect(third?.status).toBe('completed')
  })

  it('two readers of one stream cost nothing when both are left before the connection', () => {
    client.stream('s').close()
    client.stream('s', { offset: 'now' }).close()
    network.socket.open()
    expect(network.socket.taken()).toEqual([])
  })

  it('two readers of one stream come and go by the thousand, and none is asked for again', async () => {
    const { socket } = followed()
    for (let times = 0; times < 3000; times++) {
      const streams = [client.stream('s', { offset: 'now' }), client.stream(`t${times}`)]
      if (times % 3 === 0) socket.frame(subscribed('s', 0), subscribed(`t${times}`, 0))
      for (const stream of streams) stream.close()
    }
    const frames = socket.takenByNumber()
    const subs = (type: string): unknown[] =>
      frames.flatMap((frame) => (frame.type === type && 'sub' in frame ? [frame.sub] : []))
    expect([subs('subscribe').length, new Set(subs('subscribe')).size]).toEqual([6000, 6000])
    expect(subs('unsubscribe')).toEqual(subs('subscribe'))
    const next = await reconnected()
    expect(next.takenByNumber()).toEqual([{ type: 'subscribe', sub: 1, stream: 's', offset: at(0) }])
  })
})

describe('many streams', () => {
  it('many streams share one socket, and go on together on the next one', async () => {
    const streams = numbers(0, 50).map((id) => client.stream<number>(`s${id}`))
    expect(network.sockets).toHaveLength(1)
    const socket = network.socket.open()
    for (const { id } of streams) socket.frame(subscribed(id, 0), records(id, 0, 2))
    const next = await reconnected()
    expect(next.taken()).toEqual(streams.map(({ id }) => ({ type: 'subscribe', stream: id, offset: at(2) })))
    for (const { id } of streams) next.frame(subscribed(id, 2), records(id, 2, 3), end(id, 3))
    for (const stream of streams) expect(stream.take()).toEqual([0, 1, 2])
  })
})

describe('a command', () => {
  it('a command starts a run, and follows it', async () => {
    const started = client.start({ prompt: 'Hello' }, { chat: 'c', id: 'r1' })
    const socket = network.socket.open()
    expect(socket.taken()).toEqual([
      { type: 'start', req: '1', id: 'r1', chat: 'c', input: { prompt: 'Hello' } },
    ])
    socket.frame({ type: 'started', req: '1', stream: 'r1' })
    expect(await started).toMatchObject({ id: 'r1', status: 'connecting' })
    expect(socket.taken()).toEqual([{ type: 'subscribe', stream: 'r1', offset: '-1' }])
  })

  it('a command is sent again on the next connection, with the same random id', async () => {
    const started = client.start('a')
    const [first] = network.socket.open().taken() as [StartFrame]
    expect(first.id).toMatch(/^\d+-\d+-\d+-\d+$/)
    const next = await reconnected()
    expect(next.taken()).toEqual([first])
    next.frame({ type: 'started', req: '1', stream: 'elsewhere' })
    expect((await started).id).toBe('elsewhere')
    const third = await reconnected()
    expect(third.taken()).toEqual([{ type: 'subscribe', stream: 'elsewhere', offset: '-1' }])
    const other = client.start('a')
    const [second] = third.taken() as [StartFrame]
    expect(second.id).not.toBe(first.id)
    client.close()
    await expect(other).rejects.toMatchObject({ code: 'closed' })
  })

  it('a command is sent once when it is given while others are told of the connection', () => {
    let stopped: Promise<unknown> | undefined
    client.subscribe(() => {
      if (client.state === 'connected') stopped = client.stop('s').catch(() => undefined)
    })
    client.stream('s')
    const socket = network.socket.open()
    expect(socket.taken().filter(({ type }) => type === 'stop')).toHaveLength(1)
    expect(stopped).toBeDefined()
  })

  it('a command stops a run, also one that it does not follow', async () => {
    const { stream, socket } = followed()
    const stopped = [stream.stop(), client.stop('other')]
    expect(socket.taken()).toEqual([
      { type: 'stop', req: '1', stream: 's' },
      { type: 'stop', req: '2', stream: 'other' },
    ])
    socket.frame({ type: 'stopped', req: '2', stream: 'other', status: 'completed' })
    socket.frame({ type: 'stopped', req: '1', stream: 's', status: 'stopped' })
    expect(await Promise.all(stopped)).toEqual(['stopped', 'completed'])
    expect(stream.status).toBe('running')
  })

  it('a command that was one too many tells when the next one may come', async () => {
    const started = client.start('x')
    network.socket.open().frame({
      type: 'error',
      req: '1',
      code: 'too_many_starts',
      message: 'Too many.',
      retryAfter: 12,
    })
    await expect(started).rejects.toMatchObject({ code: 'too_many_starts', retryAfter: 12 })
  })

  it('a command rejects as the server refuses it', async () => {
    const stopped = client.stop('s')
    const frame = { type: 'error', req: '1', code: 'stream_not_found', message: 'Not there' } as const
    network.socket.open().frame(frame)
    await expect(stopped).rejects.toMatchObject({
      name: 'StreamError',
      code: 'stream_not_found',
      message: 'Not there',
    })
  })

  it('a command waits for the next server where one goes down', async () => {
    const started = client.start('a', { id: 'r' })
    network.socket.open().frame({ type: 'error', req: '1', code: 'runs_closed', message: '' })
    const next = await reconnected()
    expect(next.taken()).toMatchObject([{ type: 'start', id: 'r' }])
    next.frame({ type: 'started', req: '1', stream: 'r' })
    expect((await started).id).toBe('r')
  })

  it.each([1007, 1009])(
    'a command is not sent for ever to a server that cannot read it (%i)',
    async (code) => {
      const { stream } = followed()
      const started = client.start('x'.repeat(100))
      network.socket.cut(code)
      await expect(started).rejects.toMatchObject({ code: 'refused' })
      await vi.advanceTimersByTimeAsync(500)
      expect(network.socket.open().taken()).toEqual([{ type: 'subscribe', stream: 's', offset: at(0) }])
      expect(stream.error).toBeUndefined()
    },
  )
})

describe('a client', () => {
  it('a client takes the addresses of a page and whole ones', () => {
    const urls = ['http://server/ws', 'https://server/ws', 'wss://server/ws?a=1'].map((url) => {
      const one = connect(url, { webSocket: network.connect, http: false })
      one.stream('s')
      one.close()
      return network.socket.url
    })
    expect(urls).toEqual(['ws://server/ws', 'wss://server/ws', 'wss://server/ws?a=1'])
    vi.stubGlobal('location', { href: 'https://page/chat/1?x' })
    const one = connect('/ws', { webSocket: network.connect })
    one.stream('s')
    one.close()
    vi.unstubAllGlobals()
    expect(network.socket.url).toBe('wss://page/ws')
  })

  it('a client says how its connection is', async () => {
    const states: string[] = []
    const undo = client.subscribe(() => states.push(client.state))
    client.stream('s')
    await reconnected()
    network.socket.frame({ type: 'pong' })
    undo()
    client.close()
    expect(states).toEqual(['connecting', 'reconnecting', 'connected'])
    expect(client.state).toBe('closed')
  })

  it('a client ends what waits for a start when it is closed, or left', async () => {
    const starting = client.start(1, { id: 'r' })
    const [left, waiting] = [client.stream('r'), client.stream('r')]
    left.close()
    client.close()
    await expect(starting).rejects.toMatchObject({ code: 'closed' })
    await vi.advanceTimersByTimeAsync(0)
    expect([left.done, waiting.done]).toEqual([true, true])
    const sent = network.sockets.flatMap((socket) => socket.sent.map(({ type }) => type))
    expect(sent).not.toContain('subscribe')
  })

  it('a client does nothing more once it is closed', async () => {
    const { stream, socket } = followed()
    const stopped = stream.stop()
    client.close()
    client.close()
    expect(socket.state).toBe('closed')
    expect(stream).toMatchObject({ status: 'running', done: true })
    const closed = { name: 'StreamError', code: 'closed' }
    await expect(stopped).rejects.toMatchObject(closed)
    await expect(client.start(1)).rejects.toMatchObject(closed)
    await expect(client.stop('s')).rejects.toMatchObject(closed)
    expect(() => client.stream('s')).toThrow(StreamError)
    expect(network.sockets).toHaveLength(1)
  })

  it('a client lets go of streams that ended, so that its connection ends at its first silence', async () => {
    const { socket } = followed()
    socket.frame(end('s', 0))
    await vi.advanceTimersByTimeAsync(25_000)
    expect([client.state, socket.state]).toEqual(['idle', 'closed'])
    client.stream('t')
    expect(network.sockets).toHaveLength(2)
  })

  it('a client is not harmed by a listener that throws', () => {
    const { stream, socket } = followed()
    const thrown: unknown[] = []
    vi.stubGlobal('queueMicrotask', (run: () => void) => {
      try {
        run()
      } catch (error) {
        thrown.push(error)
      }
    })
    let told = 0
    const fault = new Error('of the listener')
    const undoThrowing = stream.subscribe(() => {
      throw fault
    })
    const undo = stream.subscribe(() => told++)
    socket.frame(records('s', 0, 1))
    undo()
    socket.frame(records('s', 1, 2))
    undoThrowing()
    vi.unstubAllGlobals()
    expect([told, thrown]).toEqual([1, [fault, fault]])
    expect(stream.take()).toEqual([0, 1])
  })
})
