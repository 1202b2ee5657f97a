/**
 * The plain routes of chats: the list, a chat, and what a page changes in it. Each answers at once. What happens next
 * comes over the streams of src/endpoints/chat/chat-streams.ts. See docs/ai-sdk.md.
 */
import type { Chats } from '../../chats/chats.ts'
import { ChatError } from '../../conversation/errors.ts'
import { HttpError } from '../../protocol/errors.ts'
import type { Scope } from '../../consumers/scope.ts'
import type { Exchange } from '../http/exchange.ts'
import { PRIVATE } from '../http/stream-headers.ts'
import { RateLimit } from '../rate-limit.ts'
import type { AnswerResponses, ChatExchange } from './answer-responses.ts'
import type { ChatDesk } from './chat-desk.ts'
import { askedIn, changeIn, pageIn, takenBackIn } from './page-requests.ts'

/** Changes by one owner or address in any minute, beside sends. Each is an entry that is kept with the chat. */
const CHANGES = 240

type ChatHandler = (request: Request, exchange: ChatExchange) => Promise<Response>

export class ChatPages {
  readonly #chats: Chats
  readonly #desk: ChatDesk
  readonly #responses: AnswerResponses
  readonly #changes = new RateLimit()

  constructor(chats: Chats, desk: ChatDesk, responses: AnswerResponses) {
    this.#chats = chats
    this.#desk = desk
    this.#responses = responses
  }

  /** `GET {path}?after=&limit=` */
  readonly list = (request: Request, exchange: ChatExchange): Promise<Response> =>
    this.#responses.answer(exchange, async () => {
      const { owner } = this.#whose(exchange)
      // Chats that belong to nobody are all in one list, and an id is all that is needed to read one.
      if (owner === undefined) throw new HttpError('forbidden', 'Only chats of a signed-in user are listed.')
      const page = pageIn(new URL(request.url).searchParams)
      return json(await this.#chats.list({ owner, signal: exchange.signal, ...page }))
    })

  /** `GET {path}/:id` */
  readonly #get = (_request: Request, exchange: Exchange): Promise<Response> =>
    this.#responses.answer(exchange, async () => {
      const found = await this.#chats.get(exchange.params.id, this.#whose(exchange))
      if (!found) throw new ChatError('chat_not_found')
      const { owner: _, ...chat } = found
      return json(chat)
    })

  /** `POST {path}/:id/messages` */
  readonly send = (request: Request, exchange: Exchange): Promise<Response> =>
    this.#responses
      .answer(exchange, async () => {
        const { scope, signal, params } = exchange
        this.#desk.count(scope)
        const asked = await askedIn(await this.#responses.bodies.json(request))
        const { run, status, message } = await this.#desk.ask(params.id, asked, scope, signal)
        return json({ run, status, message }, 201)
      })
      .finally(() => this.#responses.bodies.release(request))

  /** `POST {path}/:id/take-back` */
  readonly takeBack = (request: Request, exchange: Exchange): Promise<Response> =>
    this.#change(request, exchange, async () => {
      const name = takenBackIn(await this.#responses.bodies.json(request))
      await this.#chats.takeBack(exchange.params.id, name, this.#whose(exchange))
    })

  /** `PATCH {path}/:id` */
  readonly #patch = (request: Request, exchange: Exchange): Promise<Response> =>
    this.#change(request, exchange, async () => {
      const { title, selected } = changeIn(await this.#responses.bodies.json(request))
      const whose = this.#whose(exchange)
      const { id } = exchange.params
      if (selected !== undefined) await this.#chats.select(id, selected, whose)
      if (title !== undefined) await this.#chats.rename(id, title, whose)
    })

  /** `DELETE {path}/:id` */
  readonly #delete = (request: Request, exchange: Exchange): Promise<Response> =>
    this.#change(request, exchange, async () => {
      const isDeleted = await this.#chats.delete(exchange.params.id, this.#whose(exchange))
      if (!isDeleted) throw new ChatError('chat_not_found')
    })

  /** The handlers of `{path}/:id`. */
  readonly methods = { GET: this.#get, PATCH: this.#patch, DELETE: this.#delete } as const

  /** The same for one chat, which is called what a route is called. */
  methodsOf(id: string): Record<keyof ChatPages['methods'], ChatHandler> {
    const { GET, PATCH, DELETE } = this.methods
    const of = (handler: typeof GET): ChatHandler => {
      return (request, exchange) => handler(request, { ...exchange, params: { id } })
    }
    return { GET: of(GET), PATCH: of(PATCH), DELETE: of(DELETE) }
  }

  #change(request: Request, exchange: Exchange, change: () => Promise<void>): Promise<Response> {
    return this.#responses
      .answer(exchange, async () => {
        this.#count(exchange.scope)
        await change()
        return new Response(null, { status: 204, headers: PRIVATE })
      })
      .finally(() => this.#responses.bodies.release(request))
  }

  /** @throws {HttpError} `too_many_changes`. */
  #count({ user, network }: Scope<unknown>): void {
    const owner = this.#desk.ownerOf(user)
    const key = owner === undefined ? network : `owner ${owner}`
    const seconds = key === undefined ? 0 : this.#changes.take(key, CHANGES)
    if (seconds === 0) return
    const message = `Too many changes within a minute. Try again in ${seconds} s.`
    throw new HttpError('too_many_changes', message, { 'retry-after': String(seconds) })
  }

  #whose({ scope, signal }: ChatExchange): { readonly owner?: string; readonly signal: AbortSignal } {
    const owner = this.#desk.ownerOf(scope.user)
    return { signal, ...(owner !== undefined && { owner }) }
  }
}

function json(value: unknown, status = 200): Response {
  return Response.json(value, { status, headers: PRIVATE })
}
