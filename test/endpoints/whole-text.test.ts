/** HS-8: text whose UTF-8 a writer, or the size of a record, cuts inside a character. */
import { Buffer } from 'node:buffer'
import { expect, it } from 'vitest'
import { memoryChannels } from '../../src/channels/memory/layer.ts'
import { Delivery } from '../../src/delivery/delivery.ts'
import { recordsIn } from '../../src/endpoints/http/writes/record-body.ts'
import { silentLogger } from '../../src/logging/logger.ts'
import { encodeOffset } from '../../src/protocol/offset.ts'
import { durableStreams } from '../../src/routing/stream-routes.ts'
import { Application } from '../../src/server/application.ts'
import { memory } from '../../src/streams/memory/store.ts'
import { DEFAULT_LIMITS } from '../../src/streams/bookkeeping/requests.ts'
import type { StreamStore } from '../../src/streams/store.ts'

interface Setup {
  readonly store: StreamStore
  readonly get: (query: string) => Promise<Response>
  readonly append: (...bytes: number[]) => Promise<void>
}

async function setUp(contentType = 'text/plain'): Promise<Setup> {
  const store = memory()
  const delivery = new Delivery({ store, minWindowMs: 0, maxWindowMs: 0 })
  const routes = [durableStreams('/', { store, delivery })]
  const application = new Application({ routes, channels: memoryChannels(), logger: silentLogger })
  await store.create('s', { contentType })
  return {
    store,
    get: (query) => application.fetch(new Request(`http://testserver/s?${query}`)),
    append: async (...bytes) => void (await store.append('s', { records: [Uint8Array.from(bytes)] })),
  }
}

interface Event {
  readonly text: string
  readonly next: string
  readonly closed: boolean
}

/** The events in a part of an event stream. */
function eventsIn(part: string): Event[] {
  const pattern = /event: data\n((?:data:.*\n)+)\nevent: control\ndata:(.*)\n\n/g
  return Array.from(part.matchAll(pattern), ([, data = '', control = '']) => {
    const { streamNextOffset, streamClosed } = JSON.parse(control) as Record<string, unknown>
    const lines = data.slice(0, -1).split('\n')
    const text = lines.map((line) => line.slice('data:'.length)).join('\n')
    return { text, next: streamNextOffset as string, closed: streamClosed === true }
  })
}

function textOf(events: readonly Event[]): string {
  return events.map(({ text }) => text).join('')
}

const TEXT = 'a€b😀é\nß'

it('a follower is given whole characters, whoever cut them, and places that lie between them', async () => {
  const { get, append } = await setUp()
  const body = (await get('offset=now&live=sse')).body as ReadableStream<Uint8Array<ArrayBuffer>>
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  const events: Event[] = []
  const take = async (): Promise<void> => {
    const { value = '' } = await reader.read()
    events.push(...eventsIn(value))
  }
  await take()
  for (const byte of Buffer.from(TEXT)) {
    await append(byte)
    await take()
  }
  expect(events.map(({ text }) => text)).toEqual(Array.from(TEXT))
  for (const [index, { next }] of events.entries()) {
    const rest = await (await get(`offset=${next}`)).text()
    expect(textOf(events.slice(0, index + 1)) + rest).toBe(TEXT)
  }
  await reader.cancel()
})

it('a character that never becomes whole is sent with the end, or as soon as that is known', async () => {
  const { store, get, append } = await setUp()
  await append(0x61, 0xe2)
  await append(0x82)
  const offset = encodeOffset({ position: 0, stamp: '0' })
  const follow = await get(`offset=${offset}&live=sse`)
  await append(0x62)
  await append(0xff, 0xf0, 0x9f)
  await store.append('s', { close: true })
  const events = eventsIn(await follow.text())
  expect(textOf(events)).toBe(Buffer.from([0x61, 0xe2, 0x82, 0x62, 0xff, 0xf0, 0x9f]).toString())
})

it('one that the close leaves unfinished is sent before the end is told', async () => {
  const { store, get, append } = await setUp()
  const reader = ((await get('offset=now&live=sse')).body as ReadableStream<Uint8Array>).getReader()
  const take = async (): Promise<string> => Buffer.from((await reader.read()).value ?? []).toString()
  await take()
  await append(0xe2, 0x82)
  expect(await take()).toBe(':\n\n')
  await store.append('s', { close: true })
  const last = await take()
  expect(textOf(eventsIn(last))).toBe('\ufffd')
  expect(last).toMatch(/"streamClosed":true\}\n\n$/)
})

it('HS-32: a body that is more than a record is cut between characters of text', () => {
  const limits = { ...DEFAULT_LIMITS, recordBytes: 8 }
  const body = Buffer.from('abcdefg€hij😀kl😀😀')
  const records = recordsIn(body, 'text/plain; charset=utf-8', limits) as Uint8Array[]
  expect(records.map((record) => Buffer.from(record).toString())).toEqual(['abcdefg', '€hij', '😀kl', '😀😀'])
  const bytes = recordsIn(body, 'application/octet-stream', limits) as Uint8Array[]
  expect(bytes.map(({ length }) => length)).toEqual([8, 8, 8, 3])
  const garbage = recordsIn(Buffer.alloc(20, 0x80), 'text/plain', limits) as Uint8Array[]
  expect(garbage.map(({ length }) => length)).toEqual([8, 8, 4])
})
