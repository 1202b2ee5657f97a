/** When a service accepts a retry: `retry-after-ms`, or `retry-after`. Pure. */

/** Most seconds that a user is told to wait. */
const LONGEST = 30 * 86_400

/** Milliseconds from now, which may be negative; undefined without such a header. */
export function askedPause(headers: Pick<Headers, 'get'>): number | undefined {
  const ms = Number.parseFloat(headers.get('retry-after-ms') ?? '')
  if (!Number.isNaN(ms)) return ms
  const after = headers.get('retry-after')
  if (after === null) return undefined
  const seconds = Number.parseFloat(after)
  const pause = /^\s*-?\d+(?:\.\d+)?\s*$/.test(after) ? seconds * 1000 : Date.parse(after) - Date.now()
  return Number.isNaN(pause) ? undefined : pause
}

/** The headers of an error, by its shape, because the SDK's classes are known only when it is loaded. */
export function headersOf(error: unknown): Pick<Headers, 'get'> | undefined {
  const { headers } = (error ?? {}) as { readonly headers?: Partial<Headers> | null }
  return typeof headers?.get === 'function' ? (headers as Headers) : undefined
}

/** The same in seconds, for an error. */
export function retryAfterOf(error: unknown): number | undefined {
  const headers = headersOf(error)
  const pause = headers && askedPause(headers)
  return pause !== undefined && pause > 0 && pause <= LONGEST * 1000 ? Math.ceil(pause / 1000) : undefined
}

/** 'in 5 minutes', 'in an hour', 'in 3 hours'; undefined for up to a minute. */
export function waitInWords(seconds: number): string | undefined {
  if (seconds <= 60) return undefined
  const minutes = Math.ceil(seconds / 60)
  if (minutes < 55) return `in ${minutes} minutes`
  if (minutes <= 75) return 'in an hour'
  const hours = Math.ceil(minutes / 60)
  return hours <= 36 ? `in ${hours} hours` : `in ${Math.ceil(hours / 24)} days`
}
