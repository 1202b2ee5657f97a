import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CloseCode, fitReason, isSendableCloseCode } from '../../src/protocol/close-codes.ts'

describe('isSendableCloseCode', () => {
  it.each([1000, 1001, 1002, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 4000, 4999])('takes %d', (code) => {
    expect(isSendableCloseCode(code)).toBe(true)
  })

  it.each([
    0,
    999,
    1004,
    1005,
    1006,
    1015,
    1016,
    2000,
    2999,
    5000,
    65_536,
    -1,
    1000.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
  ])('refuses %d', (code) => {
    expect(isSendableCloseCode(code)).toBe(false)
  })

  it('takes every code that Millrace names but the two that stand for none', () => {
    const unsendable = Object.values(CloseCode).filter((code) => !isSendableCloseCode(code))
    expect(unsendable).toEqual([CloseCode.noStatus, CloseCode.abnormal])
  })
})

describe('fitReason', () => {
  it('leaves a reason that fits', () => {
    expect(fitReason('The server is restarting')).toBe('The server is restarting')
    expect(fitReason('x'.repeat(123))).toBe('x'.repeat(123))
  })

  it('cuts at 123 bytes, between characters', () => {
    expect(fitReason('x'.repeat(200))).toBe('x'.repeat(123))
    expect(fitReason('é'.repeat(100))).toBe('é'.repeat(61))
    expect(fitReason('😀'.repeat(50))).toBe('😀'.repeat(30))
    expect(fitReason(`x${'😀'.repeat(31)}`)).toBe(`x${'😀'.repeat(30)}`)
  })

  it('makes valid UTF-8 of at most 123 bytes out of anything', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 150 }),
        fc.string({ unit: fc.constantFrom('\ud83d', 'a'), maxLength: 60 }),
        (a, b) => {
          const fitted = fitReason(a + b)
          expect(Buffer.byteLength(fitted)).toBeLessThanOrEqual(123)
          expect(fitted.isWellFormed()).toBe(true)
          expect((a + b).toWellFormed().startsWith(fitted)).toBe(true)
        },
      ),
    )
  })
})
