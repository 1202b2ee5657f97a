/** A flush clock in a time that goes by as a test says. */
import { afterEach, beforeEach, vi } from 'vitest'
import { FlushClock } from '../../src/delivery/flush-clock.ts'
import type { Flushable } from '../../src/delivery/flush-clock.ts'
import { silentLogger } from '../../src/logging/logger.ts'

let worked = 0

/** For the tests of a file: timers stand still, and `performance.now` knows what was worked. */
export function useWorkedTime(): void {
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
}

/** Time goes by while the loop is held up: no timer fires meanwhile. */
export const work = (ms: number): void => void (worked += ms)

/** Names of what was flushed, and items that put theirs there. */
export function recorder(): { flushed: string[]; item: (name: string) => Flushable } {
  const flushed: string[] = []
  const item = (name: string): Flushable => ({ flush: () => void flushed.push(name) })
  return { flushed, item }
}

export const clockOf = (minWindowMs?: number, maxWindowMs?: number): FlushClock =>
  new FlushClock({
    logger: silentLogger,
    ...(minWindowMs !== undefined && { minWindowMs }),
    ...(maxWindowMs !== undefined && { maxWindowMs }),
  })
