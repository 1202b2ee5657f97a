import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { pause, Ticker } from '../../src/time/ticker.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('a ticker', () => {
  it('works at each tick, once it was started and until it is stopped', async () => {
    const work = vi.fn<() => void>()
    const ticker = new Ticker(100, work, { ref: true })
    expect(vi.getTimerCount()).toBe(0)
    ticker.start()
    ticker.start()
    expect(ticker.running).toBe(true)
    await vi.advanceTimersByTimeAsync(350)
    expect(work).toHaveBeenCalledTimes(3)
    await ticker.stop()
    expect(vi.getTimerCount()).toBe(0)
    expect(ticker.running).toBe(false)
  })

  it.each([true, false])('keeps the process alive, or not: %s', async (ref) => {
    const timers = vi.spyOn(globalThis, 'setInterval')
    const ticker = new Ticker(100, () => undefined, { ref })
    ticker.start()
    const timer = timers.mock.results[0]?.value as NodeJS.Timeout | undefined
    expect(timer?.hasRef()).toBe(ref)
    await ticker.stop()
  })

  it('is not at work twice at a time', async () => {
    const works: PromiseWithResolvers<void>[] = []
    const ticker = new Ticker(
      100,
      () => {
        const work = Promise.withResolvers<void>()
        works.push(work)
        return work.promise
      },
      { ref: true },
    )
    ticker.start()
    await vi.advanceTimersByTimeAsync(350)
    expect(works).toHaveLength(1)
    ticker.now()
    ticker.now()
    expect(works).toHaveLength(1)
    works[0]?.resolve()
    await vi.advanceTimersByTimeAsync(0)
    // Once more, for both that asked.
    expect(works).toHaveLength(2)
    works[1]?.resolve()
    await vi.advanceTimersByTimeAsync(100)
    expect(works).toHaveLength(3)
    let stopped = false
    const stopping = ticker.stop().then(() => (stopped = true))
    await vi.advanceTimersByTimeAsync(1000)
    expect(stopped).toBe(false)
    works[2]?.resolve()
    await stopping
  })
})

describe('a pause', () => {
  it('lasts as long as it was asked to, and leaves no listener', async () => {
    const { signal } = new AbortController()
    const removed = vi.spyOn(signal, 'removeEventListener')
    let over = false
    const pausing = pause(100, signal).then(() => (over = true))
    await vi.advanceTimersByTimeAsync(99)
    expect(over).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    await pausing
    expect(removed).toHaveBeenCalledOnce()
  })

  it('ends early with its signal, without an error', async () => {
    const ended = new AbortController()
    const pausing = pause(100, ended.signal)
    ended.abort()
    await pausing
    await pause(100, ended.signal)
    expect(vi.getTimerCount()).toBe(0)
  })
})
