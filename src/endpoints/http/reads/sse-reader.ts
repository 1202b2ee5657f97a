/**
 * One reader of server-sent events: it gets signs of life, and follows a stream until that ends, the reader leaves or is
 * signed out, or the server goes down.
 */
import type { Buffer } from 'node:buffer'
import type { Delivery, Follow } from '../../../delivery/delivery.ts'
import { Outlet } from '../../../delivery/outlet.ts'
import type { FollowEnd, ReaderOptions } from '../../../delivery/reader.ts'
import type { StreamInfo } from '../../../streams/stream.ts'
import type { Deadlines } from '../../../time/deadlines.ts'
import type { Exchange } from '../exchange.ts'
import { SSE_COMMENT } from './sse-encoder.ts'
import { type SseResponse, openSse } from './sse-response.ts'

export interface SseReaderOptions {
  readonly headers: Readonly<Record<string, string>>
  /** Timers of the signs of life. */
  readonly signs: Deadlines
  /**
   * Called when the request is aborted, or the reader is signed out, after which it gets no more of the stream: writes last
   * words, and ends the response or cuts it.
   */
  readonly interrupted: (why: 'aborted' | 'signed-out') => void
  /** Called once, when it follows no more. `end`: of the stream, if that was why. */
  readonly left: (end: FollowEnd | undefined) => void
}

/** What is followed, without where it goes. */
export type SseFollow = Omit<ReaderOptions<Buffer>, 'outlet' | 'incarnation' | 'first'>

export class SseReader {
  readonly #sse: SseResponse
  readonly #outlet: Outlet<Buffer>
  readonly #options: SseReaderOptions
  readonly #signedOut: (() => void) | undefined
  readonly #signal: AbortSignal
  #follow: Follow | undefined
  #isOver = false

  constructor({ outgoing, signal, whileSignedIn }: Omit<Exchange, 'params'>, options: SseReaderOptions) {
    this.#options = options
    this.#signal = signal
    this.#sse = openSse(options.headers, outgoing, {
      drained: () => this.#outlet.drained(),
      ended: () => {
        this.#leave()
        this.#outlet.gone()
      },
    })
    this.#outlet = new Outlet({ write: (frame) => this.#sse.write(frame), cutSlow: () => this.cut() })
    options.signs.add(this.#sign)
    // A reader that comes back is authenticated again.
    this.#signedOut = whileSignedIn?.(() => this.#interrupt('signed-out'))
    if (signal.aborted) queueMicrotask(this.#aborted)
    else signal.addEventListener('abort', this.#aborted)
  }

  get response(): Response {
    return this.#sse.response
  }

  /** Follows a stream to its end, unless the reader has left. `over` is called after `left`. */
  follow(delivery: Delivery, { id, incarnation, first }: StreamInfo, request: SseFollow): void {
    if (this.#isOver) return
    const over = (end: FollowEnd): void => {
      this.#leave(end)
      request.observer.over(end)
    }
    const observer = { ...request.observer, over }
    const what = { ...request, observer, outlet: this.#outlet, incarnation, first }
    this.#follow = delivery.follow(id, what)
  }

  write(data: Buffer): void {
    this.#sse.write(data)
  }

  end(): void {
    this.#leave()
    this.#sse.end()
  }

  /** Ends it at once, so that the client knows that there is more. */
  cut(): void {
    this.#leave()
    this.#sse.cut()
  }

  readonly #sign = (): void => {
    if (this.#outlet.writable) this.#sse.write(SSE_COMMENT)
    this.#options.signs.add(this.#sign)
  }

  readonly #aborted = (): void => this.#interrupt('aborted')

  #interrupt(why: 'aborted' | 'signed-out'): void {
    if (this.#isOver) return
    this.#leave()
    this.#options.interrupted(why)
  }

  #leave(end?: FollowEnd): void {
    if (this.#isOver) return
    this.#isOver = true
    // A sign of life after the end would be an error.
    this.#options.signs.delete(this.#sign)
    this.#signal.removeEventListener('abort', this.#aborted)
    this.#signedOut?.()
    this.#follow?.stop()
    this.#options.left(end)
  }
}
