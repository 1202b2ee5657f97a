/** Retries calls to a store whose failure is temporary. */
import { StoreError } from './errors.ts'
import type { StoreErrorCode } from './errors.ts'
import { pause } from '../time/ticker.ts'

const TRANSIENT: ReadonlySet<StoreErrorCode> = new Set(['full', 'locked', 'overloaded', 'unavailable'])
const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1000

/**
 * Repeats a call until it succeeds, fails for good, or `patienceMs` have passed; then rejects with the last error.
 * After `hurry` aborts, it is not repeated.
 */
export async function patiently<T>(
  call: () => Promise<T>,
  patienceMs: number,
  hurry: AbortSignal,
): Promise<T> {
  const since = performance.now()
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      return await call()
    } catch (error) {
      const transient = error instanceof StoreError && TRANSIENT.has(error.code)
      if (!transient || hurry.aborted || performance.now() - since >= patienceMs) throw error
    }
    await pause(pauseMs, hurry)
  }
}
