/**
 * The routes of `WorkflowChatTransport`. The client counts chunks, and asks for more until it has seen a `finish`. See
 * docs/ai-sdk.md.
 */
import { Buffer, isUtf8 } from 'node:buffer'
import { ChatError } from '../../conversation/errors.ts'
import { HttpError } from '../../protocol/errors.ts'
import { type Json, JsonError, parseJson } from '../../protocol/json.ts'
import type { Place } from '../../protocol/offset.ts'
import type { StreamInfo } from '../../streams/stream.ts'
import type { Exchange } from '../http/exchange.ts'
import { SSE_HEADERS } from '../http/reads/sse-response.ts'
import { PRIVATE } from '../http/stream-headers.ts'
import type { AnswerResponses, ChatExchange } from './answer-responses.ts'
import type { ChatDesk, Sent } from './chat-desk.ts'
import { type SendBody, readSend } from './send-request.ts'

/** The answer if there is no run. Without a `finish`, the client would ask again at once, forever. */
const NOTHING = Buffer.from('data: {"type":"finish"}\n\ndata: [DONE]\n\n')

export class ChatWorkflow {
  readonly #desk: ChatDesk
  readonly #responses: AnswerResponses

  constructor(desk: ChatDesk, responses: AnswerResponses) {
    this.#desk = desk
    this.#responses = responses
  }

  /** `POST {path}/workflow`: JSON as `text/plain`. */
  readonly send = (request: Request, exchange: ChatExchange): Promise<Response> =>
    this.#responses
      .answer(exchange, async () => {
        const { scope, signal } = exchange
        this.#desk.count(scope)
        const send = await this.#desk.asSaid(await this.#read(request), scope, signal)
        return await this.#followSent(await this.#desk.send(send, scope, signal), exchange, 'send')
      })
      .finally(() => this.#responses.bodies.release(request))

  /** `GET {path}/workflow/:id/stream?startIndex=n`, of a run, or of a chat. */
  readonly resume = (request: Request, exchange: Exchange): Promise<Response> =>
    this.#responses.answer(exchange, async () => {
      const { scope, signal, params } = exchange
      const startIndex = startIndexOf(request)
      const chat = params.id
      const sentRun = await this.#desk.runWith(chat, scope, signal)
      if (sentRun) return this.#follow(sentRun, exchange, 'resume', { startIndex })
      const run = await this.#desk.resume({ chat, scope, signal, isHeld: false })
      if (run) {
        const before = await this.#desk.beforeOf(run, chat, scope, signal)
        return this.#follow(run, exchange, 'resume', { startIndex, before })
      }
      const sent = await this.#desk.waiting(chat, scope, signal)
      if (sent) return this.#followSent(sent, exchange, 'resume')
      return new Response(NOTHING, { headers: { ...PRIVATE, ...SSE_HEADERS } })
    })

  /** Of a message that waits, the client gets the run's id at once, and comes back by it if the answer breaks. */
  async #followSent(sent: Sent, exchange: ChatExchange, by: 'send' | 'resume'): Promise<Response> {
    if (!sent.isQueued) return this.#follow(await sent.begun(), exchange, by)
    return this.#responses.followSent(sent, exchange, {
      by,
      isCounted: true,
      headers: headersOf(sent.run, -1),
    })
  }

  /**
   * A negative index, counted from the tail, begins at the start: the client drops the chunks of a part whose start it has
   * not seen, and would be ready without them. It works out where it begins by the tail's index, which says the start.
   */
  #follow(
    run: StreamInfo,
    exchange: ChatExchange,
    by: 'send' | 'resume',
    { startIndex = 0, before = [] }: { startIndex?: number; before?: readonly string[] } = {},
  ): Response {
    const tailIndex = startIndex < 0 ? -startIndex - 1 : before.length + run.tail.position - 1
    const seen = Math.max(0, startIndex)
    // Who resumes a chat counts what it is given before the run, too. Of the same message that is the same again.
    const position = Math.max(0, seen - before.length)
    const place: Place = position > 0 ? { position } : 'start'
    const headers = headersOf(run.id, tailIndex)
    const rest = before.slice(seen)
    return this.#responses.follow(run, exchange, { by, place, isCounted: true, before: rest, headers })
  }

  async #read(request: Request): Promise<SendBody> {
    const bytes = await this.#responses.bodies.bytes(request)
    if (!isUtf8(bytes)) throw new ChatError('invalid_message', 'The body is not UTF-8.')
    try {
      const value = parseJson(bytes.toString('utf8'))
      // The client sends no chat id, unless its page does. The chat is then identified by its first message.
      return await readSend(value, firstIdIn(value))
    } catch (error) {
      if (error instanceof JsonError) throw new ChatError('invalid_message', error.message)
      throw error
    }
  }
}

function headersOf(run: string, tailIndex: number): Readonly<Record<string, string>> {
  return { 'x-workflow-run-id': run, 'x-workflow-stream-tail-index': String(tailIndex) }
}

function firstIdIn(value: Json): string | undefined {
  const messages = member(value, 'messages')
  const id = member(Array.isArray(messages) ? (messages as readonly Json[])[0] : undefined, 'id')
  return typeof id === 'string' ? id : undefined
}

function member(value: Json | undefined, name: string): Json | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  return Object.hasOwn(value, name) ? (value as Readonly<Record<string, Json>>)[name] : undefined
}

/** @throws {HttpError} `bad_request`. */
function startIndexOf(request: Request): number {
  const text = new URL(request.url).searchParams.get('startIndex') ?? '0'
  if (!/^-?\d{1,15}$/.test(text)) throw new HttpError('bad_request', 'startIndex is a whole number.')
  return Number(text)
}
