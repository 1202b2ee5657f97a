import { describe, expect, it } from 'vitest'
import { readRecord } from '../../web/src/record.ts'

describe('readRecord', () => {
  it('reads a line, and a piece of text, an empty one too', () => {
    expect(readRecord({ message: 'Number 0' })).toEqual({ kind: 'line', text: 'Number 0' })
    expect(readRecord({ delta: 'Hel' })).toEqual({ kind: 'text', text: 'Hel' })
    expect(readRecord({ delta: '' })).toEqual({ kind: 'text', text: '' })
  })

  it('passes over fields it does not know', () => {
    expect(readRecord({ delta: 'x', offset: '7' })).toEqual({ kind: 'text', text: 'x' })
  })

  it.each([
    [null],
    [7],
    ['message'],
    [[]],
    [['message']],
    [{}],
    [{ message: 1 }],
    [{ message: { toString: 'x' } }],
    [{ delta: null }],
    [new Uint8Array([123, 125])],
    [undefined],
  ])('passes over %j', (record) => {
    expect(readRecord(record)).toBeUndefined()
  })
})
