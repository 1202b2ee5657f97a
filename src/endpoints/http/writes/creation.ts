/** The headers of a `PUT` that creates a stream. */
import { HttpError } from '../../../protocol/errors.ts'
import type { StreamConfig } from '../../../streams/store.ts'

const TTL = /^(?:0|[1-9]\d{0,12})$/
/** RFC 3339, section 5.6, without leap seconds, which no clock here has. */
const TIME =
  /^(\d{4}-\d\d-\d\d)[Tt](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/

/** The configuration without owner and records. @throws {HttpError} `bad_request`, naming the header. */
export function creationOf(headers: Headers): StreamConfig {
  const contentType = headers.get('content-type')
  const ttl = headers.get('stream-ttl')
  const expires = headers.get('stream-expires-at')
  if (ttl !== null && expires !== null) {
    throw new HttpError('bad_request', 'Give a Stream-TTL or a Stream-Expires-At, not both.')
  }
  return {
    ...(contentType !== null && { contentType }),
    closed: saysClosed(headers),
    ...(ttl !== null && { ttlMs: milliseconds(ttl) }),
    ...(expires !== null && { expiresAt: timeOf(expires) }),
  }
}

/** Whether the stream should be closed. Any value other than `true` is ignored. */
export function saysClosed(headers: Headers): boolean {
  return headers.get('stream-closed')?.toLowerCase() === 'true'
}

function milliseconds(ttl: string): number {
  if (!TTL.test(ttl))
    throw new HttpError('bad_request', 'Stream-TTL is a whole number of seconds, such as 3600.')
  return Number(ttl) * 1000
}

function timeOf(text: string): number {
  const day = TIME.exec(text)?.[1]
  // Otherwise the 30th of February would become a day of March.
  const isDay = day !== undefined && new Date(`${day}T00:00Z`).getUTCDate() === Number(day.slice(-2))
  const time = isDay ? Date.parse(text) : Number.NaN
  // Times before 1970 count as 1970.
  if (!Number.isNaN(time)) return Math.max(time, 0)
  throw new HttpError('bad_request', 'Stream-Expires-At is a time of RFC 3339, such as 2030-01-31T12:00:00Z.')
}
