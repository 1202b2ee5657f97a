/**
 * Cleaning up now and then while anything is held. One timer, which runs only after `arm` and does not
 * keep the process alive.
 */
import { LONGEST_TIMER_MS } from './duration.ts'

export class Sweep {
  readonly #periodMs: number
  readonly #sweep: () => boolean
  #timer: NodeJS.Timeout | undefined

  /**
   * @param periodMs milliseconds until the next sweep, bounded by `minMs` and by what a timer can wait.
   * @param sweep returns whether anything is left, for which it is to be called again.
   */
  constructor(periodMs: number, minMs: number, sweep: () => boolean) {
    this.#periodMs = Math.min(Math.max(periodMs, minMs), LONGEST_TIMER_MS)
    this.#sweep = sweep
  }

  /** Starts the timer, if it does not run. */
  arm(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      if (this.#sweep()) this.arm()
    }, this.#periodMs).unref()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
