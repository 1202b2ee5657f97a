/**
 * Cursors: the interval of time in which a live answer was given. A reader sends back its cursor, so that many
 * readers ask a cache for the same URL, and for another URL later.
 */

/** Length of an interval, and the start of counting, as in the Durable Streams protocol. */
const INTERVAL_MS = 20_000
const EPOCH_MS = Date.UTC(2024, 9, 9)

/** How far a cursor ahead of the clock is advanced, at most, in intervals: an hour. */
const LONGEST_STEP = 180

/** A number of more digits was never issued, and could not be incremented exactly. */
const CURSOR = /^\d{1,15}$/

/**
 * The cursor of an answer that is given now. If the reader sent the present cursor or a later one, it is above that:
 * otherwise a cache would give the reader the same empty answer for ever.
 */
export function nextCursor(sent: number | undefined, now: number = Date.now()): number {
  const present = currentCursor(now)
  if (sent === undefined || sent < present) return present
  return sent + 1 + Math.floor(Math.random() * LONGEST_STEP)
}

export function currentCursor(now: number = Date.now()): number {
  return Math.floor((now - EPOCH_MS) / INTERVAL_MS)
}

/** The cursor that a reader sent; undefined if it is malformed. */
export function readCursor(text: string | null): number | undefined {
  return text !== null && CURSOR.test(text) ? Number(text) : undefined
}
