/** `GET …?live=sse`: a stream as server-sent events, from an offset to its end. */
import type { Delivery } from '../../../delivery/delivery.ts'
import type { FollowEnd } from '../../../delivery/reader.ts'
import { HttpError } from '../../../protocol/errors.ts'
import { encodeOffset } from '../../../protocol/offset.ts'
import type { Offset, Place } from '../../../protocol/offset.ts'
import { STREAM_ERRORS } from '../../../protocol/stream-errors.ts'
import type { StreamInfo } from '../../../streams/stream.ts'
import type { Deadlines } from '../../../time/deadlines.ts'
import type { Exchange } from '../exchange.ts'
import { followFault } from '../../follow-fault.ts'
import { errorEvent, retryLine } from './sse-encoder.ts'
import type { SseEvents, SseFault } from './sse-encoder.ts'
import { SseReader } from './sse-reader.ts'
import { SSE_HEADERS } from './sse-response.ts'
import { BASE64, PRIVATE } from '../stream-headers.ts'

export interface SseOptions {
  readonly delivery: Delivery
  readonly encoder: SseEvents
  /** Timers of the signs of life. */
  readonly signs: Deadlines
  /** Seconds after which a reader should reconnect when the server shuts down; drawn for each reader. */
  readonly returnDelay: () => number
  /** Called once, when following ends. */
  readonly release: () => void
}

/** Follows a stream until it ends or its reader leaves. */
export function followAsEvents(
  info: StreamInfo,
  place: Place,
  exchange: Exchange,
  options: SseOptions,
): Response {
  const { delivery, encoder, signs, returnDelay, release } = options
  const headers = { ...PRIVATE, ...SSE_HEADERS, ...(encoder.isBase64 && BASE64) }
  const reader: SseReader = new SseReader(exchange, {
    headers,
    signs,
    left: release,
    interrupted: (why) => {
      // The server, or this part of it, shuts down; its delivery may go on elsewhere.
      const isDraining = why === 'aborted' && exchange.signal.reason instanceof HttpError
      if (isDraining) tellEnd(reader, { type: 'closing' }, returnDelay)
      reader.end()
    },
  })
  const observer = {
    opened: (at: Offset, atTail: boolean) => {
      // A stream that is closed already tells its end instead.
      if (atTail && !info.closed) reader.write(encoder.control(at))
    },
    over: (end: FollowEnd) => {
      if (end.type !== 'end') tellEnd(reader, end, returnDelay)
      else reader.write(encoder.closed(end.at, end.end))
      reader.end()
    },
  }
  reader.follow(delivery, info, { place, encoder, observer })
  return reader.response
}

function tellEnd(
  reader: SseReader,
  end: Exclude<FollowEnd, { type: 'end' }>,
  returnDelay: () => number,
): void {
  if (end.type === 'closing') return reader.write(retryLine(returnDelay()))
  reader.write(errorEvent(faultOf(end)))
}

function faultOf(end: Exclude<FollowEnd, { type: 'end' | 'closing' }>): SseFault {
  if (end.type === 'gone') {
    const { reason } = end
    return { code: 'stream_gone', message: `The stream is gone (${reason}).`, reason }
  }
  const { code, first } = followFault(end)
  return { code, message: STREAM_ERRORS[code], ...(first && { first: encodeOffset(first) }) }
}
