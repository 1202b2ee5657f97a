/**
 * When a request that failed is sent again, and after which pause: the rules of OpenAI's SDK, applied
 * here so that a stop, a deadline and the reason of the last failure hold for the pauses too. Two differ:
 * what a used-up quota refuses is not sent again, and neither is what the service wants to be asked for
 * later than somebody waits. Pure, but for the jitter.
 */
import { askedPause, headersOf } from '../retry-after.ts'
import { upstreamError } from '../upstream-cause.ts'
import type { UpstreamErrorCode } from '../upstream-error.ts'

/** The failures that pass: 408, 409, 429, 5xx, and a connection that failed, was cut or took too long. */
const PASSING: ReadonlySet<UpstreamErrorCode> = new Set([
  'rate_limited',
  'unavailable',
  'unreachable',
  'timed_out',
  'cut',
])

/** The longest pause that is made because a service asks for it, in milliseconds. */
const LONGEST_ASKED = 60_000

/**
 * The pause in milliseconds before a request is sent again, or undefined when that is in vain.
 *
 * @param error what the SDK threw, or what became of a request before anything of an answer came.
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

/** Half a second, doubled with each attempt up to eight seconds, less up to a quarter. */
export function backoff(attempt: number): number {
  return Math.min(500 * 2 ** attempt, 8000) * (1 - Math.random() / 4)
}
