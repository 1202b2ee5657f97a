import { describe, expect, it, vi } from 'vitest'
import { FlushClock } from '../../src/delivery/flush-clock.ts'
import type { Flushable } from '../../src/delivery/flush-clock.ts'
import { silentLogger } from '../../src/logging/logger.ts'
import { clockOf, recorder, useWorkedTime, work } from './worked-time.ts'

useWorkedTime()

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
