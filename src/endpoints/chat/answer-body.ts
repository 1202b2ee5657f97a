/** An answer as the body of an HTTP response: server-sent events, as `DefaultChatTransport` and similar clients read them. */
import { Buffer } from 'node:buffer'
import type { Delivery } from '../../delivery/delivery.ts'
import type { FollowEnd } from '../../delivery/reader.ts'
import type { Place } from '../../protocol/offset.ts'
import type { StreamInfo } from '../../streams/stream.ts'
import type { Deadlines } from '../../time/deadlines.ts'
import type { Exchange } from '../http/exchange.ts'
import { SSE_COMMENT } from '../http/reads/sse-encoder.ts'
import { SseReader } from '../http/reads/sse-reader.ts'
import { SSE_HEADERS } from '../http/reads/sse-response.ts'
import { PRIVATE } from '../http/stream-headers.ts'
import { GONE, lostWords } from '../../conversation/last-words.ts'
import { RunChunks } from './run-chunks.ts'

const DONE = Buffer.from('data: [DONE]\n\n')

export interface AnswerBodyOptions {
  readonly delivery: Delivery
  /** The clock of the signs of life. */
  readonly signs: Deadlines
  /** Whether the client counts chunks. */
  readonly isCounted: boolean
  /** Chunks that come before those of the run. */
  readonly before: readonly string[]
  readonly headers: Readonly<Record<string, string>>
  /** Called once, when the client reads no more. `isTold`: the end of the run was written. */
  readonly left: (isTold: boolean) => void
}

/**
 * Follows a run, now or once it has begun, to its end, or until its reader leaves. A body that ends is the whole answer, or says why it is not. If
 * this server cannot continue, the body breaks, so that the client knows that there is more.
 */
export class AnswerBody {
  readonly #reader: SseReader
  readonly #options: AnswerBodyOptions
  #isRead = true
  #release: (() => void) | undefined

  constructor(exchange: Omit<Exchange, 'params'>, options: AnswerBodyOptions) {
    const headers = { ...PRIVATE, ...SSE_HEADERS, 'x-vercel-ai-ui-message-stream': 'v1', ...options.headers }
    this.#options = options
    this.#reader = new SseReader(exchange, {
      headers,
      signs: options.signs,
      interrupted: () => this.#reader.cut(),
      left: (end) => {
        this.#isRead = false
        this.#release?.()
        options.left(end?.type === 'end')
      },
    })
    // What stands between may wait for a first byte.
    this.#reader.write(SSE_COMMENT)
  }

  get response(): Response {
    return this.#reader.response
  }

  /** Whether its client still reads it. */
  get isRead(): boolean {
    return this.#isRead
  }

  /** @param release called when the run is followed no more. */
  follow(run: StreamInfo, place: Place, release: () => void): void {
    this.#release = release
    const { delivery, isCounted, before } = this.#options
    const encoder = new RunChunks<Buffer>({ isCounted, before, frame: eventsOf })
    const over = (end: FollowEnd): void => {
      if (end.type === 'closing') return this.#reader.cut()
      this.#finish(end.type === 'end' ? encoder.lastFrame(end.end) : eventsOf(lostWords(GONE)))
    }
    this.#reader.follow(delivery, run, { place, encoder, observer: { opened: () => {}, over } })
  }

  /** Ends it with an error that the page shows. */
  refuse(why: string): void {
    if (this.#isRead) this.#finish(eventsOf(lostWords(why)))
  }

  #finish(last: Buffer | undefined): void {
    if (last) this.#reader.write(last)
    this.#reader.write(DONE)
    this.#reader.end()
  }
}

function eventsOf(chunks: readonly string[]): Buffer {
  return Buffer.from(`data: ${chunks.join('\n\ndata: ')}\n\n`)
}
