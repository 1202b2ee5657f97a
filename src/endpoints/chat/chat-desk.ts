/**
 * What all transports of a chat route share: a send becomes an ask of the chat; a resume finds the answer in progress, or
 * waits for one. Both give a run, which the transport follows in its own protocol.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Chats } from '../../chats/chats.ts'
import type { Chat } from '../../conversation/chat.ts'
import type { ChatAsk } from '../../conversation/conversation.ts'
import { ChatError } from '../../conversation/errors.ts'
import type { WhileBusy } from '../../chats/options.ts'
import type { Scope, User } from '../../consumers/scope.ts'
import type { Delivery } from '../../delivery/delivery.ts'
import { type Logger, libraryLogger } from '../../logging/logger.ts'
import type { Json } from '../../protocol/json.ts'
import type { RunEnd } from '../../protocol/run-end.ts'
import type { StreamInfo } from '../../streams/stream.ts'
import type { StreamStore } from '../../streams/store.ts'
import { isStreamId } from '../../protocol/stream-frames.ts'
import { readRunRecord } from '../../runs/records/run-record.ts'
import { READ_DEFAULTS, Reads } from '../http/reads/reads.ts'
import { Exchanges } from '../http/exchanges.ts'
import { StartGate } from '../start-gate.ts'
import type { StreamAccess } from '../stream-access.ts'
import type { StreamServices } from '../stream-services.ts'
import { runsBegun, turnOf } from './chat-changes.ts'
import { chunksBefore } from './chunks-before.ts'
import { mergeOf } from './continued-message.ts'
import { RecentRuns } from './recent-runs.ts'
import { type Asked, type MessagesFrom, type SendBody, askedBy } from './send-request.ts'
import { type EndReader, UnreadEnds } from './unread-ends.ts'

/** A chat names a run before it is started. This many times to look for the run, and milliseconds between them. */
const MOST_LOOKS = 50
const LOOK_MS = 50

/** How many chats to search for a message that waits. */
const MOST_CHATS = 10

export interface ChatDeskOptions extends StreamServices {
  readonly chats: Chats
  /** The kind that answers on this route. */
  readonly kind: string
  /** What to do with a send during an answer. */
  readonly whileBusy: WhileBusy
  /** Who says what an answer is asked with. */
  readonly messagesFrom: MessagesFrom
  /** Most bytes of one request of a page. */
  readonly maxMessageSize: number
  /** Seconds between two signs of life. Default 15. */
  readonly signInterval?: number
  /** Seconds that a resume over HTTP waits for an answer to begin. Default 25. */
  readonly holdFor?: number
}

/** A resume: its chat, and who asks. */
export interface Resume {
  readonly chat: string
  readonly scope: Scope<unknown>
  readonly signal: AbortSignal
  /** Whether it waits for an answer to begin if none is in progress. */
  readonly isHeld: boolean
  /** Whether to leave out a run, because this tab sent the message and reads the run as its answer. */
  readonly isOwn?: (run: string) => boolean
}

/** A message that is kept, and will be answered. */
export interface Sent {
  /** The id of the run that answers. */
  readonly run: string
  /** Whether it waits for its turn. */
  readonly isQueued: boolean
  /**
   * Waits for the turn, and resolves to the run. Rejects with errors for the client. If the client leaves before, the
   * sender has left.
   */
  readonly begun: () => Promise<StreamInfo>
}

export class ChatDesk {
  readonly delivery: Delivery
  readonly logger: Logger
  readonly gate: StartGate
  readonly access: StreamAccess
  readonly ends = new UnreadEnds()
  /** Answers reads of runs by the Durable Streams protocol. */
  readonly reads: Reads
  readonly maxMessageSize: number
  readonly signInterval: number
  readonly holdFor: number | undefined
  readonly #store: StreamStore
  readonly #chats: Chats
  readonly #kind: string
  readonly #whileBusy: WhileBusy
  readonly #messagesFrom: MessagesFrom
  /** Runs whose sender left before their end. */
  readonly #left = new RecentRuns()

  constructor(options: ChatDeskOptions) {
    const { store, delivery, chats, whileBusy, logger = libraryLogger() } = options
    this.#store = store
    this.#chats = chats
    this.#kind = options.kind
    this.#whileBusy = whileBusy
    this.#messagesFrom = options.messagesFrom
    this.maxMessageSize = options.maxMessageSize
    this.signInterval = options.signInterval ?? READ_DEFAULTS.signInterval
    this.holdFor = options.holdFor
    this.delivery = delivery
    this.logger = logger
    this.gate = options.gate ?? new StartGate({ logger })
    const exchanges = new Exchanges(options)
    this.access = exchanges.access
    this.reads = new Reads(options, exchanges)
  }

  /** Throws as `ownerOf` does. */
  ownerOf(user: User | undefined): string | undefined {
    return this.access.ownerOf(user)
  }

  /** Counts a send, before its body is read. @throws {HttpError} `too_many_starts`. */
  count(scope: Scope<unknown>): void {
    this.gate.count({ owner: this.ownerOf(scope.user), scope })
  }

  /** Sends a message; resolves when it is kept. Rejects with errors for the client. */
  async send(send: SendBody, scope: Scope<unknown>, signal: AbortSignal): Promise<Sent> {
    const { chat } = send
    const { run, status } = await this.ask(chat, askedBy(send, this.#messagesFrom), scope, signal)
    return this.#sent(chat, run, status === 'queued', scope, signal)
  }

  /** Finds a message that waits for its turn, by its run. It looks into the chats in which something happened last. */
  async waiting(run: string, scope: Scope<unknown>, signal: AbortSignal): Promise<Sent | undefined> {
    const whose = { ...this.#whose(scope), signal }
    // Most that are looked for are chats, in which nothing is being written.
    if (await this.#chats.get(run, whose)) return undefined
    const { chats } = await this.#chats.list({ ...whose, limit: MOST_CHATS })
    for (const { id } of chats) {
      const found = await this.#chats.get(id, whose)
      if (found?.queue.some(({ ask }) => ask.run === run)) return this.#sent(id, run, true, scope, signal)
    }
    return undefined
  }

  /**
   * Sends a message; resolves when it is kept, also if it waits for its turn. Rejects with errors for the client. If the
   * client leaves meanwhile, the message is kept all the same, and its run started.
   */
  async ask(chat: string, asked: Asked, scope: Scope<unknown>, signal: AbortSignal): Promise<ChatAsk> {
    const whose = this.#whose(scope)
    const { run } = asked
    const attempt = { input: inputOf(asked), chat, scope, ...whose, ...(run !== undefined && { id: run }) }
    const whileBusy = asked.whileBusy ?? (await this.#whileBusyNow(chat, whose, signal))
    const isThere = async (): Promise<boolean> =>
      run !== undefined && (await this.access.find(run, scope.user, signal)) !== undefined
    const { ask } = await this.gate.start(attempt, signal, isThere, async () => {
      const kept = await this.#ask(chat, asked, { ...whose, whileBusy })
      return { id: kept.run, ask: kept }
    })
    return ask
  }

  /**
   * Finds the run that is answering, or whose end this client has not read. If there is none, it resolves to undefined, or waits
   * until an answer begins. In a chat of somebody else, none ever begins.
   */
  async resume({ chat, scope, signal, isHeld, isOwn }: Resume): Promise<StreamInfo | undefined> {
    const whose = this.#whose(scope)
    const found = await this.#chats.get(chat, { ...whose, signal })
    const run = found && (found.active?.run ?? this.#unread(found, scope))
    if (run !== undefined && !isOwn?.(run)) return this.#find(run, signal)
    if (!isHeld) return undefined
    const chats = this.#chats
    for await (const begun of runsBegun({ chats, chat, signal, ...whose }, found?.offset)) {
      if (!isOwn?.(begun)) return this.#runOf(begun, signal)
    }
    return undefined
  }

  /** Makes what comes before the chunks of a run for a client that resumes: see `chunksBefore`. */
  beforeOf(
    { id }: StreamInfo,
    chat: string,
    scope: Scope<unknown>,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    return chunksBefore(id, { chats: this.#chats, chat, signal, ...this.#whose(scope) })
  }

  /** Whether an answer is in progress, or has an end that this client has not read. If the store cannot tell any more, yes. */
  async isAnswering(chat: string, scope: Scope<unknown>): Promise<boolean> {
    try {
      const found = await this.#chats.get(chat, this.#whose(scope))
      return found !== undefined && (found.active !== undefined || this.#unread(found, scope) !== undefined)
    } catch {
      return true
    }
  }

  /** Finds a run of a chat by its own id; undefined if it is somebody else's, or not a run of a chat. */
  async runWith(id: string, { user }: Scope<unknown>, signal: AbortSignal): Promise<StreamInfo | undefined> {
    if (!isStreamId(id)) return undefined
    const info = await this.access.find(id, user, signal)
    return info && readRunRecord(info)?.chat !== undefined ? info : undefined
  }

  /**
   * Interprets a send that says neither that it edits nor that it wants another answer. If the message exists in the chat,
   * it is answered again; if it exists with another content, it is edited.
   */
  async asSaid(send: SendBody, scope: Scope<unknown>, signal: AbortSignal): Promise<SendBody> {
    const last = send.messages.at(-1)
    if (!last || last.role === 'assistant' || send.messageId !== undefined) return send
    const found = await this.#chats.get(send.chat, { ...this.#whose(scope), signal })
    const there = found?.messages.find(({ message }) => message.id === last.id)?.message
    if (!there) return send
    if (isDeepStrictEqual(there, JSON.parse(JSON.stringify(last))))
      return { ...send, trigger: 'regenerate-message' }
    return { ...send, messageId: last.id }
  }

  /** Stops the answer in progress, whoever asked for it; undefined if there is none. */
  stop(chat: string, scope: Scope<unknown>, signal: AbortSignal): Promise<RunEnd | undefined> {
    return this.#chats.stop(chat, { ...this.#whose(scope), signal })
  }

  /** Keeps a followed run from expiring until the returned function is called. */
  follow(run: StreamInfo): () => void {
    this.#left.delete(run.id)
    return this.access.follow(run, this.logger)
  }

  /** Notes that the sender left before the end, so that the next send need not wait for it. */
  left(run: string): void {
    this.#left.add(run)
  }

  #sent(chat: string, run: string, isQueued: boolean, scope: Scope<unknown>, signal: AbortSignal): Sent {
    const begun = async (): Promise<StreamInfo> => {
      try {
        if (isQueued) await this.#turnOf(chat, run, this.#whose(scope), signal)
        return await this.#runOf(run, signal)
      } catch (error) {
        if (signal.aborted) this.left(run)
        throw error
      }
    }
    return { run, isQueued, begun }
  }

  async #ask(
    chat: string,
    asked: Asked,
    options: { readonly owner?: string; readonly whileBusy: WhileBusy },
  ): Promise<ChatAsk> {
    if ('again' in asked) {
      const { again, ...rest } = asked
      const which = again === null ? {} : { message: again }
      return this.#chats.regenerate(chat, { ...which, ...rest, ...options, kind: this.#kind })
    }
    // A page that says what came before a message may say all of it.
    const merge = 'before' in asked ? {} : mergeOf(asked.message)
    return this.#chats.send(chat, { ...asked, ...merge, ...options, kind: this.#kind })
  }

  async #whileBusyNow(
    chat: string,
    whose: { readonly owner?: string },
    signal: AbortSignal,
  ): Promise<WhileBusy> {
    if (this.#left.isEmpty) return this.#whileBusy
    const active = (await this.#chats.get(chat, { ...whose, signal }))?.active?.run
    const isLeft = active !== undefined && this.#left.has(active) && this.delivery.readers(active) === 0
    return isLeft ? 'replace' : this.#whileBusy
  }

  /** Waits until the run of a queued message has begun. */
  async #turnOf(
    chat: string,
    run: string,
    whose: { readonly owner?: string },
    signal: AbortSignal,
  ): Promise<void> {
    const chats = this.#chats
    const found = await chats.get(chat, { ...whose, signal })
    if (!found?.queue.some(({ ask }) => ask.run === run)) return
    if (await turnOf({ chats, chat, signal, ...whose }, run, found.offset)) return
    throw new ChatError('taken_back')
  }

  /** Finds the last answer of a chat, if it ended lately and this client has not read its end. */
  #unread({ messages }: Chat, client: EndReader): string | undefined {
    const { ask, at } = messages.at(-1) ?? {}
    return ask && this.ends.isUnread(ask.run, client, at ?? 0) ? ask.run : undefined
  }

  async #find(run: string, signal: AbortSignal): Promise<StreamInfo | undefined> {
    return this.#store.head(run, signal)
  }

  /** Waits for a run that the chat has named and that is about to start. */
  async #runOf(run: string, signal: AbortSignal): Promise<StreamInfo> {
    for (let tries = 0; tries < MOST_LOOKS; tries++) {
      const info = await this.#find(run, signal)
      if (info) return info
      await sleep(LOOK_MS, undefined, { signal })
    }
    throw new ChatError('taken_back', 'The message was taken back, or its answer is gone.')
  }

  #whose({ user }: Scope<unknown>): { readonly owner?: string } {
    const owner = this.ownerOf(user)
    return owner === undefined ? {} : { owner }
  }
}

function inputOf(asked: Asked): Json {
  return ('again' in asked ? { again: asked.again } : { message: asked.message }) as Json
}
