/** The routes of `DefaultChatTransport`, and of whoever stops an answer; docs/ai-sdk.md tells what clients may expect. */
import type { Exchange } from '../http/exchange.ts'
import { PRIVATE } from '../http/stream-headers.ts'
import type { AnswerResponses, ChatExchange } from './answer-responses.ts'
import type { ChatDesk } from './chat-desk.ts'
import { readSend } from './send-request.ts'

export class ChatHttp {
  readonly #desk: ChatDesk
  readonly #responses: AnswerResponses

  constructor(desk: ChatDesk, responses: AnswerResponses) {
    this.#desk = desk
    this.#responses = responses
  }

  /** `POST {path}` */
  readonly send = (request: Request, exchange: ChatExchange): Promise<Response> =>
    this.#responses
      .answer(exchange, async () => {
        const { scope, signal } = exchange
        this.#desk.count(scope)
        const send = await readSend(await this.#responses.bodies.json(request))
        const run = await this.#desk.send(send, scope, signal)
        return this.#responses.follow(run, exchange, { by: 'send' })
      })
      .finally(() => this.#responses.bodies.release(request))

  /** `GET {path}/:id/stream` */
  readonly resume = (_request: Request, exchange: Exchange): Promise<Response> =>
    this.#responses.answer(exchange, async () => {
      const { scope, signal, params } = exchange
      const run = await this.#desk.resume({ chat: params.id, scope, signal, isHeld: false })
      if (!run) return new Response(null, { status: 204, headers: PRIVATE })
      return this.#responses.follow(run, exchange, { by: 'resume' })
    })

  /** `POST {path}/:id/stop` */
  readonly stop = (_request: Request, exchange: Exchange): Promise<Response> =>
    this.#responses.answer(exchange, async () => {
      const { scope, signal, params } = exchange
      const end = await this.#desk.stop(params.id, scope, signal)
      return Response.json(end ?? { status: 'idle' }, { headers: PRIVATE })
    })
}
