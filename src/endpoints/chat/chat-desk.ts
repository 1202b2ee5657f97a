/**
 * What all transports of a chat route do alike: a send becomes an ask of the chat, a resume finds the answer that is on
 * its way, or waits for one. Each ends with a run, which the transport follows in its own words.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Chats } from '../../chats/chats.ts'
import type { Chat } from '../../chats/chat.ts'
import type { ChatAsk } from '../../chats/conversation.ts'
import { ChatError } from '../../chats/errors.ts'
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
import { type Asked, type SendBody, askedBy } from './send-request.ts'
import { UnreadEnds } from './unread-ends.ts'

/** A chat names a run before it is started: for so long it may not be there, in looks and milliseconds between them. */
const MOST_LOOKS = 50
const LOOK_MS = 50

export interface ChatDeskOptions extends StreamServices {
  readonly chats: Chats
  /** Which of their kinds answers here. */
  readonly kind: string
  /** What comes while an answer is being written. */
  readonly whileBusy: WhileBusy
  /** Bytes of what a page sends at once. */
  readonly maxMessageSize: number
  /** Seconds between two signs of life. Default 15. */
  readonly signInterval?: number
  /** Seconds that a resume over HTTP waits for an answer to begin. Default 25. */
  readonly holdFor?: number
}

/** What was asked for, and who asks. */
export interface Resume {
  readonly chat: string
  readonly scope: Scope<unknown>
  readonly signal: AbortSignal
  /** Whether it waits for an answer to begin, where none is being written. */
  readonly isHeld: boolean
  /** Whether a run is not to be told here: its own tab asked for it, and reads it as the answer to that. */
  readonly isOwn?: (run: string) => boolean
}

export class ChatDesk {
  readonly delivery: Delivery
  readonly logger: Logger
  readonly gate: StartGate
  readonly access: StreamAccess
  readonly ends = new UnreadEnds()
  /** Of runs, by the Durable Streams protocol. */
  readonly reads: Reads
  readonly maxMessageSize: number
  readonly signInterval: number
  readonly holdFor: number | undefined
  readonly #store: StreamStore
  readonly #chats: Chats
  readonly #kind: string
  readonly #whileBusy: WhileBusy
  /** Runs whose sender left before they had ended. */
  readonly #left = new Set<string>()

  constructor(options: ChatDeskOptions) {
    const { store, delivery, chats, whileBusy, logger = libraryLogger() } = options
    this.#store = store
    this.#chats = chats
    this.#kind = options.kind
    this.#whileBusy = whileBusy
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

  /** Counts a send, before anything is read of it. @throws {HttpError} `too_many_starts`. */
  count(scope: Scope<unknown>): void {
    this.gate.count({ owner: this.ownerOf(scope.user), scope })
  }

  /** Sends, and resolves to the run that answers, once its turn has come. Rejects with what a client may be told. */
  async send(send: SendBody, scope: Scope<unknown>, signal: AbortSignal): Promise<StreamInfo> {
    const asked = askedBy(send)
    const { chat } = send
    const whose = this.#whose(scope)
    const attempt = { input: inputOf(asked), chat, scope, ...whose }
    const whileBusy = await this.#whileBusyNow(chat, whose, signal)
    const started = await this.gate.start(
      attempt,
      signal,
      () => Promise.resolve(false),
      async () => {
        const ask = await this.#ask(chat, asked, { ...whose, whileBusy, signal })
        return { id: ask.run, isQueued: ask.status === 'queued' }
      },
    )
    if (started.isQueued) await this.#turnOf(chat, started.id, whose, signal)
    return this.#runOf(started.id, signal)
  }

  /**
   * The run that is answering, or whose end nobody has read; undefined where there is none, and nobody waits. Held, it
   * resolves when an answer begins. A chat of somebody else is one in which nothing ever begins.
   */
  async resume({ chat, scope, signal, isHeld, isOwn }: Resume): Promise<StreamInfo | undefined> {
    const whose = this.#whose(scope)
    const found = await this.#chats.get(chat, { ...whose, signal })
    const run = found && (found.active?.run ?? this.#unread(found))
    if (run !== undefined && !isOwn?.(run)) return this.#find(run, signal)
    if (!isHeld) return undefined
    const chats = this.#chats
    for await (const begun of runsBegun({ chats, chat, signal, ...whose }, found?.offset)) {
      if (!isOwn?.(begun)) return this.#runOf(begun, signal)
    }
    return undefined
  }

  /** A run of a chat, by its own id; undefined for one of somebody else, and for what is none. */
  async runWith(id: string, { user }: Scope<unknown>, signal: AbortSignal): Promise<StreamInfo | undefined> {
    if (!isStreamId(id)) return undefined
    const info = await this.access.find(id, user, signal)
    return info && readRunRecord(info)?.chat !== undefined ? info : undefined
  }

  /**
   * What a page means that says neither whether it edits nor whether it wants another answer: a message that is there
   * is answered anew, or, where it is another one by now, edited.
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

  /** Ends what is being answered, whoever asked for it; undefined where nothing is. */
  stop(chat: string, scope: Scope<unknown>, signal: AbortSignal): Promise<RunEnd | undefined> {
    return this.#chats.stop(chat, { ...this.#whose(scope), signal })
  }

  /** A run is followed: keeps it. Returns what lets it go. */
  follow(run: StreamInfo): () => void {
    this.#left.delete(run.id)
    return this.access.follow(run, this.logger)
  }

  /** Whoever sent it has left before it ended: the next send need not wait for it. */
  left(run: string): void {
    this.#left.add(run)
  }

  async #ask(
    chat: string,
    asked: Asked,
    options: { readonly owner?: string; readonly whileBusy: WhileBusy; readonly signal: AbortSignal },
  ): Promise<ChatAsk> {
    if ('again' in asked) {
      const { again: message, ...rest } = asked
      return this.#chats.regenerate(chat, { message, ...rest, ...options, kind: this.#kind })
    }
    return this.#chats.send(chat, { ...asked, ...options, kind: this.#kind })
  }

  async #whileBusyNow(
    chat: string,
    whose: { readonly owner?: string },
    signal: AbortSignal,
  ): Promise<WhileBusy> {
    if (this.#left.size === 0) return this.#whileBusy
    const active = (await this.#chats.get(chat, { ...whose, signal }))?.active?.run
    const isLeft = active !== undefined && this.#left.has(active) && this.delivery.readers(active) === 0
    return isLeft ? 'replace' : this.#whileBusy
  }

  /** Waits until a message that was queued is answered. */
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

  /** The last answer of a chat, if it ended lately and nobody has been told so. */
  #unread({ messages }: Chat): string | undefined {
    const { ask, at } = messages.at(-1) ?? {}
    return ask && this.ends.isUnread(ask.run, at ?? 0) ? ask.run : undefined
  }

  async #find(run: string, signal: AbortSignal): Promise<StreamInfo | undefined> {
    return this.#store.head(run, signal)
  }

  /** Of a run that the chat has named, and that is started about now. */
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
