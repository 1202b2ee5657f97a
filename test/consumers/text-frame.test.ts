import { expect, it } from 'vitest'
import type { Writable } from 'node:stream'
import * as ws from 'ws'
import { TextFrame } from '../../src/consumers/text-frame.ts'

/** The published types leave it out. */
const { Receiver } = ws as unknown as { Receiver: new (options: { isServer: boolean }) => Writable }

it.each([0, 1, 125, 126, 65_535, 65_536, 200_000])(
  'frames %i characters as a WebSocket reads them',
  (length) => {
    const text = 'x'.repeat(length)
    const frame = TextFrame.of(text)
    const received: unknown[] = []
    const receiver = new Receiver({ isServer: false })
    receiver.on('message', (data: Buffer, isBinary: boolean) => received.push(data.toString(), isBinary))
    receiver.write(frame.bytes)
    expect(received).toEqual([text, false])
    expect(frame.text).toBe(text)
  },
)

it('counts bytes, not characters', () => {
  const text = '€'.repeat(100)
  expect(TextFrame.of(text).text).toBe(text)
  expect(TextFrame.of(text).bytes).toHaveLength(304)
})

it.each([0, 1, 100, 126, 65_536])('puts %i bytes between a text and its end', (length) => {
  const body = Buffer.from('é'.repeat(length))
  const frame = TextFrame.of('{"é":[', body, ']}')
  const whole = `{"é":[${'é'.repeat(length)}]}`
  expect(frame.text).toBe(whole)
  expect(frame.bytes.equals(TextFrame.of(whole).bytes)).toBe(true)
  body.fill(0)
  expect(frame.text, 'a copy').toBe(whole)
})

it.each([
  [10, false],
  [20_000, true],
])('makes a message with another begin, of whose %i bytes it shares what is large: %s', (length, shares) => {
  const first = TextFrame.of('{"n":1,"é":[', Buffer.from('é'.repeat(length / 2)), ']}')
  const other = first.startingWith('{"n":123,', '{"n":1,'.length)
  const whole = `{"n":123,"é":[${'é'.repeat(length / 2)}]}`
  expect(other.text).toBe(whole)
  expect(Buffer.concat([other.bytes, ...(other.rest ? [other.rest] : [])])).toEqual(TextFrame.of(whole).bytes)
  expect(other.rest?.buffer === first.bytes.buffer).toBe(shares)
})
