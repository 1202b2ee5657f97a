/**
 * When a request that failed is sent again, and after which pause: the rules of OpenAI's SDK, applied
 * here so that a stop, a deadline and the reason of the last failure hold for the pauses too. One is
 * left out: what a used-up quota refuses is not sent again. Pure, but for the jitter.
 */
import { upstreamError } from './upstream-cause.ts'
import type { UpstreamErrorCode } from './upstream-error.ts'

/** The failures that pass: 408, 409, 429, 5xx, and a connection that failed or took too long. */
const PASSING: ReadonlySet<UpstreamErrorCode> = new Set([
  'rate_limited',
  'unavailable',
  'unreachable',
  'timed_out',
])

/** The longest pause that a service's `retry-after` can ask for, in milliseconds. */
const LONGEST_ASKED = 60_000

/**
 * The pause in milliseconds before a request is sent again, or undefined when that is in vain.
 *
 * @param error what the SDK threw.
 * @param attempt 0 after the first request, 1 after the second, …
 */
export function retryPause(error: unknown, attempt: number): number | undefined {
  const headers = headersOf(error)
  const told = headers?.get('x-should-retry')
  if (told === 'false') return undefined
  if (told !== 'true' && !PASSING.has(upstreamError(error).code)) return undefined
  const asked = headers ? askedPause(headers) : undefined
  return asked !== undefined && asked >= 0 && asked <= LONGEST_ASKED ? asked : backoff(attempt)
}

/** Half a second, doubled with each attempt up to eight seconds, less up to a quarter. */
export function backoff(attempt: number): number {
  return Math.min(500 * 2 ** attempt, 8000) * (1 - Math.random() / 4)
}

/** `retry-after-ms`, or `retry-after` in seconds or as a date, in milliseconds from now. */
function askedPause(headers: Pick<Headers, 'get'>): number | undefined {
  const ms = Number.parseFloat(headers.get('retry-after-ms') ?? '')
  if (!Number.isNaN(ms)) return ms
  const after = headers.get('retry-after')
  if (after === null) return undefined
  const seconds = Number.parseFloat(after)
  return Number.isNaN(seconds) ? Date.parse(after) - Date.now() : seconds * 1000
}

/** Of an error by its shape: the SDK's classes are known only where it is loaded. */
function headersOf(error: unknown): Pick<Headers, 'get'> | undefined {
  const { headers } = (error ?? {}) as { readonly headers?: Partial<Headers> | null }
  return typeof headers?.get === 'function' ? (headers as Headers) : undefined
}
