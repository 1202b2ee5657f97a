/**
 * Chats: conversations that are kept, and answered by runs. Each is a stream of its own, with the messages, the runs that
 * answer them and the answers. See docs/chats.md.
 *
 * All processes on the same store share the same chats. A send, an edit or a take-back may reach any of them. Each is
 * decided by the state of the chat at that moment, so concurrent changes happen one after the other.
 */
import type { Delivery } from '../delivery/delivery.ts'
import type { RunEnd } from '../protocol/run-end.ts'
import { RunError } from '../runs/errors.ts'
import type { RunDefinitions } from '../runs/definition.ts'
import type { StreamInfo } from '../streams/stream.ts'
import { Amendments } from './amendments.ts'
import { Answers } from './answers.ts'
import { Arrivals } from './arrivals.ts'
import { ChatFeeds } from './chat-feeds.ts'
import { itemOf } from '../conversation/chat.ts'
import type { Chat, ChatItem, ChatList } from '../conversation/chat.ts'
import { CHATS } from './chat-ids.ts'
import type { ChatLog } from './chat-log.ts'
import { ChatLogs } from './chat-logs.ts'
import { listedChat } from './listing.ts'
import type { ChatAsk } from '../conversation/conversation.ts'
import type { ChatMessage } from '../conversation/entries.ts'
import { ChatError } from '../conversation/errors.ts'
import { changesFrom, placeAt } from './following.ts'
import type { ChatChange } from './following.ts'
import type { ChatPlace } from './history.ts'
import { chatSettings, redefineChats } from './options.ts'
import type { ChatSettings, ChatsOptions } from './options.ts'
import { checkAsk, checkHistory, checkMessage, checkTitle, chatPlaceOf, signalOf } from './requests.ts'
import type { AskOptions, ChatScope, RegenerateRequest, SendRequest } from './requests.ts'
import { runKinds } from './run-kinds.ts'
import { type Send, Sends, keyOf } from './sends.ts'
import { Turns } from './turns.ts'
import type { ChatRuns } from './turns.ts'

/** What chats need; a `Streaming` has both. */
export interface ChatServices {
  readonly runs: ChatRuns
  readonly delivery: Delivery
}

/**
 * The chats of an application in one process. Each method rejects with a `ChatError` if it refuses the request, with the
 * `RunError` of a run that cannot be started, and with the `StoreError` of a store that fails.
 */
export class Chats {
  readonly #settings: ChatSettings
  readonly #feeds: ChatFeeds
  readonly #arrivals: Arrivals
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
    this.#feeds = new ChatFeeds(settings)
    this.#arrivals = new Arrivals(this.#feeds, () => this.#used.delivery)
    this.#logs = new ChatLogs(settings, this.#feeds, this.#arrivals)
    this.#answers = new Answers(settings, this.#logs)
    this.#turns = new Turns(settings, this.#logs, this.#answers, () => this.#used.runs)
    this.#sends = new Sends(settings, this.#logs, this.#turns)
    this.#amendments = new Amendments(settings.limits, this.#sends)
  }

  /** The kinds of runs that answer. Pass them to `Runs` with the application's own. */
  get kinds(): RunDefinitions {
    return runKinds(this.#settings.kinds, this.#answers, this.#turns)
  }

  /**
   * Puts these kinds, and this history, in place of those that there are. Returns the names of other options that differ:
   * they need a restart.
   */
  redefine(options: Omit<ChatsOptions, 'store'>): string[] {
    return redefineChats(this.#settings, options)
  }

  /** Sets the runs, which must have the `kinds`, and the delivery. Call it once, before anything is sent. */
  use(services: ChatServices): void {
    this.#services = services
  }

  /**
   * Sends a message and asks for an answer. The chat is created with its first message. Resolves when the message is kept
   * and its run is started, or when it waits for its turn. Sending a message with the same id again changes nothing.
   *
   * @throws {ChatError} `chat_busy`, `queue_full`, `chat_full`, `chat_too_large`, `message_too_large`; `message_not_found`
   * for an edit of a message that is gone; `message_differs`; `taken_back`.
   */
  async send(
    chat: string,
    { message, edits, merge, after, before, anew, ...ask }: SendRequest,
  ): Promise<ChatAsk> {
    const most = this.#settings.limits.messageBytes
    if (before) {
      if (edits !== undefined || after !== undefined)
        throw new ChatError('invalid_ask', 'What stands before the message says where it goes')
      return this.#ask(chat, ask, { ...checkHistory(before, message, most), ...(anew && { anew }) })
    }
    return this.#ask(chat, ask, {
      message: checkMessage(message, most),
      ...(edits !== undefined && { edits }),
      ...(merge && { merge }),
      ...(after !== undefined && { after }),
    })
  }

  /**
   * Asks for another answer to a message. The other answers stay, each in a branch of its own.
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

  /** Appends messages that need no answer after the last one: a greeting, for example. */
  async add(chat: string, messages: readonly ChatMessage[], scope: ChatScope = {}): Promise<void> {
    const checked = messages.map((message) => checkMessage(message, this.#settings.limits.messageBytes))
    await this.#amendments.add(chatPlaceOf(chat, scope), checked, signalOf(scope))
  }

  /**
   * Takes back a message that waits for its turn, named by its id or by its run. Repeated calls change nothing.
   *
   * @throws {ChatError} `already_begun`; `message_not_found`; `chat_not_found`.
   */
  async takeBack(chat: string, name: string, scope: ChatScope = {}): Promise<void> {
    await this.#amendments.takeBack(chatPlaceOf(chat, scope), name, signalOf(scope))
  }

  /**
   * Removes a message, and all messages that follow it, from every branch. Their entries stay in the stream of the chat
   * until the chat is deleted.
   *
   * @throws {ChatError} `chat_busy` while a message that follows it is being answered; `message_not_found`;
   * `chat_not_found`.
   */
  async remove(chat: string, name: string, scope: ChatScope = {}): Promise<void> {
    await this.#amendments.remove(chatPlaceOf(chat, scope), name, signalOf(scope))
  }

  /**
   * Switches to the branch of another message, such as another version or another answer, with its latest continuation.
   *
   * @throws {ChatError} `message_not_found`; `chat_not_found`.
   */
  async select(chat: string, key: string, scope: ChatScope = {}): Promise<void> {
    await this.#amendments.select(chatPlaceOf(chat, scope), key, signalOf(scope))
  }

  /** Sets the title of a chat; an empty text removes it. @throws {ChatError} `invalid_title`; `chat_not_found`. */
  async rename(chat: string, title: string, scope: ChatScope = {}): Promise<void> {
    checkTitle(title, this.#settings.limits.title)
    await this.#amendments.rename(chatPlaceOf(chat, scope), title, signalOf(scope))
  }

  /**
   * Stops the answer in progress, in whichever process. What was said so far is kept, and the next waiting message is
   * answered. Resolves to undefined if no answer is in progress.
   */
  async stop(chat: string, scope: ChatScope = {}): Promise<RunEnd | undefined> {
    const place = chatPlaceOf(chat, scope)
    const signal = signalOf(scope)
    const log = await this.#look(place, signal)
    const run = log?.conversation.active?.run
    if (run === undefined) return undefined
    const end = await this.#used.runs.stop(run, { signal })
    await this.#look(place, signal)
    return end
  }

  /** Returns a chat, after finishing what a dead process left undone in it; undefined if it does not exist. */
  async get(chat: string, scope: ChatScope = {}): Promise<Chat | undefined> {
    const log = await this.#look(chatPlaceOf(chat, scope), signalOf(scope))
    return log?.chat
  }

  /**
   * Returns the stream of a chat, after finishing what a dead process left undone in it; undefined if the chat does not
   * exist. Its records are the entries. It is for endpoints that serve it: read a chat with `get` and `follow`.
   */
  async stream(chat: string, scope: ChatScope = {}): Promise<StreamInfo | undefined> {
    const signal = signalOf(scope)
    const log = await this.#look(chatPlaceOf(chat, scope), signal)
    if (!log || log.isClosed) return undefined
    return this.#settings.store.head(log.id, signal, scope.owner ?? null)
  }

  /** Returns all messages of a chat, of every branch, in the order they came. @throws {ChatError} `chat_not_found`. */
  async tree(chat: string, scope: ChatScope = {}): Promise<readonly ChatItem[]> {
    const { conversation } = await this.#found({ chat, ...scope }, signalOf(scope))
    return Array.from(conversation.tree.nodes, (node) => itemOf(conversation, node))
  }

  /** Returns a page of an owner's chats, the latest first; without an owner, of the chats without one. */
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
   * Deletes a chat with its messages, runs, their records, and its place in lists. An answer in progress is stopped.
   * Resolves to false if there is no such chat. If it is interrupted, the next access to the chat completes it.
   */
  async delete(chat: string, scope: ChatScope = {}): Promise<boolean> {
    const place = chatPlaceOf(chat, scope)
    const signal = signalOf(scope)
    for (;;) {
      const log = await this.#logs.load(place, signal)
      if (!log) return false
      if (!log.isClosed && !(await log.close(signal))) continue
      // What was kept in the moment of the close.
      await log.refresh(signal)
      await this.#turns.remove(log, signal)
      this.#feeds.tell(place, { chat, deleted: true })
      return true
    }
  }

  /**
   * Yields the changes to a chat after an offset, by default from now on, whichever process makes them. It ends when the
   * chat is deleted, this process stops delivering, or the signal aborts.
   *
   * @throws {ChatError} `chat_not_found`; `invalid_ask` if the offset is not one of this chat.
   */
  async *follow(
    chat: string,
    { offset, ...scope }: ChatScope & { readonly offset?: string } = {},
  ): AsyncGenerator<ChatChange> {
    const signal = signalOf(scope)
    const place = placeAt(offset)
    const { id, incarnation } = await this.#found({ chat, ...scope }, signal)
    yield* changesFrom(this.#used.delivery, id, place, incarnation, signal)
  }

  /**
   * Returns the stream that says in which chats of an owner something was kept, whichever process did: its records are
   * `ChatNews`. It is for endpoints that serve it, and a signal alone: `list` has the chats.
   */
  async feed(owner: string, { signal }: Pick<ChatScope, 'signal'> = {}): Promise<StreamInfo | undefined> {
    return this.#feeds.stream(owner, signalOf({ ...(signal && { signal }) }))
  }

  /**
   * Returns a chat as `get` does, and waits for one that does not exist yet; undefined when the signal aborts, or this
   * process stops delivering. A chat without an owner that another process creates is noticed within seconds, any other
   * at once.
   */
  async appears(chat: string, scope: ChatScope = {}): Promise<Chat | undefined> {
    const place = chatPlaceOf(chat, scope)
    return this.#arrivals.wait(place, () => this.get(chat, scope), signalOf(scope))
  }

  /** Takes leave of the chats of this process: resolves when other processes were told what was kept here. */
  close(): Promise<void> {
    return this.#feeds.close()
  }

  async #ask(
    chat: string,
    { owner, signal, kind = this.#onlyKind(), whileBusy = this.#settings.whileBusy, body, run }: AskOptions,
    what: Pick<Send, 'message' | 'edits' | 'merge' | 'after' | 'before' | 'anew' | 'again'>,
  ): Promise<ChatAsk> {
    const place = chatPlaceOf(chat, { ...(owner !== undefined && { owner }) })
    const more = { ...(body !== undefined && { body }), ...(run !== undefined && { run }) }
    checkAsk(more)
    // An answer may be called what its run is. It would stand in the place of its question.
    if (run !== undefined && run === what.message?.id)
      throw new ChatError('invalid_ask', 'The id of a run must not be that of its message')
    const send = { place, kind, whileBusy, ...what, ...more }
    return this.#sends.send(send, signalOf({ ...(signal && { signal }) }))
  }

  /** What is to be done is done if that can be. */
  async #look(place: ChatPlace, signal: AbortSignal): Promise<ChatLog | undefined> {
    try {
      return await this.#turns.advance(place, signal)
    } catch (err) {
      if (!(err instanceof RunError)) throw err
      this.#settings.logger.warn({ err, chat: place.chat }, 'next answer of a chat could not be started')
      return this.#logs.load(place, signal)
    }
  }

  async #found({ chat, owner }: ChatPlace, signal: AbortSignal): Promise<ChatLog> {
    const log = await this.#logs.load(chatPlaceOf(chat, { ...(owner !== undefined && { owner }) }), signal)
    if (!log || log.isClosed) throw new ChatError('chat_not_found')
    return log
  }

  #onlyKind(): string {
    const [only, ...others] = this.#settings.kinds.keys()
    if (only === undefined || others.length > 0) throw new ChatError('unknown_kind')
    return only
  }

  get #used(): ChatServices {
    if (this.#services) return this.#services
    throw new Error('Chats need runs: call chats.use({ runs, delivery }) first')
  }
}
