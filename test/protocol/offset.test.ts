import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  compareOffsets,
  decodeOffset,
  encodeOffset,
  isIncarnation,
  OffsetError,
  parsePlace,
} from '../../src/protocol/offset.ts'

const incarnations = fc.stringMatching(/^[0-9a-z]{8,32}$/)
const positions = fc.maxSafeNat()

describe('a token', () => {
  it('is the position in 16 digits, and the incarnation', () => {
    expect(encodeOffset({ incarnation: 'k3j9x2a1bc', position: 42 })).toBe('0000000000000042_k3j9x2a1bc')
  })

  it('gives back the offset it was made of, and travels in a URL as it is', () => {
    fc.assert(
      fc.property(incarnations, positions, (incarnation, position) => {
        const token = encodeOffset({ incarnation, position })
        expect(decodeOffset(token)).toEqual({ incarnation, position })
        expect(encodeURIComponent(token)).toBe(token)
        expect(token.length).toBeLessThan(256)
      }),
    )
  })

  it('sorts as text like the place it names', () => {
    fc.assert(
      fc.property(incarnations, positions, positions, (incarnation, a, b) => {
        const [x, y] = [
          encodeOffset({ incarnation, position: a }),
          encodeOffset({ incarnation, position: b }),
        ]
        expect(x < y).toBe(a < b)
        expect(x === y).toBe(a === b)
      }),
    )
  })

  it('lies behind -1 in any order of text', () => {
    expect('-1' < encodeOffset({ incarnation: '00000000', position: 0 })).toBe(true)
  })

  it.each([
    '',
    '0',
    '42_k3j9x2a1bc',
    '0000000000000042',
    '0000000000000042_',
    '0000000000000042_K3J9X2A1BC',
    '0000000000000042_short',
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
    ['0000000000000042_k3j9x2a1bc', { incarnation: 'k3j9x2a1bc', position: 42 }],
  ])('%j is %j', (text, place) => {
    expect(parsePlace(text)).toEqual(place)
  })

  it.each(['', 'NOW', '0', '-2', 'start'])('%j is none', (text) => {
    expect(() => parsePlace(text)).toThrow(OffsetError)
  })
})

describe('two offsets', () => {
  it('have an order within one incarnation only', () => {
    const at = (position: number, incarnation = 'aaaaaaaa'): { incarnation: string; position: number } => ({
      incarnation,
      position,
    })
    expect(compareOffsets(at(1), at(2))).toBeLessThan(0)
    expect(compareOffsets(at(2), at(2))).toBe(0)
    expect(compareOffsets(at(3), at(2))).toBeGreaterThan(0)
    expect(compareOffsets(at(1), at(2, 'bbbbbbbb'))).toBeUndefined()
  })
})

describe('an incarnation', () => {
  it.each([
    ['k3j9x2a1bc', true],
    ['short', false],
    ['UPPERCASE', false],
    ['', false],
  ])('%j: %j', (text, is) => {
    expect(isIncarnation(text)).toBe(is)
  })
})
