/** The routes of `DefaultChatTransport`, and the route that stops an answer. See docs/ai-sdk.md. */
import { HttpError } from '../../protocol/errors.ts'
import type { StreamInfo } from '../../streams/stream.ts'
import type { Exchange } from '../http/exchange.ts'
import { PRIVATE } from '../http/stream-headers.ts'
import type { AnswerResponses, ChatExchange } from './answer-responses.ts'
import type { ChatDesk } from './chat-desk.ts'
import { HeldResumes } from './held-resumes.ts'
import { readSend } from './send-request.ts'

export class ChatHttp {
  readonly #desk: ChatDesk
  readonly #responses: AnswerResponses
  readonly #held: HeldResumes

  constructor(desk: ChatDesk, responses: AnswerResponses) {
    this.#desk = desk
    this.#responses = responses
    this.#held = new HeldResumes(desk.holdFor)
  }

  /** `POST {path}` */
  readonly send = (request: Request, exchange: ChatExchange): Promise<Response> =>
    this.#responses
      .answer(exchange, async () => {
        const { scope, signal } = exchange
        this.#desk.count(scope)
        const send = await readSend(await this.#responses.bodies.json(request))
        const sent = await this.#desk.send(send, scope, signal)
        return this.#responses.followSent(sent, exchange, { by: 'send' })
      })
      .finally(() => this.#responses.bodies.release(request))

  /** `GET {path}/:id/stream` */
  readonly resume = (_request: Request, exchange: Exchange): Promise<Response> =>
    this.#responses.answer(exchange, async () => {
      const run = await this.#resume(exchange)
      if (run) {
        const { scope, signal, params } = exchange
        const before = await this.#desk.beforeOf(run, params.id, scope, signal)
        return this.#responses.follow(run, exchange, { by: 'resume', before })
      }
      if (exchange.signal.aborted && (await this.#desk.isAnswering(exchange.params.id, exchange.scope)))
        return broken(exchange)
      return new Response(null, { status: 204, headers: PRIVATE })
    })

  /** While it waits it sends nothing, because at the first byte the page shows that an answer is coming. */
  async #resume({ scope, signal, params }: Exchange): Promise<StreamInfo | undefined> {
    const held = this.#held.take(this.#desk.ownerOf(scope.user) ?? scope.network ?? '', signal)
    const resume = { chat: params.id, scope, signal: held?.signal ?? signal, isHeld: held !== undefined }
    try {
      return await this.#desk.resume(resume)
    } catch (error) {
      // The store was asked something in this moment.
      if (held?.isOver !== true || signal.aborted) throw error
      return undefined
    } finally {
      held?.leave()
    }
  }

  /** `POST {path}/:id/stop` */
  readonly stop = (_request: Request, exchange: Exchange): Promise<Response> =>
    this.#responses.answer(exchange, async () => {
      const { scope, signal, params } = exchange
      const end = await this.#desk.stop(params.id, scope, signal)
      return Response.json(end ?? { status: 'idle' }, { headers: PRIVATE })
    })
}

/**
 * The answer of a server that shuts down while a resume waits and the chat is being answered. The page may have half of
 * that answer, by its own send: after a 204 it would be `ready` with it.
 */
function broken({ outgoing }: Exchange): Response {
  if (!outgoing) throw new HttpError('draining')
  outgoing.destroy()
  return new Response(null)
}
