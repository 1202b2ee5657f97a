import { expect, it } from 'vitest'
import type { Json } from '../../src/protocol/json.ts'
import { readRunEnd, writeRunEnd } from '../../src/protocol/run-end.ts'
import type { RunEnd } from '../../src/protocol/run-end.ts'

it.each<RunEnd>([
  { status: 'completed' },
  { status: 'stopped' },
  { status: 'failed', reason: 'silent', message: 'Nothing came.' },
])('%j is read from what a stream is closed with, as it was written', (end) => {
  expect(writeRunEnd(end)).toStrictEqual(end)
  expect(readRunEnd(writeRunEnd(end))).toStrictEqual(end)
})

it.each<Json | undefined>([
  undefined,
  null,
  'completed',
  [],
  {},
  { status: 'running' },
  { status: 1 },
  { type: 'completed' },
])('%j is no end of a run', (end) => {
  expect(readRunEnd(end)).toBeUndefined()
})

it('leaves out what is not text', () => {
  const end = { status: 'failed', reason: 7, message: null, more: 1 }
  expect(readRunEnd(end)).toStrictEqual({ status: 'failed' })
})
