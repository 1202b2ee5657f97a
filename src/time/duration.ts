/** Durations are given in seconds, fractions allowed; Node's timers take milliseconds. */

/** The longest delay of a timer of Node, in seconds; a longer one would fire at once. */
const LONGEST = (2 ** 31 - 1) / 1000

/**
 * An option's seconds as whole milliseconds; what is not 0 is at least 1.
 *
 * @param zero whether it may be 0.
 * @throws {RangeError} naming the option, for what no timer can wait.
 */
export function milliseconds(name: string, seconds: number, zero: boolean = false): number {
  if (zero && seconds === 0) return 0
  if (seconds > 0 && seconds <= LONGEST) return Math.max(1, Math.round(seconds * 1000))
  const range = zero ? `from 0 to ${LONGEST}` : `more than 0 and at most ${LONGEST}`
  throw new RangeError(`${name} must be ${range} seconds, not ${seconds}`)
}
