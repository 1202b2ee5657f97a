/**
 * One response of the Responses API that the service makes in the background. It outlives its connection and
 * this process: another connection or process continues it by its id and the `sequence_number` of the last
 * event, so nothing is generated, or paid for, twice. It has to be cancelled by its id, or it would go on
 * unread.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { isSequenceNumber, readPlace } from './background-place.ts'
import { BackgroundProgress } from './background-progress.ts'
import { BackgroundRequests } from './background-requests.ts'
import { EventStream } from './event-stream.ts'
import type { Opening, Service } from './event-stream.ts'
import type { BackgroundLimits, ResponseRequest } from './options.ts'
import { RunMovedError } from '../provider.ts'
import type { ProviderContext } from '../provider.ts'
import type { ResponseStreamEvent } from './response-event.ts'
import { backoff } from './retry.ts'
import { UpstreamError } from '../upstream-error.ts'
import type { UpstreamErrorCode } from '../upstream-error.ts'

/** Failures of the connection, after which the response is joined again. */
const BROKEN: ReadonlySet<UpstreamErrorCode> = new Set([
  'cut',
  'stalled',
  'unreachable',
  'timed_out',
  'unavailable',
  'rate_limited',
])

/** Times in a row that missing events are requested again, before they count as lost at the service. */
const MAX_GAPS = 2

/** Milliseconds that a stop waits for the id of a response that is being created. */
const ID_WAIT = 10_000

export class BackgroundResponse {
  readonly #service: Service
  readonly #limits: BackgroundLimits
  readonly #context: ProviderContext
  readonly #signal: AbortSignal
  readonly #requests: BackgroundRequests
  readonly #progress: BackgroundProgress
  readonly #startBy: number
  #connection = new AbortController()
  #stream: EventStream<ResponseStreamEvent> | undefined
  /** Whether the last data has a number, and so is a part of the response. */
  #numbered = false
  #queuedTooLong = false
  #queueTimer: NodeJS.Timeout | undefined
  #idTimer: NodeJS.Timeout | undefined
  #cancelled: Promise<void> | undefined

  /**
   * @param signal ends the response, unless its reason is a `RunMovedError`.
   * @throws {TypeError} for a checkpoint of another provider.
   */
  constructor(
    service: Service,
    request: ResponseRequest,
    limits: BackgroundLimits,
    context: ProviderContext,
    signal: AbortSignal,
  ) {
    this.#service = service
    this.#limits = limits
    this.#context = context
    this.#signal = signal
    this.#requests = new BackgroundRequests(service, request, context.runId)
    this.#progress = new BackgroundProgress(readPlace(context.resumeFrom), service.secrets)
    this.#startBy = performance.now() + service.startMs
  }

  /** The events from the checkpoint to the last one. Call it once. */
  async *events(): AsyncGenerator<ResponseStreamEvent, void, undefined> {
    this.#signal.addEventListener('abort', this.#stop, { once: true })
    const progress = this.#progress
    try {
      this.#signal.throwIfAborted()
      let misses = 0
      let reached = progress.place?.after
      while (progress.place?.ended === undefined) {
        try {
          yield* this.#follow()
        } catch (error) {
          this.#signal.throwIfAborted()
          if (this.#queuedTooLong) throw this.#queueFailure()
          misses = progress.place?.after === reached ? misses + 1 : 1
          reached = progress.place?.after
          if (!this.#mayFollowAgain(error, misses)) throw this.#meaning(error)
          // After a connection that brought events, the next one is made at once.
          if (misses > 1) await sleep(backoff(misses - 2), undefined, { signal: this.#signal })
        }
      }
      if (progress.failure) throw progress.failure
    } finally {
      this.#signal.removeEventListener('abort', this.#stop)
      clearTimeout(this.#idTimer)
      if (this.#isOurs) {
        // If this process dies before the cancel, another one cancels by this checkpoint.
        const { id = '', place } = this.#progress
        this.#context.checkpoint?.(place ?? { response: id, after: 0 })
        await this.#cancel()
      }
    }
  }

  /** The events of one connection. */
  async *#follow(): AsyncGenerator<ResponseStreamEvent, void, undefined> {
    const { place: start } = this.#progress
    this.#connection = new AbortController()
    this.#stream = new EventStream(this.#service, {
      send: (options) => (start ? this.#requests.join(start, options) : this.#requests.create(options)),
      read: (data) => this.#read(data),
      signal: this.#connection.signal,
    })
    try {
      this.#watchQueue()
      for await (const event of this.#stream.events(this.#opening())) {
        const { place } = this.#progress
        if (place === undefined) continue
        this.#watchQueue()
        this.#context.checkpoint?.(place)
        yield event
        if (place.ended !== undefined) return
      }
      throw this.#stream.cut()
    } finally {
      clearTimeout(this.#queueTimer)
      this.#queueTimer = undefined
      this.#connection.abort()
    }
  }

  #read(data: unknown): ResponseStreamEvent | undefined {
    this.#numbered = isSequenceNumber(
      (data as { readonly sequence_number?: unknown } | null)?.sequence_number,
    )
    try {
      return this.#progress.accept(data)
    } finally {
      // A stop may wait for the id.
      if (this.#progress.id !== undefined) this.#signal.throwIfAborted()
    }
  }

  #opening(): Opening {
    const { maxRetries } = this.#service
    return this.#progress.place
      ? { maxRetries: 0, stop: this.#signal }
      : { maxRetries, withinMs: Math.max(1, this.#startBy - performance.now()), stop: this.#signal }
  }

  #mayFollowAgain(error: unknown, misses: number): boolean {
    if (error === this.#progress.gap) return misses <= MAX_GAPS
    if (!(error instanceof UpstreamError) || !this.#isOfConnection(error)) return false
    // Before the first event the stream itself sends its request again.
    return this.#progress.place !== undefined && BROKEN.has(error.code) && misses <= this.#limits.maxRejoins
  }

  /** Whether the connection to the response failed or was refused, and not the response itself. */
  #isOfConnection(error: UpstreamError): boolean {
    return error === this.#stream?.failure || (error === this.#stream?.refusal && !this.#numbered)
  }

  /** Replaces `timed_out`, which says that the answer did not begin, after it has begun. */
  #meaning(error: unknown): unknown {
    const late = this.#progress.place && error instanceof UpstreamError && error.code === 'timed_out'
    return late ? new UpstreamError('stalled', error.detail) : error
  }

  /** Hangs up when the response has been in the queue for too long, connections and processes together. */
  #watchQueue(): void {
    const queuedAt = this.#progress.place?.queuedAt
    if (queuedAt === undefined) {
      clearTimeout(this.#queueTimer)
      this.#queueTimer = undefined
      return
    }
    // A clock that was set back must not make the wait longer.
    const waited = Math.max(0, Date.now() - queuedAt)
    this.#queueTimer ??= setTimeout(
      () => {
        this.#queuedTooLong = true
        this.#connection.abort()
      },
      Math.max(0, this.#limits.queueMs - waited),
    )
  }

  #queueFailure(): UpstreamError {
    return new UpstreamError('queued_too_long', `in the queue for more than ${this.#limits.queueMs} ms`)
  }

  /** Whether this process has to end the response at the service. */
  get #isOurs(): boolean {
    const { id, place } = this.#progress
    return id !== undefined && place?.ended === undefined && !(this.#signal.reason instanceof RunMovedError)
  }

  readonly #stop = (): void => {
    if (this.#progress.id === undefined && !(this.#signal.reason instanceof RunMovedError)) {
      // Only the first event has the id of the response that is being created, so it is read, to cancel it.
      this.#idTimer = setTimeout(() => this.#connection.abort(), ID_WAIT)
      return
    }
    this.#connection.abort()
    if (this.#isOurs) void this.#cancel()
  }

  /** Never rejects. */
  #cancel(): Promise<void> {
    this.#cancelled ??= this.#requests.cancel(this.#progress.id as string)
    return this.#cancelled
  }
}
