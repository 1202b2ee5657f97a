/** `GET …?live=sse`: a stream as server-sent events, from an offset to its end. */
import type { Buffer } from 'node:buffer'
import type { Delivery } from '../../../delivery/delivery.ts'
import { Outlet } from '../../../delivery/outlet.ts'
import type { FollowEnd } from '../../../delivery/reader.ts'
import { HttpError } from '../../../protocol/errors.ts'
import { encodeOffset } from '../../../protocol/offset.ts'
import type { Offset, Place } from '../../../protocol/offset.ts'
import { STREAM_ERRORS } from '../../../protocol/stream-errors.ts'
import type { StreamInfo } from '../../../streams/stream.ts'
import type { Deadlines } from '../../../time/deadlines.ts'
import type { Exchange } from '../exchange.ts'
import { followFault } from '../../follow-fault.ts'
import { SSE_COMMENT, errorEvent, retryLine } from './sse-encoder.ts'
import type { SseEvents, SseFault } from './sse-encoder.ts'
import { SSE_HEADERS, openSse } from './sse-response.ts'
import type { SseResponse } from './sse-response.ts'
import { BASE64, PRIVATE } from '../stream-headers.ts'

export interface SseOptions {
  readonly delivery: Delivery
  readonly encoder: SseEvents
  /** Timers of the signs of life. */
  readonly signs: Deadlines
  /** Seconds after which a reader should reconnect when the server shuts down; drawn for each reader. */
  readonly returnDelay: () => number
  /** Called when following ends. May be called again. */
  readonly release: () => void
}

/** Follows a stream until it ends or its reader leaves. */
export function followAsEvents(
  info: StreamInfo,
  place: Place,
  exchange: Exchange,
  options: SseOptions,
): Response {
  const { delivery, encoder, signs, release } = options
  const headers = { ...PRIVATE, ...SSE_HEADERS, ...(encoder.isBase64 && BASE64) }
  const sse: SseResponse = openSse(headers, exchange.outgoing, {
    drained: () => outlet.drained(),
    ended: () => {
      stop()
      outlet.gone()
    },
  })
  const outlet: Outlet<Buffer> = new Outlet({
    write: (frame) => sse.write(frame),
    cutSlow: () => sse.cut(),
  })
  const sign = (): void => {
    if (outlet.writable) sse.write(SSE_COMMENT)
    signs.add(sign)
  }
  const observer = {
    opened: (at: Offset, atTail: boolean) => {
      // A stream that is closed already tells its end instead.
      if (atTail && !info.closed) sse.write(encoder.control(at))
    },
    over: (end: FollowEnd) => {
      if (end.type !== 'end') tellEnd(sse, end, options.returnDelay)
      else sse.write(encoder.closed(end.at, end.end))
      letGo()
      sse.end()
    },
  }
  signs.add(sign)
  const follow = delivery.follow(info.id, {
    place,
    outlet,
    encoder,
    observer,
    incarnation: info.incarnation,
    first: info.first,
  })
  const letGo = (): void => {
    release()
    // A sign of life after the end would be an error.
    signs.delete(sign)
    exchange.signal.removeEventListener('abort', drain)
    leave?.()
  }
  const stop = (): void => {
    follow.stop()
    letGo()
  }
  // The server, or this part of it, shuts down; its delivery may go on elsewhere.
  const drain = (): void => {
    if (!(exchange.signal.reason instanceof HttpError)) return
    stop()
    tellEnd(sse, { type: 'closing' }, options.returnDelay)
    sse.end()
  }
  // A reader that returns is authenticated again.
  const leave = exchange.whileSignedIn?.(() => {
    stop()
    sse.end()
  })
  if (exchange.signal.aborted) queueMicrotask(drain)
  else exchange.signal.addEventListener('abort', drain)
  return sse.response
}

function tellEnd(
  sse: SseResponse,
  end: Exclude<FollowEnd, { type: 'end' }>,
  returnDelay: () => number,
): void {
  if (end.type === 'closing') return void sse.write(retryLine(returnDelay()))
  sse.write(errorEvent(faultOf(end)))
}

function faultOf(end: Exclude<FollowEnd, { type: 'end' | 'closing' }>): SseFault {
  if (end.type === 'gone') {
    const { reason } = end
    return { code: 'stream_gone', message: `The stream is gone (${reason}).`, reason }
  }
  const { code, first } = followFault(end)
  return { code, message: STREAM_ERRORS[code], ...(first && { first: encodeOffset(first) }) }
}
