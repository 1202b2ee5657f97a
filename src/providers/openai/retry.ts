/**
 * Whether a failed request is sent again, and after which pause. The rules are those of OpenAI's SDK, applied
 * here so that a stop, a deadline and the reason of the last failure also apply to the pauses. Two rules
 * differ: a request is not sent again when the quota is used up, or when the service asks for a longer pause
 * than a user waits. Pure, except for the jitter.
 */
import { askedPause, headersOf } from '../retry-after.ts'
import { upstreamError } from '../upstream-cause.ts'
import type { UpstreamErrorCode } from '../upstream-error.ts'

/** Temporary failures: 408, 409, 429, 5xx, and a connection that failed, was cut or took too long. */
const PASSING: ReadonlySet<UpstreamErrorCode> = new Set([
  'rate_limited',
  'unavailable',
  'unreachable',
  'timed_out',
  'cut',
])

/** The longest pause that is made on a service's request, in milliseconds. */
const LONGEST_ASKED = 60_000

/**
 * The pause in milliseconds before a request is sent again, or undefined when a retry does not help.
 *
 * @param error the SDK's, or how a request failed before any part of an answer came.
 * @param attempt 0 after the first request, 1 after the second, …
 */
export function retryPause(error: unknown, attempt: number): number | undefined {
  const headers = headersOf(error)
  const told = headers?.get('x-should-retry')
  if (told === 'false') return undefined
  if (told !== 'true' && !PASSING.has(upstreamError(error).code)) return undefined
  const asked = headers ? askedPause(headers) : undefined
  if (asked === undefined || asked < 0) return backoff(attempt)
  return asked <= LONGEST_ASKED ? asked : undefined
}

/** Half a second, doubled with each attempt up to eight seconds, minus up to a quarter. */
export function backoff(attempt: number): number {
  return Math.min(500 * 2 ** attempt, 8000) * (1 - Math.random() / 4)
}
