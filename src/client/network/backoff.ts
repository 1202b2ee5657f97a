/** Seconds before the first new attempt, on average twice this before the second, and so on. */
const FIRST = 0.5
const LONGEST = 30

/**
 * Seconds to wait before attempt `attempt` (from 0). Random over the whole range, so that clients
 * that were cut off together do not come back together.
 */
export function retryDelay(attempt: number): number {
  return Math.random() * Math.min(LONGEST, FIRST * 2 ** attempt)
}
