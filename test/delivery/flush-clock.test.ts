import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { FlushClock } from '../../src/delivery/flush-clock.ts'
import { silentLogger } from '../../src/logging/logger.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('flushes at the end of the turn after a pause, and once per window from then on', () => {
  const clock = new FlushClock({ logger: silentLogger, minWindowMs: 4 })
  const flushed: string[] = []
  const item = (name: string) => ({ flush: () => void flushed.push(name) })
  clock.add(item('a'))
  clock.add(item('b'))
  expect(flushed).toEqual([])
  vi.advanceTimersByTime(0)
  expect(flushed).toEqual(['a', 'b'])
  clock.add(item('c'))
  vi.advanceTimersByTime(3)
  expect(flushed).toEqual(['a', 'b'])
  vi.advanceTimersByTime(1)
  expect(flushed).toEqual(['a', 'b', 'c'])
  vi.advanceTimersByTime(100)
  clock.add(item('d'))
  vi.advanceTimersByTime(0)
  expect(flushed).toEqual(['a', 'b', 'c', 'd'])
})

it('waits longer after a flush that took long, within its bounds, and comes back down', () => {
  const clock = new FlushClock({ logger: silentLogger, minWindowMs: 2, maxPeriodMs: 60 })
  const run = (ms: number): number => {
    clock.add({ flush: () => void vi.advanceTimersByTime(ms) })
    vi.advanceTimersByTime(100)
    return clock.windowMs
  }
  expect(run(3)).toBeCloseTo(24)
  expect(run(20)).toBe(40)
  expect(run(0)).toBeCloseTo(32)
  expect(run(200)).toBe(2)
  for (let n = 0; n < 20; n++) run(0)
  expect(clock.windowMs).toBe(2)
})

it('counts what has its turn between the slices of a flush as part of the period, not of its cost', () => {
  const clock = new FlushClock({ logger: silentLogger, minWindowMs: 2, maxPeriodMs: 60 })
  // Two slices: the first 32 items take 16 ms, and then somebody else takes 30.
  for (let n = 0; n < 40; n++) clock.add({ flush: () => void (n < 32 && vi.advanceTimersByTime(0.5)) })
  clock.add({ flush: () => undefined })
  setImmediate(() => void vi.advanceTimersByTime(30))
  vi.runAllTimers()
  expect(clock.windowMs).toBeCloseTo(60 - 16 - 30)
})

it('lets others have their turn in a long flush, and flushes what comes meanwhile next time', () => {
  const clock = new FlushClock({ logger: silentLogger, minWindowMs: 0 })
  const order: string[] = []
  for (let n = 0; n < 64; n++) {
    clock.add({
      flush: () => {
        order.push('item')
        vi.advanceTimersByTime(1)
        if (n === 0) clock.add({ flush: () => void order.push('late') })
      },
    })
  }
  setImmediate(() => order.push('other'))
  vi.runAllTimers()
  expect(order.indexOf('other')).toBeLessThan(64)
  expect(order.filter((name) => name === 'item')).toHaveLength(64)
  expect(order.at(-1)).toBe('late')
})

it('survives a flush that throws', () => {
  let errors = 0
  const clock = new FlushClock({ logger: { ...silentLogger, error: () => void errors++ } })
  const flushed: number[] = []
  clock.add({
    flush: () => {
      throw new Error('no')
    },
  })
  clock.add({ flush: () => void flushed.push(1) })
  vi.advanceTimersByTime(10)
  expect([flushed, errors]).toEqual([[1], 1])
})

it('flushes nothing once it is closed', () => {
  const clock = new FlushClock({ logger: silentLogger })
  const flushed: number[] = []
  clock.add({ flush: () => void flushed.push(1) })
  clock.close()
  vi.runAllTimers()
  expect(flushed).toEqual([])
})
