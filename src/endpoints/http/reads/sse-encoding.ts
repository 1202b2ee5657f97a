/** Chooses the encoder of server-sent events for a reader. */
import { isText, recordKindOf } from '../../../streams/bookkeeping/requests.ts'
import { currentCursor, nextCursor } from './cursor.ts'
import { type Format, SseEncoder, type SseEvents } from './sse-encoder.ts'
import { WholeTextEncoder } from './whole-text-encoder.ts'

/** One per format, so that readers share frames. */
const SHARED: Readonly<Record<Format, SseEncoder>> = {
  json: new SseEncoder('json'),
  text: new SseEncoder('text'),
  base64: new SseEncoder('base64'),
  apart: new SseEncoder('apart'),
}

/**
 * The encoder for a reader of a stream. A reader that sent a present or future cursor gets its own.
 *
 * @param apart whether records of bytes are written separately.
 */
export function sseEncoderFor(contentType: string, apart: boolean, sent: number | undefined): SseEvents {
  const format = formatOf(contentType, apart)
  const isPast = sent === undefined || sent < currentCursor()
  const encoder = isPast ? SHARED[format] : new SseEncoder(format, nextCursor(sent))
  return format === 'text' ? new WholeTextEncoder(encoder) : encoder
}

function formatOf(contentType: string, apart: boolean): Format {
  if (recordKindOf(contentType) === 'json') return 'json'
  if (apart) return 'apart'
  return isText(contentType) ? 'text' : 'base64'
}
