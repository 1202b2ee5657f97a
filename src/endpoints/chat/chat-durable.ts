/**
 * The routes of the chat transport of `@durable-streams/aisdk-transport`: a send is answered with the address of the
 * run's log, which the client reads by the Durable Streams protocol. See docs/ai-sdk.md.
 */
import type { StreamInfo } from '../../streams/stream.ts'
import type { Exchange } from '../http/exchange.ts'
import { PRIVATE } from '../http/stream-headers.ts'
import type { AnswerResponses, ChatExchange } from './answer-responses.ts'
import type { ChatDesk } from './chat-desk.ts'
import { readSend } from './send-request.ts'

export class ChatDurable {
  readonly #desk: ChatDesk
  readonly #responses: AnswerResponses
  /** The path of runs, without the id. */
  readonly #runsAt: string

  constructor(desk: ChatDesk, responses: AnswerResponses, runsAt: string) {
    this.#desk = desk
    this.#responses = responses
    this.#runsAt = runsAt
  }

  /** `POST {path}/durable` */
  readonly send = (request: Request, exchange: ChatExchange): Promise<Response> =>
    this.#responses
      .answer(exchange, async () => {
        const { scope, signal } = exchange
        this.#desk.count(scope)
        const send = await readSend(await this.#responses.bodies.json(request))
        // A log is there to be named once the turn of its message has come.
        const run = await (await this.#desk.send(send, scope, signal)).begun()
        // The client reads the log like any reader. When the run has no readers, the client has left.
        this.#desk.left(run.id)
        return this.#at(run, 201, exchange)
      })
      .finally(() => this.#responses.bodies.release(request))

  /** `GET {path}/durable/:id/stream` */
  readonly resume = (_request: Request, exchange: Exchange): Promise<Response> =>
    this.#responses.answer(exchange, async () => {
      const { scope, signal, params } = exchange
      const run = await this.#desk.resume({ chat: params.id, scope, signal, isHeld: false })
      // The log of an answer that continues a message begins in the middle of it. Of that a page makes an error.
      const isWhole = run && (await this.#desk.beforeOf(run, params.id, scope, signal)).length === 0
      return isWhole ? this.#at(run, 200, exchange) : new Response(null, { status: 204, headers: PRIVATE })
    })

  #at({ id }: StreamInfo, status: number, { scope }: ChatExchange): Response {
    const streamUrl = `${scope.rootPath}${this.#runsAt}/${encodeURIComponent(id)}`
    return Response.json({ streamUrl }, { status, headers: { ...PRIVATE, location: streamUrl } })
  }
}
