import { describe, expect, it } from 'vitest'
import { parseFrame } from '../../web/src/frame.ts'

describe('parseFrame', () => {
  it('reads a line, with and without a request', () => {
    expect(parseFrame('{"message":"Number 0"}')).toEqual({ kind: 'line', id: undefined, text: 'Number 0' })
    expect(parseFrame('{"id":"a","message":"Number 0"}')).toEqual({ kind: 'line', id: 'a', text: 'Number 0' })
  })

  it('reads a piece of text, an empty one too', () => {
    expect(parseFrame('{"id":"a","delta":"Hel"}')).toEqual({ kind: 'piece', id: 'a', text: 'Hel' })
    expect(parseFrame('{"id":"a","delta":""}')).toEqual({ kind: 'piece', id: 'a', text: '' })
  })

  it.each(['running', 'completed', 'stopped'])('reads the status %s', (status) => {
    expect(parseFrame(JSON.stringify({ id: 'a', status }))).toEqual({ kind: status, id: 'a' })
  })

  it('reads a failure with its reason', () => {
    const frame = { id: 'a', status: 'failed', reason: 'The model is overloaded.' }
    expect(parseFrame(JSON.stringify(frame))).toEqual({
      kind: 'failed',
      id: 'a',
      reason: 'The model is overloaded.',
    })
  })

  it.each([undefined, null, 7, '', '  ', { text: 'x' }])(
    'says so when a failure has no reason but %j',
    (reason) => {
      expect(parseFrame(JSON.stringify({ id: 'a', status: 'failed', reason }))).toEqual({
        kind: 'failed',
        id: 'a',
        reason: 'The server gave no reason.',
      })
    },
  )

  it('passes over fields it does not know', () => {
    expect(parseFrame('{"id":"a","delta":"x","offset":"7","seq":1}')).toEqual({
      kind: 'piece',
      id: 'a',
      text: 'x',
    })
  })

  it.each([
    '',
    'Number 0',
    '{',
    'null',
    '7',
    '"message"',
    '[]',
    '["message"]',
    '{}',
    '{"message":1}',
    '{"message":{"toString":"x"}}',
    '{"id":7,"message":"x"}',
    '{"id":null,"message":"x"}',
    '{"delta":"of no request"}',
    '{"status":"completed"}',
    '{"id":"a","status":"exploded"}',
    '{"id":"a","status":["completed"]}',
    '{"__proto__":{"message":"x"}}',
    '['.repeat(200_000),
  ])('refuses %.40s', (text) => {
    expect(parseFrame(text)).toBeUndefined()
  })

  it('refuses what is not text', () => {
    expect(parseFrame(new Uint8Array([123, 125]))).toBeUndefined()
    expect(parseFrame({ message: 'x' })).toBeUndefined()
    expect(parseFrame(undefined)).toBeUndefined()
  })
})
