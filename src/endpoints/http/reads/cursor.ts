/**
 * Cursors: which interval of time a live answer was given in. A reader sends back the one it was given, so
 * that many readers ask a cache for the same URL, and for another one when time has passed.
 */

/** Length of an interval, and where counting begins: those of the Durable Streams protocol. */
const INTERVAL_MS = 20_000
const EPOCH_MS = Date.UTC(2024, 9, 9)

/** How far a reader that is ahead of the clock is sent on: 1 s to an hour, in intervals. */
const LONGEST_STEP = 180

/** A number of more digits was never given out, and could not be counted on from exactly. */
const CURSOR = /^\d{1,15}$/

/**
 * The cursor of an answer that is given now. It is above the one that the reader sent, if that is the
 * present one or a later one: a cache would give it the same empty answer for ever.
 */
export function nextCursor(sent: number | undefined, now: number = Date.now()): number {
  const present = currentCursor(now)
  if (sent === undefined || sent < present) return present
  return sent + 1 + Math.floor(Math.random() * LONGEST_STEP)
}

export function currentCursor(now: number = Date.now()): number {
  return Math.floor((now - EPOCH_MS) / INTERVAL_MS)
}

/** What a reader sent as its cursor; what is none counts as nothing. */
export function readCursor(text: string | null): number | undefined {
  return text !== null && CURSOR.test(text) ? Number(text) : undefined
}
