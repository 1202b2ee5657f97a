/**
 * A delta's text: a mark that is nowhere else in an answer, so that whoever counts deltas that were merged counts marks,
 * and the time at which it was due.
 */

export const MARK = '~'
/** Behind the time. */
export const END = ' '

/** @param micros of `nowMicros`. */
export function deltaOf(micros: number): string {
  return MARK + micros + END
}
