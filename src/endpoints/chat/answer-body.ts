/** An answer as the body of an HTTP response: server-sent events, as `DefaultChatTransport` and similar clients read them. */
import { Buffer } from 'node:buffer'
import type { Delivery } from '../../delivery/delivery.ts'
import { Outlet } from '../../delivery/outlet.ts'
import type { FollowEnd } from '../../delivery/reader.ts'
import type { Place } from '../../protocol/offset.ts'
import type { StreamInfo } from '../../streams/stream.ts'
import type { Deadlines } from '../../time/deadlines.ts'
import type { Exchange } from '../http/exchange.ts'
import { SSE_COMMENT } from '../http/reads/sse-encoder.ts'
import { SSE_HEADERS, type SseResponse, openSse } from '../http/reads/sse-response.ts'
import { PRIVATE } from '../http/stream-headers.ts'
import { GONE, lostWords } from '../../conversation/last-words.ts'
import { RunChunks } from './run-chunks.ts'

const DONE = Buffer.from('data: [DONE]\n\n')

export interface AnswerBodyOptions {
  readonly delivery: Delivery
  /** The clock of the signs of life. */
  readonly signs: Deadlines
  readonly place: Place
  /** Whether the client counts chunks. */
  readonly isCounted: boolean
  readonly headers?: Readonly<Record<string, string>>
  /** Called when the stream is no longer followed, maybe repeatedly. `isTold`: its end was written. */
  readonly left: (isTold: boolean) => void
}

/**
 * Follows a run to its end, or until its reader leaves. A body that ends is the whole answer, or says why it is not. If
 * this server cannot continue, the body breaks, so that the client knows that there is more.
 */
export function answerBody(
  info: StreamInfo,
  exchange: Omit<Exchange, 'params'>,
  { delivery, signs, place, isCounted, headers, left }: AnswerBodyOptions,
): Response {
  const all = { ...PRIVATE, ...SSE_HEADERS, 'x-vercel-ai-ui-message-stream': 'v1', ...headers }
  const sse: SseResponse = openSse(all, exchange.outgoing, {
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
  const encoder = new RunChunks<Buffer>({ isCounted, frame: eventsOf })
  const letGo = (isTold: boolean): void => {
    signs.delete(sign)
    exchange.signal.removeEventListener('abort', breakOff)
    signedOut?.()
    left(isTold)
  }
  const over = (end: FollowEnd): void => {
    letGo(end.type === 'end')
    if (end.type === 'closing') return sse.cut()
    const last = end.type === 'end' ? encoder.lastFrame(end.end) : eventsOf(lostWords(GONE))
    if (last) sse.write(last)
    sse.write(DONE)
    sse.end()
  }
  const { id, incarnation, first } = info
  const observer = { opened: () => {}, over }
  signs.add(sign)
  const follow = delivery.follow(id, { place, outlet, encoder, observer, incarnation, first })
  const stop = (): void => {
    follow.stop()
    letGo(false)
  }
  const breakOff = (): void => {
    stop()
    sse.cut()
  }
  // A client that comes back is authenticated again.
  const signedOut = exchange.whileSignedIn?.(breakOff)
  if (exchange.signal.aborted) queueMicrotask(breakOff)
  else exchange.signal.addEventListener('abort', breakOff)
  return sse.response
}

function eventsOf(chunks: readonly string[]): Buffer {
  return Buffer.from(`data: ${chunks.join('\n\ndata: ')}\n\n`)
}
