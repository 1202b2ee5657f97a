/**
 * One request to a model service and the stream of events that answers it: sent again while nothing
 * of an answer has come, watched for silence, taken apart, and each failure named.
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

/** Whom is asked, and how long they are waited for. */
export interface Service {
  readonly client: OpenAI
  /** What must not appear in an error: the key, at the least. */
  readonly secrets: readonly string[]
  readonly maxRetries: number
  /** Milliseconds until the first byte of an answer, retries and their pauses included. */
  readonly startMs: number
  /** Milliseconds without a byte. */
  readonly stallMs: number
  /** Is called for each sign of life. */
  readonly alive: () => void
  /** What makes fetch as patient as this is. */
  readonly fetchOptions: { readonly dispatcher: unknown } | undefined
}

/** How a request is sent once; to be passed to the SDK. */
export interface SendOptions {
  readonly signal: AbortSignal
  readonly timeout: number
  readonly maxRetries: number
  readonly fetchOptions?: object
}

export interface Opening {
  readonly maxRetries: number
  /** Milliseconds until the first byte of the answer; no limit but that of each silence by default. */
  readonly withinMs?: number
  /** Ends the pauses between the attempts, and lets an attempt that is under way go on. */
  readonly stop: AbortSignal
}

/** What is asked, and how the answer is read. */
export interface StreamedCall<Event> {
  /** Sends the request once. */
  readonly send: (options: SendOptions) => Promise<Response>
  /**
   * The event to pass on of what the service sent, parsed; undefined for what is none.
   *
   * @throws {UpstreamError} for an error that it says, and for what cannot be understood.
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

  /** How the request or its connection failed; undefined while it has not. */
  get failure(): UpstreamError | undefined {
    return this.#failure
  }

  /** What the service said in the stream in place of an answer. */
  get refusal(): UpstreamError | undefined {
    return this.#refusal
  }

  /** Whether the service said `[DONE]`. */
  get done(): boolean {
    return this.#done
  }

  /**
   * What the service sends, to its end. Once only. An end without an error says that the connection
   * was closed, here or there: whether the answer is whole, its last event tells.
   *
   * @throws {UpstreamError} which is `failure` or `refusal` from then on, or what `read` threw.
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

  /** The answer is whole: what may follow is waited for so many milliseconds, from the first call. */
  endWithin(ms: number): void {
    this.#endTimer ??= setTimeout(this.#hangUp, ms)
  }

  /** The failure of a stream that ended before the answer did. */
  cut(): UpstreamError {
    const type = this.#response?.headers.get('content-type') ?? 'none'
    if (!type.startsWith('text/event-stream')) {
      const detail = `an event stream was due, the content type is ${redact(type, [], 80)}`
      return new UpstreamError('bad_answer', detail)
    }
    const ignored = this.#begun || this.#ignored === 0 ? '' : `; ${this.#ignored} events were no part of it`
    return this.#fail(new UpstreamError('cut', `the stream ended without a last event${ignored}`))
  }

  async *#answer(opening: Opening): AsyncGenerator<Event, void, undefined> {
    this.#failure = undefined
    this.#refusal = undefined
    this.#response = await this.#open(opening)
    yield* this.#read(this.#response)
    // Nothing of an answer: as good as a connection that was cut.
    if (!this.#begun && !this.#call.signal.aborted) throw this.cut()
  }

  async #open({ withinMs }: Opening): Promise<Response> {
    const { stallMs, alive, fetchOptions } = this.#service
    const limitMs = Math.max(0, withinMs === undefined ? stallMs : this.#deadline - performance.now())
    let late = false
    // A deadline of our own: the SDK's ends with the headers, and the body of an error has none.
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
      // Once there is an answer, a connection that fails breaks it off.
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
      // JSON that stops in the middle is the connection's doing.
      const { code } = error as UpstreamError
      throw code === 'cut' ? this.#fail(error as UpstreamError) : error
    }
  }

  /** Of JSON that stands in the body by itself. */
  #noEvent(): UpstreamError {
    const { code, detail } = this.cut()
    return new UpstreamError('bad_answer', code === 'cut' ? 'JSON in place of an event' : detail)
  }

  #silence(body: WatchedBody, firstMs: number): UpstreamError {
    const { stallMs } = this.#service
    return !body.begun && firstMs < stallMs
      ? new UpstreamError('timed_out', 'headers came in time, but no answer')
      : new UpstreamError('stalled', `not a byte for ${stallMs} ms`)
  }

  /** An error of the SDK, of fetch or of a pause is the connection's. */
  #known(error: unknown): UpstreamError {
    return error instanceof UpstreamError ? error : this.#fail(upstreamError(error, this.#service.secrets))
  }

  #fail(failure: UpstreamError): UpstreamError {
    this.#failure = failure
    return failure
  }
}

/** An error that has its type is read as an event is. */
function saysItself(value: unknown): boolean {
  return (value as { readonly type?: unknown } | null)?.type === 'error'
}
