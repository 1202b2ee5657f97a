import { Buffer } from 'node:buffer'
import { expect, it } from 'vitest'
import { readMessage } from '../../../../src/streams/redis/following/live-message.ts'

const append = { type: 'append', incarnation: 'abc', from: 2, closed: false, stamp: '7' }

it('reads records of text and of bytes', () => {
  const text = ['"ü\n"', '{"a": 1}']
  const head = 'append abc 2 4 0 7 json 0 5,8\n'
  expect(readMessage(Buffer.from(head + text.join('')))).toEqual({ ...append, next: 4, records: text })
  const bytes = Uint8Array.of(0, 10, 255)
  const message = Buffer.concat([Buffer.from('append abc 2 3 0 7 bytes 0 3\n'), bytes])
  expect(readMessage(message)).toEqual({ ...append, next: 3, records: [bytes] })
})

it('reads a close, and an append that was too large to be published', () => {
  const closed = { ...append, next: 2, closed: true, records: [] }
  expect(readMessage(Buffer.from('append abc 2 2 1 7 json 0 \n'))).toEqual(closed)
  const large = { ...append, next: 3, records: undefined }
  expect(readMessage(Buffer.from('append abc 2 3 0 7 json 0 \n'))).toEqual(large)
})

it('reads what a stream was closed with, before the records', () => {
  const end = '{"message":"ü\\n"}'
  const head = `append abc 2 4 1 7 json ${Buffer.byteLength(end)} 1,1\n`
  const closed = { ...append, next: 4, closed: true, end: { message: 'ü\n' } }
  expect(readMessage(Buffer.from(`${head}${end}12`))).toEqual({ ...closed, records: ['1', '2'] })
  const large = `append abc 2 4 1 7 json ${Buffer.byteLength(end)} \n${end}`
  expect(readMessage(Buffer.from(large))).toEqual({ ...closed, records: undefined })
})

it('reads that a stream is gone', () => {
  for (const reason of ['deleted', 'expired', 'lost']) {
    expect(readMessage(Buffer.from(`gone abc ${reason}`))).toEqual({
      type: 'gone',
      incarnation: 'abc',
      reason,
    })
  }
})

it.each(['look', '', 'append', 'hello world\n', 'append abc\n', '{"type":"append"}'])(
  'takes %j as a reason to look',
  (text) => {
    expect(readMessage(Buffer.from(text))).toEqual({ type: 'look' })
  },
)
