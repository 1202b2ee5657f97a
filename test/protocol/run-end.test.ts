import { expect, it } from 'vitest'
import type { Json } from '../../src/protocol/json.ts'
import { encodeRunEnd, readRunEnd } from '../../src/protocol/run-end.ts'
import type { RunEnd } from '../../src/protocol/run-end.ts'

it.each<[RunEnd, string]>([
  [{ status: 'completed' }, '{"type":"millrace.end","status":"completed"}'],
  [{ status: 'stopped' }, '{"type":"millrace.end","status":"stopped"}'],
  [
    { status: 'failed', reason: 'silent', message: 'Nothing came.' },
    '{"type":"millrace.end","status":"failed","reason":"silent","message":"Nothing came."}',
  ],
])('%j is written as one record, and read from it', (end, text) => {
  expect(encodeRunEnd(end)).toBe(text)
  expect(readRunEnd(JSON.parse(text) as Json)).toEqual(end)
})

it.each<Json>([
  null,
  'millrace.end',
  [],
  {},
  { type: 'millrace.end' },
  { type: 'millrace.end', status: 'running' },
  { type: 'response.completed', status: 'completed' },
])('%j is no end', (record) => {
  expect(readRunEnd(record)).toBeUndefined()
})

it('leaves out what is not text', () => {
  expect(readRunEnd({ type: 'millrace.end', status: 'failed', reason: 7, message: null })).toEqual({
    status: 'failed',
  })
})
