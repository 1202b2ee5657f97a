/** What the HTTP transports of a chat share: they answer with a run's chunks, or with an error. */
import { HttpError } from '../../protocol/errors.ts'
import type { Place } from '../../protocol/offset.ts'
import type { StreamInfo } from '../../streams/stream.ts'
import { Deadlines } from '../../time/deadlines.ts'
import type { Exchange } from '../http/exchange.ts'
import { Bodies } from '../http/bodies.ts'
import { AnswerBody } from './answer-body.ts'
import type { ChatDesk, Sent } from './chat-desk.ts'
import { refuseChat, toldError } from './chat-error.ts'

/** The input of a handler; the chat's id is undefined if the request names none. */
export type ChatExchange = Omit<Exchange, 'params'>

export interface FollowOptions {
  /** The kind of request. A client that sent a message and leaves does not come back for its answer. */
  readonly by: 'send' | 'resume'
  /** Where to begin. Default: at the start. */
  readonly place?: Place
  /** Whether the client counts chunks. Default: false. */
  readonly isCounted?: boolean
  /** Chunks that come before those of the run: see `ChatDesk.beforeOf`. */
  readonly before?: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
}

/** Seconds after which the end of an answer has arrived, or its connection is known to be broken. */
const ARRIVAL = 0.5

export class AnswerResponses {
  readonly bodies: Bodies
  readonly #desk: ChatDesk
  readonly #signs: Deadlines
  /** Ends that were written less than this long ago. */
  readonly #writes = new Deadlines(ARRIVAL)

  constructor(desk: ChatDesk) {
    this.#desk = desk
    this.#signs = new Deadlines(desk.signInterval)
    this.bodies = new Bodies(desk.maxMessageSize)
  }

  /** Answers with the chunks of a run, as server-sent events, to its end. */
  follow(run: StreamInfo, exchange: ChatExchange, options: FollowOptions): Response {
    const body = this.#bodyFor(run.id, exchange, options)
    this.#begin(body, run, options)
    return body.response
  }

  /**
   * Answers a send with the chunks of its run. While it waits for its turn it gets signs of life, as proxies give up an
   * answer of which they hear nothing for a minute. The first chunk, which the page waits for, comes with its turn.
   */
  async followSent(sent: Sent, exchange: ChatExchange, options: FollowOptions): Promise<Response> {
    if (!sent.isQueued) return this.follow(await sent.begun(), exchange, options)
    const body = this.#bodyFor(sent.run, exchange, options)
    void this.#beginLater(body, sent, exchange, options)
    return body.response
  }

  async #beginLater(
    body: AnswerBody,
    { begun }: Sent,
    exchange: ChatExchange,
    options: FollowOptions,
  ): Promise<void> {
    try {
      this.#begin(body, await begun(), options)
    } catch (error) {
      // Of a client that has left, or one that has to come back.
      if (!exchange.signal.aborted) body.refuse(toldError(error, exchange.scope, this.#desk.logger).message)
    }
  }

  #begin(body: AnswerBody, run: StreamInfo, { place = 'start' }: FollowOptions): void {
    if (body.isRead) body.follow(run, place, this.#desk.follow(run))
  }

  #bodyFor(
    run: string,
    exchange: ChatExchange,
    { by, isCounted = false, before = [], headers = {} }: FollowOptions,
  ): AnswerBody {
    return new AnswerBody(exchange, {
      delivery: this.#desk.delivery,
      signs: this.#signs,
      isCounted,
      before,
      headers,
      left: (isTold) => {
        if (isTold) this.#willBeTold(run, exchange)
        else if (by === 'send') this.#desk.left(run)
      },
    })
  }

  /** Answers a request, also if `respond` fails. */
  async answer(exchange: ChatExchange, respond: () => Promise<Response>): Promise<Response> {
    try {
      return await respond()
    } catch (error) {
      const { signal } = exchange
      if (!signal.aborted) return refuseChat(error, exchange, this.#desk.logger)
      const reason: unknown = signal.reason
      // The client has left and cannot read the error, or the server shuts down.
      return reason instanceof HttpError ? reason.toResponse() : new Response(null, { status: 499 })
    }
  }

  /** Written does not mean read. A client that is still connected a moment later has read the end. */
  #willBeTold(run: string, { scope, outgoing }: ChatExchange): void {
    const connection = outgoing?.socket
    this.#writes.add(() => {
      if (connection?.destroyed !== true) this.#desk.ends.told(run, scope)
    })
  }
}
