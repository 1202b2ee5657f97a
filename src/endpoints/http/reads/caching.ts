/** Who may keep an answer with records, for how long, and how it is asked for again. */
import { encodeOffset } from '../../../protocol/offset.ts'
import type { StreamPlace } from '../stream-headers.ts'

/** The records after an offset never change; that more have come since is found out with the next request. */
const EVERYBODYS = 'public, max-age=60, stale-while-revalidate=300'

/** The `cache-control` of records: what everybody may read may be kept by everybody on the way, the rest by nobody. */
export function cacheControlOf(isEverybodys: boolean): string {
  return isEverybodys ? EVERYBODYS : 'no-store'
}

/** Names the records between two places of one history, and whether the stream ends with them. */
export function etagOf(incarnation: string, { from, next, closed }: StreamPlace): string {
  const places = `${encodeOffset(from ?? next)}:${encodeOffset(next)}`
  return `"${incarnation}:${places}${closed ? ':c' : ''}"`
}

/** Whether a request names this entity tag among those that its sender has (RFC 9110, section 13.1.2). */
export function hasAlready(request: Request, etag: string): boolean {
  const tags = request.headers.get('if-none-match')
  if (tags === null) return false
  return tags.split(',').some((tag) => {
    const named = tag.trim()
    return named === '*' || named.replace(/^W\//, '') === etag
  })
}
