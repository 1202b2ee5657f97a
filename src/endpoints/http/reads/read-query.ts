/** The query of a `GET` of a stream. */
import { HttpError } from '../../../protocol/errors.ts'
import { type AskedPlace, OffsetError, parsePlace } from '../../../protocol/offset.ts'
import { readCursor } from './cursor.ts'
import { Refusal } from '../refusal.ts'

export interface ReadQuery {
  readonly place: AskedPlace
  readonly live: 'sse' | 'long-poll' | undefined
  /** Whether an EventSource reconnects: its place is that of its last event. */
  readonly resumed: boolean
  readonly cursor: number | undefined
  /** Records of bytes are wanted as separate base64 texts. */
  readonly base64: boolean
}

/** @throws {Refusal} `invalid_offset`. @throws {HttpError} `bad_request` for other errors. */
export function readQueryOf(request: Request): ReadQuery {
  const query = new URL(request.url).searchParams
  const live = query.get('live') ?? undefined
  if (live !== undefined && live !== 'sse' && live !== 'long-poll') {
    throw new HttpError('bad_request', 'live is sse or long-poll.')
  }
  if (query.getAll('offset').length > 1) throw new HttpError('bad_request', 'Give one offset.')
  // An EventSource that reconnects sends a header, with its original URL.
  const resumed = (live === 'sse' && request.headers.get('last-event-id')) || null
  const offset = resumed ?? query.get('offset')
  if (live !== undefined && offset === null) {
    throw new HttpError('bad_request', `live=${live} needs an offset: -1 for the start, now for the end.`)
  }
  return {
    place: askedPlaceOf(offset),
    live,
    resumed: resumed !== null,
    cursor: readCursor(query.get('cursor')),
    base64: query.get('encoding') === 'base64',
  }
}

/** @throws {Refusal} `invalid_offset`. */
export function askedPlaceOf(text: string | null): AskedPlace {
  try {
    return parsePlace(text)
  } catch (error) {
    if (error instanceof OffsetError) throw new Refusal('invalid_offset')
    throw error
  }
}
