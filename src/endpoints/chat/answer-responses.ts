/** What the HTTP transports of a chat do alike: answer with a run's chunks, or say why not. */
import type { Socket } from 'node:net'
import { HttpError } from '../../protocol/errors.ts'
import type { Place } from '../../protocol/offset.ts'
import type { StreamInfo } from '../../streams/stream.ts'
import { Deadlines } from '../../time/deadlines.ts'
import type { Exchange } from '../http/exchange.ts'
import { Bodies } from '../http/bodies.ts'
import { answerBody } from './answer-body.ts'
import type { ChatDesk } from './chat-desk.ts'
import { refuseChat } from './chat-error.ts'

/** What a handler is given; of a chat by its id, or of none. */
export type ChatExchange = Omit<Exchange, 'params'>

export interface FollowOptions {
  /** What the request was: whoever sent something and leaves is done with it. */
  readonly by: 'send' | 'resume'
  /** From where on. Default: from the start. */
  readonly place?: Place
  /** Whether the client counts chunks. Default: false. */
  readonly isCounted?: boolean
  readonly headers?: Readonly<Record<string, string>>
}

/** Seconds in which the end of an answer arrives, or its connection is known to be broken. */
const ARRIVAL = 0.5

export class AnswerResponses {
  readonly bodies: Bodies
  readonly #desk: ChatDesk
  readonly #signs: Deadlines
  /** Ends that were written just now. */
  readonly #writes = new Deadlines(ARRIVAL)

  constructor(desk: ChatDesk) {
    this.#desk = desk
    this.#signs = new Deadlines(desk.signInterval)
    this.bodies = new Bodies(desk.maxMessageSize)
  }

  /** The chunks of a run, as server-sent events, to its end. */
  follow(
    run: StreamInfo,
    exchange: ChatExchange,
    { by, place = 'start', isCounted = false, headers = {} }: FollowOptions,
  ): Response {
    const release = this.#desk.follow(run)
    return answerBody(run, exchange, {
      delivery: this.#desk.delivery,
      signs: this.#signs,
      place,
      isCounted,
      headers,
      left: (isTold) => {
        release()
        if (isTold) this.#willBeTold(run.id, exchange.outgoing?.socket ?? undefined)
        else if (by === 'send') this.#desk.left(run.id)
      },
    })
  }

  /** Answers a request, also when `respond` fails. */
  async answer(exchange: ChatExchange, respond: () => Promise<Response>): Promise<Response> {
    try {
      return await respond()
    } catch (error) {
      const { signal } = exchange
      if (!signal.aborted) return refuseChat(error, exchange, this.#desk.logger)
      const reason: unknown = signal.reason
      // Nobody is there any more to read what went wrong, or the server goes down, and that is why.
      return reason instanceof HttpError ? reason.toResponse() : new Response(null, { status: 499 })
    }
  }

  /** Written is not read. A client that is there a moment later, on the same connection, has it. */
  #willBeTold(run: string, connection: Socket | undefined): void {
    this.#writes.add(() => {
      if (connection?.destroyed !== true) this.#desk.ends.told(run)
    })
  }
}
