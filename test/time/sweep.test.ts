import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Sweep } from '../../src/time/sweep.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('a sweep runs once a period for as long as something is left', () => {
  let left = 2
  const swept: number[] = []
  const sweep = new Sweep(500, 100, () => {
    swept.push(Date.now())
    return --left > 0
  })
  vi.setSystemTime(0)
  vi.advanceTimersByTime(10_000)
  expect(swept).toEqual([])
  vi.setSystemTime(0)
  sweep.arm()
  sweep.arm()
  vi.advanceTimersByTime(10_000)
  expect(swept).toEqual([500, 1000])
  expect(vi.getTimerCount()).toBe(0)
})

it('a sweep that was stopped does not run', () => {
  const work = vi.fn<() => boolean>(() => true)
  const sweep = new Sweep(500, 100, work)
  sweep.arm()
  sweep.stop()
  vi.advanceTimersByTime(10_000)
  expect(work).not.toHaveBeenCalled()
})

it('a sweep keeps to the shortest period, and to the longest that a timer can wait', () => {
  const work = vi.fn<() => boolean>(() => false)
  new Sweep(1, 100, work).arm()
  new Sweep(Number.MAX_SAFE_INTEGER, 100, work).arm()
  vi.advanceTimersByTime(99)
  expect(work).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(work).toHaveBeenCalledTimes(1)
})
