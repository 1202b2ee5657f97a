/** How answers with records may be cached and revalidated. */
import { encodeOffset } from '../../../protocol/offset.ts'
import type { StreamPlace } from '../stream-headers.ts'

/** The records after an offset never change. The next request finds out whether more have come. */
const EVERYBODYS = 'public, max-age=60, stale-while-revalidate=300'

/** The `cache-control` of records: records that everybody may read may be cached on the way; others may not. */
export function cacheControlOf(isEverybodys: boolean): string {
  return isEverybodys ? EVERYBODYS : 'no-store'
}

/** Identifies the records between two places of one history, and whether the stream ends with them. */
export function etagOf(incarnation: string, { from, next, closed }: StreamPlace): string {
  const places = `${encodeOffset(from ?? next)}:${encodeOffset(next)}`
  return `"${incarnation}:${places}${closed ? ':c' : ''}"`
}

/** Whether `If-None-Match` of a request names this entity tag (RFC 9110, section 13.1.2). */
export function hasAlready(request: Request, etag: string): boolean {
  const tags = request.headers.get('if-none-match')
  if (tags === null) return false
  return tags.split(',').some((tag) => {
    const named = tag.trim()
    return named === '*' || named.replace(/^W\//, '') === etag
  })
}
