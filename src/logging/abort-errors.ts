/** What comes out of an awaited call because its signal aborted, which is no failure. */

/** Whether an error says no more than that a signal aborted for this reason. */
export function isAbortFor(error: unknown, reason: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error === reason || error.cause === reason) return true
  // SDKs wrap an abort in errors of their own: `APIUserAbortError` of openai, for one.
  return error.name === 'AbortError' || error.constructor.name.includes('Abort')
}
