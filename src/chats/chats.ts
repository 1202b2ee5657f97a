/**
 * Chats: conversations that are kept, and answered by runs. Each is a stream of its own, of what was sent, which runs
 * answer it and what they said; docs/chats.md tells it whole.
 *
 * All processes on the same store have the same chats. A send, an edit or a take-back may reach any of them, and each is
 * decided by what the chat is at that moment: what two people do at once is done one after the other.
 */
import type { Delivery } from '../delivery/delivery.ts'
import type { Json } from '../protocol/json.ts'
import { encodeOffset } from '../protocol/offset.ts'
import type { RunEnd } from '../protocol/run-end.ts'
import { RunError } from '../runs/errors.ts'
import type { RunDefinition, RunDefinitions } from '../runs/definition.ts'
import { chatIndexId } from '../runs/records/run-ids.ts'
import { Amendments } from './amendments.ts'
import { Answers } from './answers.ts'
import { itemOf, listedChat } from './chat.ts'
import type { Chat, ChatItem, ChatList } from './chat.ts'
import { CHATS } from './chat-ids.ts'
import type { ChatLog } from './chat-log.ts'
import { ChatLogs } from './chat-logs.ts'
import type { ChatAsk } from './conversation.ts'
import type { ChatMessage } from './entries.ts'
import { ChatError } from './errors.ts'
import { ChatFollower, placeAt } from './following.ts'
import type { ChatChange } from './following.ts'
import type { ChatPlace } from './history.ts'
import { chatSettings, redefineSettings } from './options.ts'
import type { ChatSettings, ChatsOptions } from './options.ts'
import { checkAsk, checkMessage, checkTitle, placeOf, signalOf } from './requests.ts'
import type { AskOptions, ChatScope, RegenerateRequest, SendRequest } from './requests.ts'
import { Sends, keyOf } from './sends.ts'
import { Turns } from './turns.ts'
import type { ChatRuns } from './turns.ts'

/** What chats work with; a `Streaming` has both. */
export interface ChatServices {
  readonly runs: ChatRuns
  readonly delivery: Delivery
}

/**
 * The chats of an application in one process. Each method rejects with a `ChatError` for what it refuses, with the
 * `RunError` of a run that cannot be started, and with the `StoreError` of a store that fails.
 */
export class Chats {
  readonly #settings: ChatSettings
  readonly #logs: ChatLogs
  readonly #sends: Sends
  readonly #amendments: Amendments
  readonly #turns: Turns
  readonly #answers: Answers
  #services: ChatServices | undefined

  /** @throws {RangeError} naming the option that is out of range. */
  constructor(options: ChatsOptions) {
    const settings = chatSettings(options)
    this.#settings = settings
    this.#logs = new ChatLogs(settings)
    this.#answers = new Answers(settings, this.#logs)
    this.#turns = new Turns(settings, this.#logs, this.#answers, () => this.#used.runs)
    this.#sends = new Sends(settings, this.#logs, this.#turns)
    this.#amendments = new Amendments(settings.limits, this.#sends)
  }

  /** The kinds of runs that answer: for `Runs`, beside the application's own. */
  get kinds(): RunDefinitions {
    const kinds: Record<string, RunDefinition> = {}
    for (const [name, kind] of this.#settings.kinds) {
      const { resumable, closing, newAttempt } = kind
      kinds[name] = {
        run: (input, context) => this.#answers.provide(kind, input as Json, context),
        ended: (run, end, signal) => this.#turns.ended(run, end, signal),
        ...(resumable !== undefined && { resumable }),
        ...(closing && { closing }),
        ...(newAttempt && { newAttempt }),
      }
    }
    return kinds
  }

  /**
   * Puts these kinds, and this history, in place of those that there are. Returns the names of other options that differ:
   * they need a restart.
   */
  redefine(options: Omit<ChatsOptions, 'store'>): string[] {
    return redefineSettings(this.#settings, options)
  }

  /** Says who starts runs, which were given `kinds`, and over what chats are followed: once, before anything is sent. */
  use(services: ChatServices): void {
    this.#services = services
  }

  /**
   * Sends a message, and has it answered. The chat is created with its first message. Resolves once that is kept and its
   * run started, or once it waits for its turn. The same message sent again, by its id, is the same send.
   *
   * @throws {ChatError} `chat_busy`, `queue_full`, `chat_full`, `chat_too_large`, `message_too_large`; `message_not_found`
   * for an edit of what is gone; `message_differs`; `taken_back`.
   */
  async send(chat: string, { message, edits, after, ...ask }: SendRequest): Promise<ChatAsk> {
    return this.#ask(chat, ask, {
      message: checkMessage(message, this.#settings.limits.messageBytes),
      ...(edits !== undefined && { edits }),
      ...(after !== undefined && { after }),
    })
  }

  /**
   * Has a message answered again. The other answers stay, each a branch of its own.
   *
   * @throws {ChatError} as `send`; `message_not_found`.
   */
  async regenerate(chat: string, { message, ...ask }: RegenerateRequest = {}): Promise<ChatAsk> {
    const log = await this.#found({ chat, ...ask }, signalOf(ask))
    const { conversation } = log
    const name = message ?? conversation.head
    const node = name === undefined ? undefined : conversation.tree.get(keyOf(conversation, name))
    const answered = node?.run === undefined ? node?.key : conversation.asks.get(node.run)?.message
    if (answered === undefined) throw new ChatError('message_not_found')
    return this.#ask(chat, ask, { again: answered })
  }

  /** Keeps messages that nobody is to answer, behind the last one: a greeting, or what was said elsewhere. */
  async add(chat: string, messages: readonly ChatMessage[], scope: ChatScope = {}): Promise<void> {
    const checked = messages.map((message) => checkMessage(message, this.#settings.limits.messageBytes))
    await this.#amendments.add(placeOf(chat, scope), checked, signalOf(scope))
  }

  /**
   * Takes a message back that waits for its turn; named by its id, or by its run. Twice is once.
   *
   * @throws {ChatError} `already_begun`; `message_not_found`; `chat_not_found`.
   */
  async takeBack(chat: string, name: string, scope: ChatScope = {}): Promise<void> {
    await this.#amendments.takeBack(placeOf(chat, scope), name, signalOf(scope))
  }

  /**
   * Removes a message, with all that follows it, from every branch. What was kept stays in the stream of the chat until
   * the chat is deleted.
   *
   * @throws {ChatError} `chat_busy` while something behind it is being answered; `message_not_found`; `chat_not_found`.
   */
  async remove(chat: string, name: string, scope: ChatScope = {}): Promise<void> {
    await this.#amendments.remove(placeOf(chat, scope), name, signalOf(scope))
  }

  /**
   * Goes on with the branch of another message: a version, or another answer, and what came last behind it.
   *
   * @throws {ChatError} `message_not_found`; `chat_not_found`.
   */
  async select(chat: string, key: string, scope: ChatScope = {}): Promise<void> {
    await this.#amendments.select(placeOf(chat, scope), key, signalOf(scope))
  }

  /** Names a chat; the empty text takes its title away. @throws {ChatError} `invalid_title`; `chat_not_found`. */
  async rename(chat: string, title: string, scope: ChatScope = {}): Promise<void> {
    checkTitle(title, this.#settings.limits.title)
    await this.#amendments.rename(placeOf(chat, scope), title, signalOf(scope))
  }

  /**
   * Stops what is being answered, whichever process does it. What was said by then is kept, and what waits comes next.
   * Undefined when nothing is being answered.
   */
  async stop(chat: string, scope: ChatScope = {}): Promise<RunEnd | undefined> {
    const place = placeOf(chat, scope)
    const signal = signalOf(scope)
    const log = await this.#look(place, signal)
    const run = log?.conversation.active?.run
    if (run === undefined) return undefined
    const end = await this.#used.runs.stop(run, { signal })
    await this.#look(place, signal)
    return end
  }

  /** A chat as it is, once what was left undone in it was done; undefined for one that is not there. */
  async get(chat: string, scope: ChatScope = {}): Promise<Chat | undefined> {
    const log = await this.#look(placeOf(chat, scope), signalOf(scope))
    return log && this.#seen(log)
  }

  /** All messages of a chat, of every branch, in the order in which they came. @throws {ChatError} `chat_not_found`. */
  async tree(chat: string, scope: ChatScope = {}): Promise<readonly ChatItem[]> {
    const { conversation } = await this.#found({ chat, ...scope }, signalOf(scope))
    return Array.from(conversation.tree.nodes, (node) => itemOf(conversation, node))
  }

  /** A page of an owner's chats, the latest first; without one those of nobody. It costs by what it holds. */
  async list({
    owner,
    after,
    limit = 30,
    signal,
  }: ChatScope & { readonly after?: string; readonly limit?: number } = {}): Promise<ChatList> {
    const { streams, next } = await this.#settings.store.list({
      owner: owner ?? null,
      listed: CHATS,
      limit,
      ...(after !== undefined && { after }),
      ...(signal && { signal }),
    })
    const chats = streams.map(listedChat).filter((chat) => chat !== undefined)
    return { chats, ...(next !== undefined && { next }) }
  }

  /**
   * Deletes a chat with all that it had: messages, runs and their records, and its place in lists. What is being answered
   * is stopped. False when there is none. Cut short, it is done by whoever comes next.
   */
  async delete(chat: string, scope: ChatScope = {}): Promise<boolean> {
    const place = placeOf(chat, scope)
    const signal = signalOf(scope)
    const { store } = this.#settings
    for (;;) {
      const log = await this.#logs.load(place, signal)
      if (!log) return false
      if (!log.isClosed && !(await log.close(signal))) continue
      // What was kept in the moment of the close.
      await log.refresh(signal)
      await store.delete(chatIndexId(chat, scope.owner), signal)
      await this.#turns.remove(log, signal)
      return true
    }
  }

  /**
   * Follows what is kept in a chat, whichever process keeps it: what comes after an offset, by default from now on. It
   * ends when the chat is deleted, this process stops delivering, or the signal aborts.
   *
   * @throws {ChatError} `chat_not_found`; `invalid_ask` for an offset that is none of this chat.
   */
  async *follow(
    chat: string,
    { offset, ...scope }: ChatScope & { readonly offset?: string } = {},
  ): AsyncGenerator<ChatChange> {
    const signal = signalOf(scope)
    const place = placeAt(offset)
    const { id, incarnation } = await this.#found({ chat, ...scope }, signal)
    yield* new ChatFollower().follow(this.#used.delivery, id, place, incarnation, signal)
  }

  async #ask(
    chat: string,
    { owner, signal, kind = this.#onlyKind(), whileBusy = this.#settings.whileBusy, body, run }: AskOptions,
    what: { readonly message: ChatMessage } | { readonly again: string },
  ): Promise<ChatAsk> {
    const place = placeOf(chat, { ...(owner !== undefined && { owner }) })
    checkAsk({ ...(body !== undefined && { body }), ...(run !== undefined && { run }) })
    const send = {
      place,
      kind,
      whileBusy,
      ...what,
      ...(body !== undefined && { body }),
      ...(run !== undefined && { run }),
    }
    return this.#sends.send(send, signalOf({ ...(signal && { signal }) }))
  }

  /** What is to be done is done if that can be. */
  async #look(place: ChatPlace, signal: AbortSignal): Promise<ChatLog | undefined> {
    try {
      return await this.#turns.advance(place, signal)
    } catch (err) {
      if (!(err instanceof RunError)) throw err
      this.#settings.logger.warn({ err, chat: place.chat }, 'The next answer of a chat could not be begun')
      return this.#logs.load(place, signal)
    }
  }

  async #found({ chat, owner }: ChatPlace, signal: AbortSignal): Promise<ChatLog> {
    const log = await this.#logs.load(placeOf(chat, { ...(owner !== undefined && { owner }) }), signal)
    if (!log || log.isClosed) throw new ChatError('chat_not_found')
    return log
  }

  #seen({ place, createdAt, conversation, offset }: ChatLog): Chat {
    const { title, active, queue } = conversation
    return {
      id: place.chat,
      createdAt,
      messages: conversation.branch().map((node) => itemOf(conversation, node)),
      queue: queue.map(({ ask, message }) => ({ ask, ...(message && { message }) })),
      offset: encodeOffset(offset),
      ...(place.owner !== undefined && { owner: place.owner }),
      ...(title !== undefined && title !== '' && { title }),
      ...(active && { active }),
    }
  }

  #onlyKind(): string {
    const [only, ...others] = this.#settings.kinds.keys()
    if (only === undefined || others.length > 0) throw new ChatError('unknown_kind')
    return only
  }

  get #used(): ChatServices {
    if (this.#services) return this.#services
    throw new Error('Chats are answered by runs: call chats.use({ runs, delivery }) first')
  }
}
