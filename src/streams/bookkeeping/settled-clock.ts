/**
 * Decides whether a wall clock can be trusted. People and other machines set it, and it jumps when a machine wakes
 * up; monotonic time does not. A clock that has agreed with it for a while is trusted, and only then is anything
 * removed by it. What it hides until then reappears when the clock is right again.
 */
import { performance } from 'node:perf_hooks'
import type { StreamStoreOptions } from '../options.ts'
import { StreamRequestError } from '../errors.ts'

/** Ten minutes: within that, a wrong clock is noticed. */
const SETTLE_SECONDS = 600
/** How far the two may diverge between two looks, beside a thousandth of the time, because reading takes time. */
const TOLERANCE_MS = 1000

export class SettledClock {
  readonly #monotonic: () => number
  readonly #settleMs: number
  readonly #toleranceMs: number
  #last: { readonly wall: number; readonly monotonic: number } | undefined
  /** In monotonic time. */
  #agreesSince = 0

  /** @param toleranceMs for a clock that is read over a network. */
  constructor(options: StreamStoreOptions, toleranceMs: number = TOLERANCE_MS) {
    const { monotonic = () => performance.now(), settle = SETTLE_SECONDS } = options
    if (!(settle >= 0)) {
      throw new StreamRequestError('invalid_limit', `settle is ${settle}; it takes seconds from 0`)
    }
    this.#monotonic = monotonic
    this.#settleMs = settle * 1000
    this.#toleranceMs = toleranceMs
  }

  /**
   * Whether the wall clock, which says `wall`, has agreed with monotonic time for long enough. Call it from time to
   * time.
   */
  isSettled(wall: number): boolean {
    const monotonic = this.#monotonic()
    const last = this.#last
    this.#last = { wall, monotonic }
    const passed = last ? monotonic - last.monotonic : 0
    const parted = last ? Math.abs(wall - last.wall - passed) : Number.POSITIVE_INFINITY
    if (parted > this.#toleranceMs + passed / 1000) this.#agreesSince = monotonic
    return monotonic - this.#agreesSince >= this.#settleMs
  }
}
