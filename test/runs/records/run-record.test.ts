import { describe, expect, it } from 'vitest'
import { START } from '../../../src/protocol/offset.ts'
import type { Json } from '../../../src/protocol/json.ts'
import { END_REASONS } from '../../../src/runs/end-reasons.ts'
import {
  encodeRunRecord,
  readRunRecord,
  runInfo,
  sizeOfRunRecord,
} from '../../../src/runs/records/run-record.ts'
import type { RunRecord } from '../../../src/runs/records/run-record.ts'
import type { StreamInfo } from '../../../src/streams/stream.ts'

const WHOLE: Required<Omit<RunRecord, 'end'>> = {
  chat: 'c',
  metadata: { a: [1] },
  kind: 'k',
  input: null,
  inputIn: '@input/x',
  restarts: 1,
  asked: 'of',
  retryOf: 'r',
  startedAt: 5,
  attempt: 2,
  attemptAt: 7,
  barren: 1,
}

function stream(metadata: Json | undefined, closed = false, end?: Json): StreamInfo {
  return {
    id: 'r',
    contentType: 'application/json',
    createdAt: 0,
    incarnation: 'abcdefgh',
    first: START,
    tail: { position: 7, stamp: '7' },
    closed,
    ...(metadata !== undefined && { metadata }),
    ...(end !== undefined && { end }),
  }
}

/** As a store gives it back. */
const stored = (record: RunRecord): Json => JSON.parse(JSON.stringify(encodeRunRecord(record))) as Json

describe('the record of a run', () => {
  it('comes back as it was', () => {
    expect(readRunRecord(stream(stored(WHOLE)))).toEqual(WHOLE)
    const least: RunRecord = { startedAt: 5, attempt: 1, attemptAt: 0, barren: 0 }
    expect(readRunRecord(stream(stored(least)))).toEqual(least)
  })

  it.each<[string, Json | undefined]>([
    ['without metadata', undefined],
    ['with other metadata', { title: 'x' }],
    ['whose metadata is a list', [{ run: stored(WHOLE) }]],
    ['whose metadata is a text', 'run'],
    ['with an empty run', { run: {} }],
    ['with a run that is null', { run: null }],
    ['without a start', { run: { attempt: 1 } }],
    ['without an attempt', { run: { startedAt: 1 } }],
    ['with an attempt that is no number', { run: { startedAt: 1, attempt: '1' } }],
  ])('is not read from a stream %s', (_what, metadata) => {
    expect(readRunRecord(stream(metadata))).toBeUndefined()
  })

  it('passes over what is of another type, or unknown', () => {
    const run = {
      startedAt: 1,
      attempt: 1,
      chat: 7,
      inputIn: null,
      new: 1,
    }
    expect(readRunRecord(stream({ run }))).toEqual({
      startedAt: 1,
      attempt: 1,
      attemptAt: 0,
      barren: 0,
    })
  })

  it('of an open stream has no end, whatever its metadata says', () => {
    const run = { ...WHOLE, end: { status: 'failed' }, status: 'failed' }
    expect(readRunRecord(stream({ run }))).not.toHaveProperty('end')
  })

  it.each<Json>([
    { status: 'completed' },
    { status: 'stopped', reason: 'unread', message: 'm' },
    { status: 'failed', reason: 'silent', message: 'm' },
  ])('ended with %j as its stream is closed', (end) => {
    expect(readRunRecord(stream(stored(WHOLE), true, end))).toEqual({ ...WHOLE, end })
    expect(runInfo(stream(undefined), { ...WHOLE, end: end as never })).toMatchObject(end as object)
  })

  it.each<Json | undefined>([undefined, null, 'done', { status: 'running' }, { status: 'sold' }])(
    'of a stream that is closed with %j is one of a run that was interrupted',
    (end) => {
      const { end: found } = readRunRecord(stream(stored(WHOLE), true, end)) ?? {}
      expect(found).toEqual({ reason: 'interrupted', ...END_REASONS.interrupted })
    },
  )

  it('is kept without its end', () => {
    expect(stored({ ...WHOLE, end: { status: 'completed' } })).toEqual(stored(WHOLE))
  })

  it('shows what everybody may know, and neither input nor checkpoint', () => {
    expect(runInfo({ ...stream(undefined), owner: 'ann' }, WHOLE)).toEqual({
      id: 'r',
      owner: 'ann',
      status: 'running',
      chat: 'c',
      metadata: { a: [1] },
      kind: 'k',
      retryOf: 'r',
      startedAt: 5,
      attempt: 2,
      incarnation: 'abcdefgh',
      tail: { position: 7, stamp: '7' },
    })
  })

  it('has a size in bytes', () => {
    const record = { ...WHOLE, metadata: '€' }
    expect(sizeOfRunRecord(record)).toBe(new TextEncoder().encode(JSON.stringify({ run: record })).length)
  })
})
