import { describe, expect, it } from 'vitest'
import { EMPTY_PAGE } from '../../web/src/run.ts'
import { amount, seconds } from '../../web/src/run-text.ts'

describe('amount', () => {
  it.each([
    [0, ''],
    [1, '1 character'],
    [1204, '1,204 characters'],
  ])('the amount of %i characters is "%s"', (characters, text) => {
    expect(amount({ ...EMPTY_PAGE.run, characters })).toBe(text)
  })
})

describe('seconds', () => {
  it('a run counts whole seconds while time passes, and tenths of what has passed', () => {
    expect(seconds(4999, 0)).toBe('4 s')
    expect(seconds(4560, 1)).toBe('4.6 s')
  })

  it('a time is never negative', () => {
    expect(seconds(-3, 0)).toBe('0 s')
  })
})
