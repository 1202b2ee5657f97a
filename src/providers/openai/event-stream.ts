/**
 * One request to a model service, and the stream of events that answers it. The request is sent again while
 * no part of an answer has come. The stream is watched for silence and parsed, and each failure gets its
 * code.
 */
import type { OpenAI } from 'openai'
import { setTimeout as sleep } from 'node:timers/promises'
import { faultIn, faultOf } from '../api-fault.ts'
import { isSignOfLife, readData } from './event-data.ts'
import type { EventData } from './event-data.ts'
import { redact } from '../redact.ts'
import { retryPause } from './retry.ts'
import { SentEvents } from './sent-events.ts'
import type { SentEvent } from './sent-events.ts'
import { apiError, upstreamError } from '../upstream-cause.ts'
import { UpstreamError } from '../upstream-error.ts'
import { WatchedBody } from './watched-body.ts'

/** The model service, and how long to wait for it. */
export interface Service {
  readonly client: OpenAI
  /** Texts that must not appear in an error, such as the key. */
  readonly secrets: readonly string[]
  readonly maxRetries: number
  /** Milliseconds until the first byte of an answer, including retries and their pauses. */
  readonly startMs: number
  /** Milliseconds without a byte. */
  readonly stallMs: number
  /** Called for each sign of life. */
  readonly alive: () => void
  /** Options that remove the time limits of fetch itself. */
  readonly fetchOptions: { readonly dispatcher: unknown } | undefined
}

/** Options of the SDK for sending a request once. */
export interface SendOptions {
  readonly signal: AbortSignal
  readonly timeout: number
  readonly maxRetries: number
  readonly fetchOptions?: object
}

export interface Opening {
  readonly maxRetries: number
  /** Milliseconds until the first byte of the answer. By default only silence is limited. */
  readonly withinMs?: number
  /** Ends a pause between attempts, but not an attempt. */
  readonly stop: AbortSignal
}

/** How a request is sent, and its answer read. */
export interface StreamedCall<Event> {
  /** Sends the request once. */
  readonly send: (options: SendOptions) => Promise<Response>
  /**
   * The event to pass on, made of a parsed value of the service; undefined for a value that is not one.
   *
   * @throws {UpstreamError} for an error in the value, and for a value that cannot be understood.
   */
  readonly read: (data: unknown) => Event | undefined
  /** Hangs up. */
  readonly signal: AbortSignal
}

export class EventStream<Event> {
  readonly #service: Service
  readonly #call: StreamedCall<Event>
  #connection = new AbortController()
  readonly #hangUp = (): void => this.#connection.abort()
  #response: Response | undefined
  #deadline = Infinity
  #failure: UpstreamError | undefined
  #refusal: UpstreamError | undefined
  #endTimer: NodeJS.Timeout | undefined
  #begun = false
  #ignored = 0
  #done = false

  constructor(service: Service, call: StreamedCall<Event>) {
    this.#service = service
    this.#call = call
  }

  /** How the request or its connection failed; undefined if it did not. */
  get failure(): UpstreamError | undefined {
    return this.#failure
  }

  /** The error that the service sent instead of an answer. */
  get refusal(): UpstreamError | undefined {
    return this.#refusal
  }

  /** Whether the service sent `[DONE]`. */
  get done(): boolean {
    return this.#done
  }

  /**
   * The events of the service. Call it once. An end without an error says only that the connection was
   * closed, on either side; the last event tells whether the answer is whole.
   *
   * @throws {UpstreamError} which is then `failure` or `refusal`, or the error of `read`.
   */
  async *events(opening: Opening): AsyncGenerator<Event, void, undefined> {
    const { signal } = this.#call
    const { maxRetries, stop } = opening
    this.#deadline = performance.now() + (opening.withinMs ?? Infinity)
    const hangUp = (): void => this.#hangUp()
    signal.addEventListener('abort', hangUp, { once: true })
    try {
      for (let attempt = 0; ; attempt++) {
        this.#connection = new AbortController()
        if (signal.aborted) this.#hangUp()
        try {
          yield* this.#answer(opening)
          return
        } catch (error) {
          const pause = this.#begun || attempt >= maxRetries ? undefined : retryPause(error, attempt)
          if (pause === undefined || performance.now() + pause >= this.#deadline) throw error
          await sleep(pause, undefined, { signal: AbortSignal.any([stop, signal]) })
        } finally {
          this.#hangUp()
        }
      }
    } catch (error) {
      throw this.#known(error)
    } finally {
      signal.removeEventListener('abort', hangUp)
      clearTimeout(this.#endTimer)
    }
  }

  /** The answer is whole: waits this many milliseconds, from the first call, for data that may follow. */
  endWithin(ms: number): void {
    this.#endTimer ??= setTimeout(this.#hangUp, ms)
  }

  /** The failure of a stream that ended before the answer did. */
  cut(): UpstreamError {
    const type = this.#response?.headers.get('content-type') ?? 'none'
    if (!type.startsWith('text/event-stream')) {
      const detail = `not an event stream: the content type is ${redact(type, [], 80)}`
      return new UpstreamError('bad_answer', detail)
    }
    const ignored = this.#begun || this.#ignored === 0 ? '' : `; ${this.#ignored} events were ignored`
    return this.#fail(new UpstreamError('cut', `the stream ended without a last event${ignored}`))
  }

  async *#answer(opening: Opening): AsyncGenerator<Event, void, undefined> {
    this.#failure = undefined
    this.#refusal = undefined
    this.#response = await this.#open(opening)
    yield* this.#read(this.#response)
    // An end without any part of an answer counts as a cut connection.
    if (!this.#begun && !this.#call.signal.aborted) throw this.cut()
  }

  async #open({ withinMs }: Opening): Promise<Response> {
    const { stallMs, alive, fetchOptions } = this.#service
    const limitMs = Math.max(0, withinMs === undefined ? stallMs : this.#deadline - performance.now())
    let late = false
    // The SDK's timeout ends with the headers, and the body of an error has no limit.
    const timer = setTimeout(() => {
      late = true
      this.#hangUp()
    }, limitMs)
    try {
      const { signal } = this.#connection
      const options = { signal, timeout: stallMs, maxRetries: 0, ...(fetchOptions && { fetchOptions }) }
      const response = await this.#call.send(options)
      alive()
      return response
    } catch (error) {
      throw late
        ? this.#fail(new UpstreamError('timed_out', `no answer within ${withinMs ?? stallMs} ms`))
        : error
    } finally {
      clearTimeout(timer)
    }
  }

  async *#read(response: Response): AsyncGenerator<Event, void, undefined> {
    if (response.body === null) throw this.cut()
    const { stallMs, alive } = this.#service
    const firstMs = Math.min(stallMs, Math.max(0, this.#deadline - performance.now()))
    const bytes = response.body as ReadableStream<Uint8Array>
    const body = new WatchedBody(bytes, stallMs, this.#hangUp, firstMs, alive)
    const reader = body.bytes.getReader()
    const text = new TextDecoder()
    const events = new SentEvents()
    try {
      for (;;) {
        const next = await this.#next(reader, body, firstMs)
        if (next === undefined) return
        const part = text.decode(next.value, { stream: !next.done })
        for (const event of events.push(part)) yield* this.#said(event)
        if (next.done) for (const event of events.end()) yield* this.#said(event)
        if (next.done || this.#done) return
      }
    } finally {
      this.#hangUp()
      await reader.cancel().catch(() => undefined)
    }
  }

  /** The next bytes; undefined when this side hung up. */
  async #next(
    reader: ReadableStreamDefaultReader<Uint8Array>,
    body: WatchedBody,
    firstMs: number,
  ): Promise<Awaited<ReturnType<typeof reader.read>> | undefined> {
    try {
      return await reader.read()
    } catch (error) {
      if (body.silent) throw this.#fail(this.#silence(body, firstMs))
      if (this.#connection.signal.aborted) return undefined
      // During an answer, a connection that fails cuts the answer.
      const fault = upstreamError(error, this.#service.secrets)
      throw this.#fail(fault.code === 'unreachable' ? new UpstreamError('cut', fault.detail) : fault)
    }
  }

  *#said(event: SentEvent): Generator<Event, void, undefined> {
    for (const data of this.#dataOf(event)) {
      if (this.#done || data === 'alive') continue
      if (data === 'done') {
        this.#done = true
        continue
      }
      const item = this.#readValue(data.value, event)
      if (item === undefined) {
        if (!isSignOfLife(data.value)) this.#ignored++
        continue
      }
      this.#begun = true
      yield item
    }
  }

  #readValue(value: unknown, { event, bare }: SentEvent): Event | undefined {
    try {
      if (!bare && (event !== 'error' || saysItself(value))) return this.#call.read(value)
      const fault = bare ? faultIn(value) : faultOf(value)
      throw fault ? apiError(fault, this.#service.secrets) : this.#noEvent()
    } catch (error) {
      if (!this.#begun && error instanceof UpstreamError) this.#refusal = error
      throw error
    }
  }

  #dataOf(event: SentEvent): readonly EventData[] {
    try {
      return readData(event, this.#service.secrets)
    } catch (error) {
      // The connection is the cause of JSON that ends in the middle.
      const { code } = error as UpstreamError
      throw code === 'cut' ? this.#fail(error as UpstreamError) : error
    }
  }

  /** The error for JSON that stands in the body without an event. */
  #noEvent(): UpstreamError {
    const { code, detail } = this.cut()
    return new UpstreamError('bad_answer', code === 'cut' ? 'JSON instead of an event' : detail)
  }

  #silence(body: WatchedBody, firstMs: number): UpstreamError {
    const { stallMs } = this.#service
    return !body.begun && firstMs < stallMs
      ? new UpstreamError('timed_out', 'headers came in time, but no answer')
      : new UpstreamError('stalled', `no data for ${stallMs} ms`)
  }

  /** Errors of the SDK, of fetch and of a pause are failures of the connection. */
  #known(error: unknown): UpstreamError {
    return error instanceof UpstreamError ? error : this.#fail(upstreamError(error, this.#service.secrets))
  }

  #fail(failure: UpstreamError): UpstreamError {
    this.#failure = failure
    return failure
  }
}

/** Whether an error has its type, and is read like an event. */
function saysItself(value: unknown): boolean {
  return (value as { readonly type?: unknown } | null)?.type === 'error'
}
