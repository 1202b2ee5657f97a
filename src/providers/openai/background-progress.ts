/**
 * Tracks a response in the background: takes the events of the service, over one connection after another,
 * and passes each on once and in order. Pure, except for the clock.
 */
import { answerOutcome } from './answer.ts'
import { isSequenceNumber } from './background-place.ts'
import type { BackgroundPlace } from './background-place.ts'
import { readEvent } from './response-event.ts'
import type { ResponseStreamEvent } from './response-event.ts'
import { UpstreamError } from '../upstream-error.ts'

/** The parts of a response that are read here; compatible servers leave out much. */
interface ResponseHead {
  readonly id?: unknown
  readonly status?: unknown
  readonly background?: unknown
}

export class BackgroundProgress {
  readonly #secrets: readonly string[]
  /** Sequence numbers of signs of life since the last event. */
  readonly #alive = new Set<number>()
  #id: string | undefined
  #place: BackgroundPlace | undefined
  #failure: UpstreamError | undefined
  #gap: UpstreamError | undefined

  constructor(place: BackgroundPlace | undefined, secrets: readonly string[]) {
    this.#place = place
    this.#id = place?.response
    this.#secrets = secrets
  }

  /** The id of the response; known before the first event is passed on or refused. */
  get id(): string | undefined {
    return this.#id
  }

  /** The place after the last event that was passed on. */
  get place(): BackgroundPlace | undefined {
    return this.#place
  }

  /** How the response failed, after the event that says so was passed on. */
  get failure(): UpstreamError | undefined {
    const ended = this.#place?.ended
    return ended === undefined || ended === 'whole' ? undefined : (this.#failure ?? new UpstreamError(ended))
  }

  /** The error of the last gap. */
  get gap(): UpstreamError | undefined {
    return this.#gap
  }

  /**
   * The event to pass on; undefined for one that was passed on before, and for a sign of life.
   *
   * @throws {UpstreamError} `gap` when events are missing before this one, `background_unsupported` for a
   * response that cannot be continued, and the errors of `readEvent`.
   */
  accept(data: unknown): ResponseStreamEvent | undefined {
    const { sequence_number: number, response } = (data ?? {}) as {
      readonly sequence_number?: unknown
      readonly response?: ResponseHead | null
    }
    if (typeof response?.id === 'string' && response.id !== '') this.#id ??= response.id
    const event = readEvent(data, this.#secrets)
    if (event === undefined) {
      if (isSequenceNumber(number)) this.#alive.add(number)
      return undefined
    }
    if (!isSequenceNumber(number)) throw unsupported('an event has no sequence_number')
    if (this.#id === undefined) throw unsupported('the first event has no id of a response')
    if (response?.background === false) throw unsupported('the response is in the foreground')
    if (this.#place) {
      if (number <= this.#place.after) return undefined
      this.#refuseGap(this.#place.after, number)
    }
    this.#alive.clear()
    this.#place = this.#placeBehind(event, this.#id, number, response?.status)
    return event
  }

  #refuseGap(after: number, number: number): void {
    for (let missing = after + 1; missing < number; missing++) {
      // A sign of life may have a number of its own.
      if (this.#alive.has(missing)) continue
      this.#gap = new UpstreamError('bad_answer', `event ${missing} is missing before event ${number}`)
      throw this.#gap
    }
  }

  #placeBehind(
    event: ResponseStreamEvent,
    response: string,
    after: number,
    status: unknown,
  ): BackgroundPlace {
    const outcome = answerOutcome(event, this.#secrets)
    if (outcome?.status === 'failed') {
      this.#failure = new UpstreamError(outcome.code, outcome.detail)
      return { response, after, ended: outcome.code }
    }
    if (outcome) return { response, after, ended: 'whole' }
    const queued =
      event.type === 'response.queued' || (event.type === 'response.created' && status === 'queued')
    return { response, after, ...(queued && { queuedAt: this.#place?.queuedAt ?? Date.now() }) }
  }
}

function unsupported(detail: string): UpstreamError {
  return new UpstreamError('background_unsupported', detail)
}
