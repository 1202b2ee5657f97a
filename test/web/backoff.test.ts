import { describe, expect, it } from 'vitest'
import { restartDelay, retryDelay } from '../../web/src/backoff.ts'

const lowest = () => 0
const highest = () => 1

describe('retryDelay', () => {
  it('doubles with every failure, up to half a minute', () => {
    const delays = [0, 1, 2, 3, 4, 5, 6, 7, 100].map((failures) => retryDelay(failures, highest))
    expect(delays).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000])
  })

  it('is random by half', () => {
    expect(retryDelay(3, lowest)).toBe(2000)
    expect(retryDelay(3, highest)).toBe(4000)
    expect(retryDelay(5000, lowest)).toBe(15_000)
  })
})

describe('restartDelay', () => {
  it('spreads the readers over a second', () => {
    expect(restartDelay(lowest)).toBe(250)
    expect(restartDelay(highest)).toBe(1250)
  })
})
