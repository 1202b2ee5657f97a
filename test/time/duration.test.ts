import { expect, test } from 'vitest'
import { LONGEST_TIMER, LONGEST_TIMER_MS, milliseconds } from '../../src/time/duration.ts'

test.each([
  [1, 1000],
  [0.029, 29],
  [60, 60_000],
  [0.001, 1],
  [LONGEST_TIMER, 2_147_483_000],
])('%s s are %s ms', (seconds, ms) => {
  expect(milliseconds('wait', seconds)).toBe(ms)
  expect(ms).toBeLessThanOrEqual(LONGEST_TIMER_MS)
})

test.each([-1, 0, 0.0009, Number.NaN, Infinity, 2_147_484])(
  'refuses %s s, naming the option and its range',
  (seconds) => {
    expect(() => milliseconds('wait', seconds)).toThrow(
      new RangeError(`wait is ${seconds}; it takes 0.001 to 2147483 seconds`),
    )
  },
)

test('a range of its own may begin at 0 and have no end', () => {
  const range = { min: 0, max: Infinity }
  expect(milliseconds('patience', 0, range)).toBe(0)
  expect(milliseconds('patience', Infinity, range)).toBe(Infinity)
  expect(() => milliseconds('patience', -1, range)).toThrow(
    new RangeError('patience is -1; it takes at least 0 seconds'),
  )
})
