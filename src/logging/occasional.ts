/** A log of what strangers cause: they can cause it as often as they like. */
import type { Logger } from './logger.ts'

/** Lines in a minute. */
const LINES = 10
const MINUTE_MS = 60_000

/** Warns at most ten times a minute; the first line of the next minute says how many were left out. */
export class OccasionalWarnings {
  readonly #logger: Logger
  #since = -Infinity
  #lines = 0
  #leftOut = 0

  constructor(logger: Logger) {
    this.#logger = logger
  }

  warn(fields: object, message: string): void {
    const now = performance.now()
    if (now - this.#since >= MINUTE_MS) {
      this.#since = now
      this.#lines = 0
    }
    if (++this.#lines > LINES) return void this.#leftOut++
    const leftOut = this.#leftOut
    this.#leftOut = 0
    this.#logger.warn({ ...fields, ...(leftOut > 0 && { leftOut }) }, message)
  }
}
