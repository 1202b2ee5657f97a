/**
 * One request to a model service and the stream of events that answers it: sent again while nothing
 * has come, watched for silence, decoded by the SDK, and each failure named.
 */
import type { OpenAI } from 'openai'
import type { Stream } from 'openai/core/streaming'
import { setTimeout as sleep } from 'node:timers/promises'
import { redact } from './redact.ts'
import { retryPause } from './retry.ts'
import { upstreamError } from './upstream-cause.ts'
import { UpstreamError } from './upstream-error.ts'
import { WatchedBody } from './watched-body.ts'

/** What is used of the package `openai`, which is loaded in openai.ts alone. */
export interface SDK {
  readonly OpenAI: typeof OpenAI
  readonly Stream: typeof Stream
}

/** Whom is asked, and how long they are waited for. */
export interface Service {
  readonly sdk: SDK
  readonly client: OpenAI
  /** What must not appear in an error: the key, at the least. */
  readonly secrets: readonly string[]
  readonly maxRetries: number
  /** Milliseconds until the first byte of an answer, retries and their pauses included. */
  readonly startMs: number
  /** Milliseconds without a byte. */
  readonly stallMs: number
}

/** How a request is sent once; to be passed to the SDK. */
export interface SendOptions {
  readonly signal: AbortSignal
  readonly timeout: number
  readonly maxRetries: number
}

export interface Opening {
  readonly maxRetries: number
  /** Milliseconds until the first byte of the answer; no limit but that of each silence by default. */
  readonly withinMs?: number
  /** Ends the pauses between the attempts, and lets an attempt that is under way go on. */
  readonly stop: AbortSignal
}

export class EventStream {
  readonly #service: Service
  readonly #send: (options: SendOptions) => Promise<Response>
  readonly #outer: AbortSignal
  readonly #connection = new AbortController()
  readonly #hangUp = (): void => this.#connection.abort()
  #response: Response | undefined
  #deadline = Infinity
  #failure: UpstreamError | undefined
  #done = false

  /**
   * @param send sends the request once.
   * @param signal hangs up.
   */
  constructor(service: Service, send: (options: SendOptions) => Promise<Response>, signal: AbortSignal) {
    this.#service = service
    this.#send = send
    this.#outer = signal
  }

  /** How the request or its connection failed; undefined while it has not. */
  get failure(): UpstreamError | undefined {
    return this.#failure
  }

  /** Whether the service said `[DONE]`. */
  get done(): boolean {
    return this.#done
  }

  /**
   * What the service sends, parsed, to its end. Once only. An end without an error says that the
   * connection was closed, here or there: whether the answer is whole, its last event tells.
   *
   * @throws {UpstreamError} which is `failure` from then on.
   */
  async *data(opening: Opening): AsyncGenerator<unknown, void, undefined> {
    if (this.#outer.aborted) this.#hangUp()
    this.#outer.addEventListener('abort', this.#hangUp, { once: true })
    try {
      this.#deadline = performance.now() + (opening.withinMs ?? Infinity)
      this.#response = await this.#open(opening)
      yield* this.#read(this.#response)
    } finally {
      this.#outer.removeEventListener('abort', this.#hangUp)
      this.#hangUp()
    }
  }

  /** The failure of a stream that ended before the answer did. */
  cut(): UpstreamError {
    const type = this.#response?.headers.get('content-type') ?? 'none'
    if (type.startsWith('text/event-stream')) {
      return this.#fail(new UpstreamError('cut', 'the stream ended without a last event'))
    }
    return new UpstreamError(
      'bad_answer',
      `an event stream was due, the content type is ${redact(type, [], 80)}`,
    )
  }

  async #open({ maxRetries, withinMs, stop }: Opening): Promise<Response> {
    const { secrets, stallMs } = this.#service
    const limitMs = withinMs ?? stallMs
    let late = false
    // A deadline of our own: the SDK's ends with the headers, and the body of an error has none.
    const timer = setTimeout(() => {
      late = true
      this.#hangUp()
    }, limitMs)
    try {
      for (let attempt = 0; ; attempt++) {
        try {
          return await this.#send({ signal: this.#connection.signal, timeout: stallMs, maxRetries: 0 })
        } catch (error) {
          const pause = attempt < maxRetries && !late ? retryPause(error, attempt) : undefined
          if (pause === undefined || performance.now() + pause >= this.#deadline) throw error
          await sleep(pause, undefined, { signal: AbortSignal.any([stop, this.#connection.signal]) })
        }
      }
    } catch (error) {
      const fault = upstreamError(error, secrets)
      throw this.#fail(late ? new UpstreamError('timed_out', `no answer within ${limitMs} ms`) : fault)
    } finally {
      clearTimeout(timer)
    }
  }

  async *#read(response: Response): AsyncGenerator<unknown, void, undefined> {
    if (response.body === null) throw this.cut()
    const { sdk, client, stallMs } = this.#service
    const firstMs = Math.min(stallMs, Math.max(0, this.#deadline - performance.now()))
    const body = new WatchedBody(response.body as ReadableStream<Uint8Array>, stallMs, this.#hangUp, firstMs)
    const watched = new Response(body.bytes, { headers: response.headers })
    try {
      // Decoded here and not by the SDK's methods, which show neither bytes nor the end of the body.
      // In the mode `events` an error of the service comes as data, with all that it says.
      yield* sdk.Stream.fromSSEResponse<unknown>(watched, this.#connection, client, false, 'events')
    } catch (error) {
      throw this.#fail(body.silent ? this.#silence(body, firstMs) : this.#brokenOff(error, body))
    }
    // Hanging up ends the decoder without an error.
    if (body.silent) throw this.#fail(this.#silence(body, firstMs))
    // The decoder stops at `[DONE]`, and reads on to the end of the body without one.
    this.#done = !body.ended && !this.#connection.signal.aborted
  }

  #silence(body: WatchedBody, firstMs: number): UpstreamError {
    const { stallMs } = this.#service
    return !body.begun && firstMs < stallMs
      ? new UpstreamError('timed_out', 'headers came in time, but no answer')
      : new UpstreamError('stalled', `not a byte for ${stallMs} ms`)
  }

  /** Once there is an answer, a connection that fails breaks it off. */
  #brokenOff(error: unknown, body: WatchedBody): UpstreamError {
    const fault = upstreamError(error, this.#service.secrets)
    // An answer that ends within an event, of which the decoder only sees that its JSON is not whole.
    const withinEvent = body.ended && error instanceof SyntaxError
    return fault.code === 'unreachable' || withinEvent ? new UpstreamError('cut', fault.detail) : fault
  }

  #fail(failure: UpstreamError): UpstreamError {
    this.#failure = failure
    return failure
  }
}
