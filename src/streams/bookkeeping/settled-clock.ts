/**
 * Whether a wall clock can be believed. It is set by people and by other machines, and wakes up with a
 * machine that slept; monotonic time only goes on. A clock that has gone on like it for a while is taken
 * to be right, and only then is anything removed by it: what it hides meanwhile is there again when it is
 * right again.
 */
import { performance } from 'node:perf_hooks'
import type { StreamStoreOptions } from '../options.ts'
import { StreamRequestError } from '../errors.ts'

/** Ten minutes: a clock that was set wrong is noticed by people and machines within that. */
const SETTLE_SECONDS = 600
/** What the two may part by between two looks, beside a thousandth of the time: asking takes some. */
const TOLERANCE_MS = 1000

export class SettledClock {
  readonly #monotonic: () => number
  readonly #settleMs: number
  readonly #toleranceMs: number
  #last: { readonly wall: number; readonly monotonic: number } | undefined
  /** Of monotonic time. */
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

  /** Whether the wall clock, which says `wall`, has agreed with monotonic time for long enough. To be asked now and then. */
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
