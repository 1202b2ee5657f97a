import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Json } from '../../src/protocol/json.ts'
import { readClientFrame, readServerFrame } from '../../src/protocol/stream-frames.ts'

describe('what a client sends', () => {
  it.each<Json>([
    { type: 'ping' },
    { type: 'subscribe', sub: 1, stream: '!'.repeat(512) },
    { type: 'subscribe', sub: 2_147_483_647, stream: 's', offset: 'now' },
    { type: 'unsubscribe', sub: 7 },
    { type: 'stop', stream: 's', req: '1' },
    { type: 'start', req: '1', input: null },
    { type: 'start', req: '1', input: { a: [1] }, chat: 'c', id: 'i' },
    { type: 'start', req: '1', kind: 'answer', input: null },
  ])('is read: %j', (frame) => {
    expect(readClientFrame(frame)).toEqual(frame)
  })

  it('loses the fields that nobody knows (SS-4)', () => {
    expect(readClientFrame({ type: 'subscribe', sub: 3, stream: 's', more: 1 })).toEqual({
      type: 'subscribe',
      sub: 3,
      stream: 's',
    })
  })

  it.each<[Json, object]>([
    [null, { code: 'invalid_frame' }],
    [[], { code: 'invalid_frame' }],
    ['ping', { code: 'invalid_frame' }],
    [{}, { code: 'unknown_type' }],
    [
      { type: 'shout', req: '7', sub: 1 },
      { code: 'unknown_type', req: '7' },
    ],
    [{ type: 'subscribe', stream: 's' }, { code: 'invalid_frame' }],
    [{ type: 'subscribe', sub: 0, stream: 's' }, { code: 'invalid_frame' }],
    [{ type: 'subscribe', sub: 2_147_483_648, stream: 's' }, { code: 'invalid_frame' }],
    [{ type: 'unsubscribe' }, { code: 'invalid_frame' }],
    [{ type: 'unsubscribe', sub: '1' }, { code: 'invalid_frame' }],
    [
      { type: 'subscribe', sub: 1 },
      { code: 'invalid_frame', sub: 1 },
    ],
    [
      { type: 'subscribe', sub: 1, stream: '' },
      { code: 'invalid_frame', sub: 1 },
    ],
    [
      { type: 'subscribe', sub: 1, stream: 'a b' },
      { code: 'invalid_frame', sub: 1 },
    ],
    [
      { type: 'subscribe', sub: 1, stream: 'x'.repeat(513) },
      { code: 'invalid_frame', sub: 1 },
    ],
    [
      { type: 'subscribe', sub: 1, stream: 's', offset: 7 },
      { code: 'invalid_frame', sub: 1 },
    ],
    [{ type: 'stop', stream: 's' }, { code: 'invalid_frame' }],
    [
      { type: 'stop', req: '1' },
      { code: 'invalid_frame', req: '1' },
    ],
    [{ type: 'start', input: 1 }, { code: 'invalid_frame' }],
    [
      { type: 'start', req: '1', kind: '', input: 1 },
      { code: 'invalid_frame', req: '1' },
    ],
    [
      { type: 'start', req: '1', kind: 'k'.repeat(65), input: 1 },
      { code: 'invalid_frame', req: '1' },
    ],
    [
      { type: 'start', req: '1' },
      { code: 'invalid_frame', req: '1' },
    ],
    [{ type: 'start', req: 'x'.repeat(129), input: 1 }, { code: 'invalid_frame' }],
    [
      { type: 'start', req: '1', input: 1, chat: 5 },
      { code: 'invalid_frame', req: '1' },
    ],
    [
      { type: 'start', req: '1', input: 1, id: 'ä' },
      { code: 'invalid_frame', req: '1' },
    ],
  ])('is a fault (SS-3): %j', (value, expected) => {
    expect(readClientFrame(value)).toEqual({
      type: 'fault',
      message: expect.any(String) as string,
      ...expected,
    })
  })

  it('is never more than a fault, whatever it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(readClientFrame(value as Json).type).toBe('fault')
      }),
    )
  })
})

describe('what a server sends', () => {
  it('is read by its type', () => {
    expect(readServerFrame('{"type":"drain","after":2}')).toEqual({ type: 'drain', after: 2 })
  })

  it.each(['{"type":"news"}', 'null', '7', '{}', '{"type'])('is ignored when unknown (SS-4): %s', (text) => {
    expect(readServerFrame(text)).toBeUndefined()
  })
})
