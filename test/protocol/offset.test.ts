import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeOffset,
  encodeOffset,
  isAt,
  isStamp,
  OffsetError,
  offsetBefore,
  parsePlace,
  START,
} from '../../src/protocol/offset.ts'

const stamps = fc.stringMatching(/^[0-9a-z]{1,32}$/)
const positions = fc.maxSafeNat()

describe('a token', () => {
  it('is the position in 16 digits, and the stamp', () => {
    expect(encodeOffset({ stamp: 'k3j9x2a1bc', position: 42 })).toBe('0000000000000042_k3j9x2a1bc')
  })

  it('gives back the offset it was made of, and travels in a URL as it is', () => {
    fc.assert(
      fc.property(stamps, positions, positions, (stamp, ...numbers) => {
        const [position, end] = numbers.toSorted((a, b) => a - b) as [number, number]
        const offset = offsetBefore({ stamp, position: end }, position)
        const token = encodeOffset(offset)
        expect(decodeOffset(token)).toEqual(offset)
        expect(encodeURIComponent(token)).toBe(token)
        expect(token.length).toBeLessThan(256)
      }),
    )
  })

  it('sorts as text like the place it names', () => {
    fc.assert(
      fc.property(stamps, stamps, positions, positions, (one, other, a, b) => {
        const x = encodeOffset({ stamp: one, position: a })
        const y = encodeOffset({ stamp: other, position: b })
        if (a !== b) expect(x < y).toBe(a < b)
      }),
    )
  })

  it('lies behind -1 in any order of text', () => {
    expect('-1' < encodeOffset(START)).toBe(true)
  })

  it.each([
    '',
    '0',
    '42_k3j9x2a1bc',
    '0000000000000042',
    '0000000000000042_',
    '0000000000000042_K3J9X2A1BC',
    '0000000000000042_k3j9x2a1bc.',
    '0000000000000042_k3j9x2a1bc.0',
    '0000000000000042_k3j9x2a1bc.02',
    '0000000000000042_k3j9x2a1bc.9007199254740991',
    `0000000000000042_${'x'.repeat(33)}`,
    '000000000000042_k3j9x2a1bc',
    '00000000000000042_k3j9x2a1bc',
    '9007199254740992_k3j9x2a1bc',
    '-000000000000042_k3j9x2a1bc',
    '0000000000000042_k3j9x2a1bc\n',
    ' 0000000000000042_k3j9x2a1bc',
    '0000000000000042_k3j9x2a1bc,0',
    '٠٠٠٠٠٠٠٠٠٠٠٠٠٠٤٢_k3j9x2a1bc',
    'now',
    '-1',
  ])('is not %j', (text) => {
    expect(() => decodeOffset(text)).toThrow(OffsetError)
  })

  it('is read from no text but its own', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        let read: string | undefined
        try {
          read = encodeOffset(decodeOffset(text))
        } catch (error) {
          expect(error).toBeInstanceOf(OffsetError)
        }
        if (read !== undefined) expect(read).toBe(text)
      }),
    )
  })

  it('that is malformed is not quoted', () => {
    expect(() => decodeOffset('secret')).toThrow(expect.objectContaining({ code: 'invalid_offset' }))
    expect(() => decodeOffset('secret')).not.toThrow(/secret/)
  })
})

describe('a place', () => {
  it.each([
    [undefined, 'start'],
    [null, 'start'],
    ['-1', 'start'],
    ['now', 'now'],
    ['0000000000000042_k3j9x2a1bc', { stamp: 'k3j9x2a1bc', position: 42 }],
  ])('%j is %j', (text, place) => {
    expect(parsePlace(text)).toEqual(place)
  })

  it.each(['', 'NOW', '0', '-2', 'start'])('%j is none', (text) => {
    expect(() => parsePlace(text)).toThrow(OffsetError)
  })
})

describe('an offset', () => {
  it('before another one is named by that one', () => {
    const next = { position: 7, stamp: 'a' }
    expect(offsetBefore(next, 7)).toBe(next)
    expect(offsetBefore(next, 5)).toEqual({ position: 5, stamp: 'a', ahead: 2 })
    expect(offsetBefore({ position: 5, stamp: 'a', ahead: 2 }, 4)).toEqual({
      position: 4,
      stamp: 'a',
      ahead: 3,
    })
  })

  it('is where a place is that says the same', () => {
    const offset = { position: 7, stamp: 'a' }
    expect(isAt({ ...offset }, offset)).toBe(true)
    for (const other of [{ position: 7 }, { ...offset, stamp: 'b' }, { ...offset, ahead: 1 }, 'now' as const])
      expect(isAt(other, offset)).toBe(false)
    for (const start of ['start' as const, { position: 0, stamp: 'x' }]) expect(isAt(start, START)).toBe(true)
  })
})

describe('a stamp', () => {
  it.each([
    ['k3j9x2a1bc', true],
    ['7', true],
    ['UPPERCASE', false],
    ['x'.repeat(33), false],
    ['', false],
  ])('%j: %j', (text, is) => {
    expect(isStamp(text)).toBe(is)
  })
})
