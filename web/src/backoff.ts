/** Milliseconds before the first retry, before jitter. */
const BASE = 500
/** Longest wait between two tries, in milliseconds. */
const CEILING = 30_000

/**
 * Milliseconds to wait before a try, after `failures` tries in a row came to nothing. Doubles with
 * each, and half of it is random, so that the readers of a server that went away do not return as one.
 */
export function retryDelay(failures: number, random: () => number): number {
  const limit = Math.min(CEILING, BASE * 2 ** failures)
  return limit / 2 + (limit / 2) * random()
}

/** Milliseconds to wait when the server said that it restarts: soon, and spread over a second. */
export function restartDelay(random: () => number): number {
  return 250 + 1000 * random()
}
