/** Time as the page's logic sees it, so that a test can hold it still. */
export interface Clock {
  /** Milliseconds on a monotonic scale of its own: good for differences only. */
  now(): number
  /** Calls `run` once after `ms` milliseconds; returns the undo. */
  after(ms: number, run: () => void): () => void
}

/** The clock of the browser. It does not jump when the time of day is corrected. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
}
