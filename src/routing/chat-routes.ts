/** The routes of a chat: one path for every transport of the AI SDK. */
import type { Chats } from '../chats/chats.ts'
import type { ChatsOptions, WhileBusy } from '../chats/options.ts'
import { answerKind } from '../endpoints/chat/answer-kind.ts'
import { AnswerResponses } from '../endpoints/chat/answer-responses.ts'
import { ChatDesk } from '../endpoints/chat/chat-desk.ts'
import { ChatDurable } from '../endpoints/chat/chat-durable.ts'
import { ChatHttp } from '../endpoints/chat/chat-http.ts'
import { ChatPages } from '../endpoints/chat/chat-pages.ts'
import { chatSocketConsumer } from '../endpoints/chat/chat-socket.ts'
import { type AnswerModel, type AnswerSource, modelSource } from '../endpoints/chat/chat-source.ts'
import { ChatWorkflow } from '../endpoints/chat/chat-workflow.ts'
import { chatStreams } from '../endpoints/chat/chat-streams.ts'
import { HttpStreams, type HttpStreamsOptions } from '../endpoints/http/http-streams.ts'
import type { StreamAccessOptions } from '../endpoints/stream-access.ts'
import { streamSocketConsumer } from '../endpoints/stream-socket/stream-socket.ts'
import type { Streaming } from '../endpoints/streaming.ts'
import { HttpError } from '../protocol/errors.ts'
import { type OptionNames, checkOptions } from '../protocol/known-options.ts'
import { milliseconds } from '../time/duration.ts'
import { type Guards, type PathRoute, guardsOf, http, websocket } from './route.ts'
import type { ServedChat } from './served-chat.ts'

export interface ChatOptions extends Guards, Pick<ChatsOptions, 'history' | 'limits' | 'retention'> {
  /** What answers: any language model of the AI SDK. It is asked with the conversation as it is. */
  readonly model?: AnswerModel
  /**
   * What answers, in place of a `model`: a function that returns what `streamText` returns, or a stream of UI message
   * chunks. Tools, approvals, instructions and data parts are its affair.
   */
  readonly stream?: AnswerSource
  /**
   * Whether another process continues an answer whose process died. It calls `stream` with `resumeFrom`, which must yield
   * the same chunks from there. Default false: the answer ends as `interrupted`, with what there is of it.
   */
  readonly resumable?: boolean
  /**
   * What becomes of an answer whose process died, or shut down, and that cannot be continued. `end`: it ends with what
   * there is, as `interrupted`. `again`: another process, or the same one once it is back, asks the model again, up to
   * five times. The step that was cut off is taken back in all pages and said again; whole steps before it stay, with what
   * their tools did, and the answer goes on behind them. Default `end`, as a second attempt costs again.
   */
  readonly afterCrash?: 'end' | 'again'
  /**
   * What becomes of a message that is sent while an answer is being written: it is refused, waits for its turn, or has
   * that answer stopped. One whose sender has left is always stopped for it. Default `refuse`.
   */
  readonly whileBusy?: WhileBusy
  /**
   * Who says what came before a message. `server`: only the last message that a page sends counts, and what came before is
   * what the chat has kept. `page`: the answer is asked with the messages that the page sends, all of which the page may
   * have changed; the chat keeps what it does not have as another branch. Default `server`.
   */
  readonly messagesFrom?: 'server' | 'page'
  /** What runs of this chat are called in lists and logs: 1 to 64 characters. Default: `chat` and its path. */
  readonly name?: string
  /** Bytes that a page may send at once, which may be the whole conversation. Default 4 MiB. */
  readonly maxMessageSize?: number
  /** Seconds between two signs of life of an answer over HTTP. Default 15. */
  readonly signInterval?: number
  /** Seconds that a resume over HTTP waits for an answer to begin, before it is answered 204. Default 25. */
  readonly holdFor?: number
}

const OPTIONS: OptionNames<ChatOptions> = {
  model: true,
  stream: true,
  resumable: true,
  afterCrash: true,
  whileBusy: true,
  messagesFrom: true,
  name: true,
  maxMessageSize: true,
  signInterval: true,
  holdFor: true,
  history: { load: true, save: true },
  limits: { messages: true, messageBytes: true, chatBytes: true, queued: true, title: true },
  retention: true,
  authenticate: true,
  origins: true,
}

const SOURCES: readonly string[] = ['server', 'page']
const MAX_MESSAGE_SIZE = 4 * 1024 * 1024

/** Subscriptions of the socket of a page, which takes two for each chat that it opens, and one for an answer. */
const MOST_FOLLOWED = 300

/**
 * Serves chats to `useChat` at a path, over all four transports of the AI SDK, as they are published:
 * `millrace({ store, routes: [chat('/api/chat', { model })] })`. docs/ai-sdk.md tells it whole.
 *
 * Without an `authenticate` here the application's own holds. Without any, chats belong to nobody: whoever knows the id
 * of one reads it.
 *
 * @throws {TypeError} for options that do not exist, that exclude each other, or of which one is missing; and for a
 * malformed path.
 * @throws {RangeError} for durations and sizes out of range.
 */
export function chat(path: string, options: ChatOptions): ServedChat {
  const taker = `chat(${path})`
  checkOptions(taker, options, OPTIONS)
  const { model, stream, resumable, afterCrash, whileBusy = 'refuse', history, limits, retention } = options
  if ((model === undefined) === (stream === undefined))
    throw new TypeError(`${taker} takes a model, or a stream: one of them`)
  if (resumable === true && !stream)
    throw new TypeError(`${taker} cannot resume a model: give a stream that continues from resumeFrom`)
  if (!['end', 'again'].includes(afterCrash ?? 'end'))
    throw new TypeError(`${taker} lets an answer end after a crash, or be asked for again: end or again`)
  if (!SOURCES.includes(options.messagesFrom ?? 'server'))
    throw new TypeError(`${taker} takes its messagesFrom the server or the page`)
  if (options.holdFor !== undefined) milliseconds(`${taker}: holdFor`, options.holdFor, { min: 0 })
  if (options.signInterval !== undefined)
    milliseconds(`${taker}: signInterval`, options.signInterval, { max: Infinity })
  const name = options.name ?? `chat ${path}`.slice(0, 64)
  const source = stream ?? modelSource(model as AnswerModel)
  const how = { ...(resumable !== undefined && { resumable }), ...(afterCrash && { afterCrash }) }
  const kept = {
    ...(history && { history }),
    ...(limits && { limits }),
    ...(retention !== undefined && { retention }),
  }
  return {
    kind: 'chat',
    chats: { kinds: { [name]: answerKind(source, how) }, whileBusy, ...kept },
    mount: (streams) => chatRoutes(path, mountedOn(name, streams, options), options),
  }
}

interface Mounted {
  readonly desk: ChatDesk
  readonly chats: Chats
  /** Of the streams that a page follows. */
  readonly live: HttpStreamsOptions & Pick<StreamAccessOptions, 'lookUp'>
}

/** @throws {TypeError} for streams without these chats. */
function mountedOn(
  name: string,
  { services, chats }: Streaming,
  {
    whileBusy = 'refuse',
    messagesFrom = 'server',
    maxMessageSize = MAX_MESSAGE_SIZE,
    signInterval,
    holdFor,
  }: ChatOptions,
): Mounted {
  if (!chats || !Object.hasOwn(chats.kinds, name))
    throw new TypeError(`These streams know no chat called ${name}: pass streaming({ chats: chat(…).chats })`)
  const signs = signInterval === undefined ? {} : { signInterval }
  const desk = new ChatDesk({
    ...services,
    chats,
    kind: name,
    whileBusy,
    messagesFrom,
    maxMessageSize,
    ...signs,
    ...(holdFor !== undefined && { holdFor }),
  })
  return { desk, chats, live: { ...services, ...signs, lookUp: chatStreams(chats) } }
}

function chatRoutes(path: string, { desk, chats, live }: Mounted, options: Guards): readonly PathRoute[] {
  const guards = guardsOf(options)
  const { maxMessageSize } = desk
  const responses = new AnswerResponses(desk)
  const plain = new ChatHttp(desk, responses)
  const pages = new ChatPages(chats, desk, responses)
  const workflow = new ChatWorkflow(desk, responses)
  const durable = new ChatDurable(desk, responses, `${path}/durable/runs`)
  const { get, head } = desk.reads
  const { methods } = pages
  const streams = new HttpStreams(live)
  const routes = [
    websocket(path, chatSocketConsumer(desk), { ...guards, maxMessageSize }),
    http(path, { GET: pages.list, POST: plain.send }, guards),
    http(`${path}/workflow`, { POST: workflow.send, ...pages.methodsOf('workflow') }, guards),
    http(`${path}/workflow/:id/stream`, { GET: workflow.resume }, guards),
    http(`${path}/durable`, { POST: durable.send, ...pages.methodsOf('durable') }, guards),
    http(`${path}/durable/:id/stream`, { GET: durable.resume }, guards),
    http(`${path}/durable/runs/:id`, { GET: get, HEAD: head }, guards),
    http(`${path}/:id/stream`, { GET: plain.resume }, guards),
    http(`${path}/:id/stop`, { POST: plain.stop }, guards),
    http(`${path}/:id/messages`, { POST: pages.send }, guards),
    http(`${path}/:id/take-back`, { POST: pages.takeBack }, guards),
    websocket(`${path}/socket`, streamSocketConsumer({ ...live, maxSubscriptions: MOST_FOLLOWED }), guards),
    http(`${path}/socket`, websocketHere, guards),
    http(`${path}/streams/:id`, { GET: streams.reads.get, HEAD: streams.reads.head }, guards),
    http(`${path}/streams/:id/stop`, { POST: streams.stop }, guards),
    http(`${path}/:id`, methods, guards),
  ]
  return routes.map((route) => ({ ...route, own: true }))
}

/** The answer to a plain request: a client that could not connect asks why, and is not to take it for a chat's. */
function websocketHere(): never {
  throw new HttpError('upgrade_required', undefined, { upgrade: 'websocket', connection: 'Upgrade' })
}
