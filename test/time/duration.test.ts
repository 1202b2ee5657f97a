import { expect, test } from 'vitest'
import { milliseconds } from '../../src/time/duration.ts'

test.each([
  [1, 1000],
  [0.029, 29],
  [60, 60_000],
  [0.0001, 1],
  [2_147_483.647, 2 ** 31 - 1],
])('%s s are %s ms', (seconds, ms) => {
  expect(milliseconds('wait', seconds)).toBe(ms)
})

test('0 is a duration only where it means something', () => {
  expect(milliseconds('interval', 0, true)).toBe(0)
  expect(() => milliseconds('wait', 0)).toThrow(
    new RangeError('wait must be more than 0 and at most 2147483.647 seconds, not 0'),
  )
})

test.each([-1, Number.NaN, Infinity, 2_147_483.648])('%s s are none that a timer can wait', (seconds) => {
  expect(() => milliseconds('wait', seconds)).toThrow(RangeError)
  expect(() => milliseconds('wait', seconds, true)).toThrow(RangeError)
})
