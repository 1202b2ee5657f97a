/** What a reader is told whose records were trimmed before it had them, and how it goes on. */
import { expect, it } from 'vitest'
import { type StreamError, connect } from '../../src/client/index.ts'
import { encodeOffset } from '../../src/protocol/offset.ts'
import { memory } from '../../src/streams/memory/store.ts'
import { StreamInbox } from '../../src/streams/watching.ts'
import type { StreamStore } from '../../src/streams/store.ts'
import type { StreamEvent, WatchListener } from '../../src/streams/watching.ts'
import { teller } from '../delivery/told-store.ts'
import { startStreams } from './streams-server.ts'

const endpoints = [
  ['the stream socket', 'ws'],
  ['HTTP', 'http'],
] as const

function open(port: number, endpoint: 'ws' | 'http'): ReturnType<typeof connect> {
  return endpoint === 'ws'
    ? connect(`ws://127.0.0.1:${port}/ws`)
    : connect(`ws://127.0.0.1:${port}/ws`, {
        http: '/streams',
        webSocket: () => new WebSocket('ws://127.0.0.1:1'),
      })
}

/** A store in whose stream the test tells what is told, to whoever watches it first. */
function toldFirst(store: StreamStore): { store: StreamStore; tell: (event: StreamEvent) => void } {
  let tell: ((event: StreamEvent) => void) | undefined
  const watch: StreamStore['watch'] = (id: string, listener: WatchListener, signal) => {
    if (id !== 's' || tell || !(listener instanceof StreamInbox)) return store.watch(id, listener, signal)
    tell = teller(listener)
    return store.watch(id, () => {}, signal)
  }
  const wrapped = new Proxy(store, {
    get(of, name: keyof StreamStore) {
      if (name === 'watch') return watch
      const member = of[name]
      return typeof member === 'function' ? member.bind(of) : member
    },
  })
  return { store: wrapped, tell: (event) => tell?.(event) }
}

async function readAll(stream: AsyncIterable<unknown>): Promise<{ records: unknown[]; error: unknown }> {
  const records: unknown[] = []
  try {
    for await (const record of stream) records.push(record)
  } catch (error) {
    return { records, error }
  }
  return { records, error: undefined }
}

for (const [name, endpoint] of endpoints) {
  it(`comes back to a place that was trimmed, by ${name}, and goes on at the first`, async () => {
    await using server = await startStreams()
    const { store } = server
    await server.append('s', 1, 2, 3, 4, 5)
    const two = await store.read('s', { position: 2 })
    const offset = two.outcome === 'page' ? encodeOffset(two.from) : expect.fail()
    const trimmed = await store.trim('s', { position: 3 })
    await store.append('s', { close: true })
    const client = open(server.port, endpoint)
    const late = await readAll(client.stream('s', { offset }))
    expect(late.records).toEqual([])
    expect(late.error).toMatchObject({
      code: 'offset_trimmed',
      first: trimmed.outcome === 'trimmed' && encodeOffset(trimmed.first),
    })
    const { first = '' } = late.error as StreamError
    expect(await readAll(client.stream('s', { offset: first }))).toEqual({
      records: [4, 5],
      error: undefined,
    })
    expect(await readAll(client.stream('s'))).toEqual({ records: [4, 5], error: undefined })
    client.close()
  })

  it(`is overtaken by a trim while it follows, by ${name}, and told from where it can go on`, async () => {
    const { store, tell } = toldFirst(memory())
    await using server = await startStreams(store)
    await server.append('s', 1, 2)
    const client = open(server.port, endpoint)
    const following = client.stream('s')
    const records = following[Symbol.asyncIterator]()
    expect([await records.next(), await records.next()]).toMatchObject([{ value: 1 }, { value: 2 }])
    // As another process does it before this one has looked.
    await server.append('s', 3, 4, 5)
    await store.trim('s', { position: 4 })
    await store.append('s', { close: true })
    tell({ type: 'gone', reason: 'trimmed' })
    const error = await records.next().then(
      () => undefined,
      (caught: unknown) => caught as StreamError,
    )
    expect(error).toMatchObject({ code: 'offset_trimmed' })
    expect(await readAll(client.stream('s', { offset: error?.first ?? '' }))).toEqual({
      records: [5],
      error: undefined,
    })
    client.close()
  })
}
