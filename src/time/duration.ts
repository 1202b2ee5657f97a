/** Options give durations in seconds, fractions allowed; Node's timers take milliseconds. */

/** The longest delay of a timer of Node, in milliseconds. A longer one would fire at once. */
export const LONGEST_TIMER_MS: number = 2 ** 31 - 1

/** The same in whole seconds: the largest value of an option that a timer waits for. */
export const LONGEST_TIMER: number = Math.floor(LONGEST_TIMER_MS / 1000)

/** What an option takes, in seconds, both ends included. */
export interface SecondsRange {
  /** Default 0.001: one millisecond. */
  readonly min?: number
  /** Default `LONGEST_TIMER`. */
  readonly max?: number
}

/**
 * An option's seconds as whole milliseconds.
 *
 * @throws {RangeError} naming the option and its range, for a value outside of it.
 */
export function milliseconds(
  name: string,
  seconds: number,
  { min = 0.001, max = LONGEST_TIMER }: SecondsRange = {},
): number {
  if (seconds >= min && seconds <= max) return Math.round(seconds * 1000)
  const range = max === Number.POSITIVE_INFINITY ? `at least ${min}` : `${min} to ${max}`
  throw new RangeError(`${name} is ${seconds}; it takes ${range} seconds`)
}
