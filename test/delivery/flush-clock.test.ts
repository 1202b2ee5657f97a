import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FlushClock } from '../../src/delivery/flush-clock.ts'
import type { Flushable } from '../../src/delivery/flush-clock.ts'
import { silentLogger } from '../../src/logging/logger.ts'

let worked = 0

beforeEach(() => {
  vi.useFakeTimers()
  worked = 0
  const now = performance.now.bind(performance)
  vi.spyOn(performance, 'now').mockImplementation(() => now() + worked)
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

/** Time goes by while the loop is held up: no timer fires meanwhile. */
const work = (ms: number): void => void (worked += ms)

/** Names of what was flushed, and items that put theirs there. */
function recorder() {
  const flushed: string[] = []
  const item = (name: string): Flushable => ({ flush: () => void flushed.push(name) })
  return { flushed, item }
}

const clockOf = (minWindowMs?: number, maxWindowMs?: number): FlushClock =>
  new FlushClock({
    logger: silentLogger,
    ...(minWindowMs !== undefined && { minWindowMs }),
    ...(maxWindowMs !== undefined && { maxWindowMs }),
  })

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

describe('an item', () => {
  it('is flushed at the end of the turn after a pause', () => {
    const clock = clockOf(4)
    const { flushed, item } = recorder()
    clock.add(item('a'))
    clock.add(item('b'))
    expect(flushed).toEqual([])
    vi.advanceTimersByTime(0)
    expect(flushed).toEqual(['a', 'b'])
    vi.advanceTimersByTime(100)
    clock.add(item('c'))
    vi.advanceTimersByTime(0)
    expect(flushed).toEqual(['a', 'b', 'c'])
  })

  it('waits a window from when it was added, whatever came before it', () => {
    const clock = clockOf(10)
    const { flushed, item } = recorder()
    clock.add(item('first'))
    vi.advanceTimersByTime(1)
    clock.add(item('a'))
    vi.advanceTimersByTime(3)
    clock.add(item('b'))
    clock.add(item('c'))
    vi.advanceTimersByTime(6)
    expect(flushed).toEqual(['first'])
    vi.advanceTimersByTime(1)
    expect(flushed).toEqual(['first', 'a'])
    vi.advanceTimersByTime(2)
    expect(flushed).toEqual(['first', 'a'])
    vi.advanceTimersByTime(1)
    expect(flushed).toEqual(['first', 'a', 'b', 'c'])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is flushed in one tick with all that are due with it', () => {
    const clock = clockOf(5)
    const { flushed, item } = recorder()
    clock.add(item('first'))
    vi.advanceTimersByTime(1)
    for (let n = 0; n < 200; n++) clock.add(item(String(n)))
    clock.add({
      flush: () => {
        flushed.push('last')
        // Whoever had armed the clock once more would be seen here.
        expect(vi.getTimerCount()).toBe(0)
      },
    })
    vi.advanceTimersToNextTimer()
    expect(flushed).toHaveLength(202)
  })

  it('that is added while another is flushed waits a window of its own', () => {
    const clock = clockOf(6)
    const { flushed, item } = recorder()
    clock.add({
      flush: () => {
        work(2)
        clock.add(item('late'))
      },
    })
    clock.add(item('early'))
    vi.advanceTimersToNextTimer()
    expect(flushed).toEqual(['early'])
    // The clock was at 2 ms when it was added.
    vi.advanceTimersByTime(5)
    expect(flushed).toEqual(['early'])
    vi.advanceTimersByTime(1)
    expect(flushed).toEqual(['early', 'late'])
  })

  it('that comes after a pause of all others passes nobody who waits', () => {
    const clock = clockOf(10)
    const { flushed, item } = recorder()
    clock.add(item('first'))
    vi.advanceTimersByTime(9)
    clock.add(item('a'))
    vi.advanceTimersByTime(5)
    clock.add(item('b'))
    vi.advanceTimersByTime(4)
    expect(flushed).toEqual(['first'])
    vi.advanceTimersByTime(1)
    expect(flushed).toEqual(['first', 'a', 'b'])
  })

  it('is flushed as often as it was added', () => {
    const clock = clockOf(3)
    let flushes = 0
    const item = { flush: () => void flushes++ }
    for (let n = 0; n < 3; n++) clock.add(item)
    vi.runAllTimers()
    expect(flushes).toBe(3)
  })

  it('that throws is logged and harms no other', () => {
    let errors = 0
    const clock = new FlushClock({ logger: { ...silentLogger, error: () => void errors++ } })
    const { flushed, item } = recorder()
    clock.add({
      flush: () => {
        throw new Error('no')
      },
    })
    clock.add(item('a'))
    vi.advanceTimersByTime(0)
    clock.add(item('b'))
    vi.runAllTimers()
    expect([flushed, errors]).toEqual([['a', 'b'], 1])
  })
})

describe('a long flush', () => {
  it('lets others have their turn', () => {
    const clock = clockOf(2)
    const order: string[] = []
    for (let n = 0; n < 100; n++) {
      clock.add({
        flush: () => {
          order.push('item')
          work(1)
        },
      })
    }
    setImmediate(() => order.push('other'))
    vi.runAllTimers()
    expect(order.indexOf('other')).toBe(32)
    expect(order).toHaveLength(101)
  })

  it('is not looked at the time for each item', () => {
    const clock = clockOf(2)
    const { flushed, item } = recorder()
    for (let n = 0; n < 320; n++) clock.add(item(''))
    const looked = vi.mocked(performance.now)
    looked.mockClear()
    vi.advanceTimersToNextTimer()
    expect(flushed).toHaveLength(320)
    expect(looked.mock.calls.length).toBeLessThan(20)
  })
})

describe('the queue', () => {
  it('stays in order over tens of thousands of items, and holds none that was flushed', () => {
    const clock = clockOf(2, 2)
    const flushed: number[] = []
    const added = 30_000
    let next = 0
    const item = (name: number): Flushable => ({
      flush: () => {
        flushed.push(name)
        // Ever more wait, so that the queue never runs empty and has to be cut.
        for (let n = 0; n < 2 && next < added; n++) clock.add(item(next++))
      },
    })
    clock.add(item(next++))
    while (flushed.length < added) {
      vi.advanceTimersByTime(1)
      if (next < added) clock.add(item(next++))
    }
    expect(flushed).toEqual(Array.from({ length: added }, (_, n) => n))
    expect(vi.getTimerCount()).toBe(0)
    vi.advanceTimersByTime(10)
    clock.add(item(added))
    vi.runAllTimers()
    expect(flushed.at(-1)).toBe(added)
  })

  it('is flushed no more once the clock is closed', () => {
    const clock = clockOf(5)
    const { flushed, item } = recorder()
    clock.add(item('a'))
    clock.close()
    clock.add(item('b'))
    expect(vi.getTimerCount()).toBe(0)
    vi.runAllTimers()
    expect(flushed).toEqual([])
  })

  it('is dropped when an item closes the clock', () => {
    const clock = clockOf(5)
    const { flushed, item } = recorder()
    clock.add(item('a'))
    clock.add({ flush: () => clock.close() })
    for (let n = 0; n < 100; n++) clock.add(item('b'))
    vi.runAllTimers()
    expect(flushed).toEqual(['a'])
  })
})

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
