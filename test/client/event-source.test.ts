import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { serverSentEvents } from '../../src/client/http/event-source.ts'
import { collect } from '../support/collect.ts'

/** A body that comes in these pieces. */
function body(pieces: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece)
      controller.close()
    },
  })
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
const read = (...texts: string[]) => collect(serverSentEvents(body(texts.map(encode)), () => {}))

describe('server-sent events', () => {
  it.each([
    ['an event', 'event: data\ndata: [1]\n\n', [{ event: 'data', data: '[1]' }]],
    ['one without a name', 'data: x\n\n', [{ event: 'message', data: 'x' }]],
    ['several lines of data', 'data: a\ndata: b\ndata\n\n', [{ event: 'message', data: 'a\nb' }]],
    [
      'no space, and more than one',
      'data:a\n\ndata:  b\n\n',
      ['a', ' b'].map((data) => ({ event: 'message', data })),
    ],
    [
      'every kind of line end',
      'data: a\r\n\r\ndata: b\r\rdata: c\n\n',
      ['a', 'b', 'c'].map((data) => ({ event: 'message', data })),
    ],
    [
      'comments, ids and unknown fields',
      ':\n: x\nid: 7\nfoo: bar\ndata: a\n\n',
      [{ event: 'message', data: 'a' }],
    ],
    ['a name without data, which is no event', 'event: a\n\ndata: b\n\n', [{ event: 'message', data: 'b' }]],
    ['an event that is cut off', 'data: a\n\ndata: b\n', [{ event: 'message', data: 'a' }]],
    ['when to come back', 'retry: 1500\n\n', [{ event: 'retry', data: '1500' }]],
    ['a byte order mark', '\uFEFFdata: a\n\n', [{ event: 'message', data: 'a' }]],
  ])('server-sent events are read: %s', async (_what, text, events) => {
    expect(await read(text)).toEqual(events)
  })

  it('server-sent events are the same wherever the network cuts them', async () => {
    const text = ': hello\r\nevent: data\r\ndata: ["ü€😀"]\r\n\r\nevent: control\rdata: {}\r\rdata: x\n\n'
    const whole = await read(text)
    expect(whole).toHaveLength(3)
    const bytes = encode(text)
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.nat(bytes.length)), async (cuts) => {
        const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length]
        const pieces = places.slice(1).map((end, index) => bytes.slice(places[index], end))
        expect(await collect(serverSentEvents(body(pieces), () => {}))).toEqual(whole)
      }),
    )
  })

  it('server-sent events tell of every sign of life', async () => {
    let signs = 0
    await collect(serverSentEvents(body([':\n\n', ':\n\n', 'data: a\n'].map(encode)), () => signs++))
    expect(signs).toBe(3)
  })

  it('server-sent events let go of the body when they are left', async () => {
    let cancelled = false
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(encode('data: a\n\n')),
      cancel: () => void (cancelled = true),
    })
    for await (const { data } of serverSentEvents(endless, () => {})) if (data === 'a') break
    expect(cancelled).toBe(true)
  })

  it('server-sent events are none without a body', async () => {
    expect(await collect(serverSentEvents(null, () => {}))).toEqual([])
  })
})
