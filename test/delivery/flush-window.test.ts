/** How long the flush clock lets an item wait, by what flushing costs. */
import { describe, expect, it, vi } from 'vitest'
import type { FlushClock, Flushable } from '../../src/delivery/flush-clock.ts'
import { clockOf, recorder, useWorkedTime, work } from './worked-time.ts'

useWorkedTime()

/** What takes so long to flush. */
const taking = (ms: number): Flushable => ({ flush: () => work(ms) })

/** What ports write once it was flushed takes so long. */
const written = (ms: number): Flushable => ({ flush: () => queueMicrotask(() => work(ms)) })

/** Lets the clock count, which it does when the task is through that it flushed in. */
const counted = (): Promise<void> => Promise.resolve()

/** As one stream that is busy without end: it is added once a window, and takes a share of it. */
async function flushWindows(clock: FlushClock, windows: number, share: number): Promise<void> {
  for (let n = 0; n < windows; n++) {
    const begun = performance.now()
    const { windowMs } = clock
    clock.add(taking(windowMs * share))
    while (performance.now() < begun + windowMs * (1 + share)) {
      vi.advanceTimersByTime(1)
      await counted()
    }
  }
}

describe('the window', () => {
  it('is the shortest while flushing costs nothing, and after a long pause', async () => {
    const clock = clockOf(2, 60)
    expect(clock.windowMs).toBe(2)
    await flushWindows(clock, 20, 0)
    expect(clock.windowMs).toBe(2)
    vi.advanceTimersByTime(10_000)
    clock.add(taking(20))
    vi.advanceTimersByTime(0)
    await counted()
    expect(clock.windowMs).toBe(2)
  })

  it.each([
    ['also when few items take it all', taking],
    ['what ports write when it is through included', written],
  ])('is twelve times what flushing costs, at once, %s', async (_, costly) => {
    const clock = clockOf(2, 60)
    clock.add(taking(0))
    vi.advanceTimersByTime(0)
    await counted()
    clock.add(costly(1))
    // Due after 2 ms, over after 3: two thirds of a millisecond in each window of 2.
    vi.advanceTimersByTime(2)
    await counted()
    expect(clock.windowMs).toBeCloseTo((12 * 2) / 3)
  })

  it('grows to three quarters of the longest, and no further while there is room', async () => {
    const clock = clockOf(2, 60)
    await flushWindows(clock, 10, 0.3)
    expect(clock.windowMs).toBe(45)
    await flushWindows(clock, 10, 0.5)
    // A third of the loop, as each window begins anew when the one before was flushed.
    expect(clock.windowMs).toBe(45)
  })

  it('grows to the longest under pressure, and leaves it when the pressure goes', async () => {
    const clock = clockOf(2, 60)
    await flushWindows(clock, 20, 2)
    expect(clock.windowMs).toBe(60)
    await flushWindows(clock, 1, 0.1)
    expect(clock.windowMs).toBe(45)
    await flushWindows(clock, 1, 0)
    expect(clock.windowMs).toBeCloseTo(36)
  })

  it('comes down step by step', async () => {
    const clock = clockOf(2, 60)
    await flushWindows(clock, 10, 0.3)
    const steps: number[] = []
    for (let n = 0; n < 3; n++) {
      await flushWindows(clock, 1, 0)
      steps.push(clock.windowMs / 45)
    }
    for (const [n, step] of steps.entries()) expect(step).toBeCloseTo(0.8 ** (n + 1))
    await flushWindows(clock, 30, 0)
    expect(clock.windowMs).toBe(2)
  })

  it('is nothing when it may not be anything: all is flushed at the end of the turn', async () => {
    const clock = clockOf(0, 0)
    const { flushed, item } = recorder()
    for (let n = 0; n < 5; n++) {
      clock.add(item(String(n)))
      clock.add(taking(7))
      expect(flushed).toHaveLength(n)
      vi.advanceTimersToNextTimer()
      await counted()
      expect(flushed).toHaveLength(n + 1)
      expect(clock.windowMs).toBe(0)
    }
  })

  it('grows from nothing, too', async () => {
    const clock = clockOf(0, 60)
    for (let n = 0; n < 20; n++) {
      clock.add(taking(5))
      vi.advanceTimersToNextTimer()
      await counted()
    }
    expect(clock.windowMs).toBeGreaterThan(40)
  })
})
