/**
 * One chat of a page: the state of `useChat`, held to what the chat's log says.
 *
 * The log says which messages there are, what waits and what is being answered; `useChat` sends, and reads the tokens of
 * one answer. Whenever the log or a send of this tab changes something, the messages of `useChat` are made anew out of
 * both, and whatever is being answered in the branch that is shown is read, whoever asked for it.
 *
 * - While a send of this tab is not in the log yet, its own list stands: what `useChat` shows of it.
 * - An answer is over when the log has it. So nothing is `ready` that the chat is not ready for.
 */
import { Chat } from '@ai-sdk/react'
import type { ChatInit, ChatTransport, UIMessage, UIMessageChunk } from 'ai'
import { type ChatClient, newRun } from '../../client/chat/chat-client.ts'
import type { LiveChat } from '../../client/chat/live-chat.ts'
import type { ChatMessage } from '../../conversation/entries.ts'
import { answerChunks } from './answer-chunks.ts'
import { type ChatView, type Failure, type WhileBusy, activeIn, failureIn } from './chat-view.ts'
import { OwnSend } from './own-send.ts'
import { type TransportSend, pageAskOf } from './page-ask.ts'
import { type Aim, Purpose } from './purpose.ts'
import { Readings } from './readings.ts'
import { ShownMessages } from './shown-messages.ts'
import { WaitingSends } from './waiting-sends.ts'

/** What the latest render gave. */
export interface SessionOptions<M extends UIMessage> extends Pick<
  ChatInit<M>,
  'onToolCall' | 'onData' | 'onFinish' | 'onError' | 'sendAutomaticallyWhen'
> {
  readonly whileBusy?: WhileBusy | undefined
}

/** What stays. */
export type SessionInit<M extends UIMessage> = Pick<
  ChatInit<M>,
  'messages' | 'generateId' | 'messageMetadataSchema' | 'dataPartSchemas'
>

type TransportResume<M extends UIMessage> = Parameters<ChatTransport<M>['reconnectToStream']>[0]

export class ChatSession<M extends UIMessage> {
  readonly chat: Chat<M>
  readonly id: string
  readonly client: ChatClient
  /** What waits, and the log does not show yet. */
  readonly waiting: WaitingSends<M>
  /** What the latest rendering gave. */
  options: SessionOptions<M>
  readonly #live: LiveChat
  readonly #shown = new ShownMessages<M>()
  #view: ChatView<M>
  readonly #views = new WeakMap<readonly M[], ChatView<M>>()
  readonly #send = new OwnSend<M>()
  /** The request under way that asks for an answer. */
  #posted: Promise<unknown> = Promise.resolve()
  /** Resolves when the request that was made last got to the transport. */
  #asked: Promise<void> = Promise.resolve()
  readonly #readings = new Readings()
  #failure: Failure | undefined
  /** The run whose failure the page has seen enough of. */
  #dismissed: string | undefined
  /** How many acts want that nothing is read or shown anew until they are through. */
  #held = 0
  #isLeaving = false
  #count = 0
  #undo: (() => void) | undefined
  #settling: ReturnType<typeof setTimeout> | undefined

  constructor(client: ChatClient, id: string, init: SessionInit<M>, options: SessionOptions<M>) {
    this.client = client
    this.id = id
    this.options = options
    this.#live = client.chat(id)
    this.waiting = new WaitingSends<M>(client, id, () => this.#sync())
    this.chat = new Chat<M>({
      ...init,
      id,
      transport: {
        sendMessages: (send) => this.#ask(send),
        reconnectToStream: (resume) => this.#resume(resume),
      },
      onToolCall: (call) => (this.#readings.isOwn ? this.options.onToolCall?.(call) : undefined),
      onData: (part) => this.options.onData?.(part),
      onError: (error) => this.options.onError?.(error),
      onFinish: (event) => this.#finished(event),
      sendAutomaticallyWhen: (event) =>
        !this.#readings.isOthersOver && (this.options.sendAutomaticallyWhen?.(event) ?? false),
    })
    this.#view = this.#look()
    if (this.#live.snapshot().status === 'live') this.chat.messages = this.#merged()
    this.#views.set(this.chat.messages, this.#view)
    // Before any listener of a component: with each list stands what was true when it was made.
    this.chat['~registerMessagesCallback'](() => this.#noteList())
  }

  /** What stands beside these messages of `useChat`. */
  viewOf(messages: readonly M[]): ChatView<M> {
    return this.#views.get(messages) ?? this.#view
  }

  /** Follows the chat until the last one who opened it has called what is returned. */
  open(): () => void {
    if (this.#count++ === 0 && !this.#undo) {
      this.#undo = this.#live.subscribe(() => this.#sync())
      this.#sync()
    }
    return () => {
      this.#count--
      // StrictMode, and whoever moves in the page, is back by then.
      queueMicrotask(() => {
        if (this.#count === 0) this.#close()
      })
    }
  }

  /** What the server refused; it is not shown any more. */
  takeUnsent(): M | undefined {
    const unsent = this.#send.takeUnsent()
    if (unsent) this.chat.messages = this.chat.messages.filter(({ id }) => id !== unsent.id)
    return unsent
  }

  /** Notes that this tab asks for an answer by this run. */
  own(run: string): void {
    this.#readings.own(run)
  }

  /** Resolves when nothing is on its way to the server that asks for an answer. */
  get posted(): Promise<unknown> {
    return this.#posted
  }

  clearError(): void {
    this.#dismissed = this.#view.failure?.run
    this.chat.clearError()
    this.#sync()
  }

  /** Whether what is sent now has to wait. */
  get isBusy(): boolean {
    const { active, queue } = this.#live.snapshot()
    const { status } = this.chat
    return (
      status === 'submitted' ||
      status === 'streaming' ||
      active !== undefined ||
      this.#send.now !== undefined ||
      queue.length > 0 ||
      this.waiting.isSending
    )
  }

  /** A message of any branch, by its key. */
  readonly messageAt = (key: string): ChatMessage | undefined => this.#live.message(key)

  /** The key of a message of the branch that is shown. */
  keyOf(messageId: string): string | undefined {
    return this.#live.snapshot().messages.find(({ message }) => message.id === messageId)?.key
  }

  /** What stands in the place of something: that is read no more, and the list stays until the request is made. */
  async instead(act: () => Promise<void>): Promise<void> {
    this.#held++
    let done: Promise<void>
    try {
      await this.#posted
      await this.#leave()
      done = act()
      // What it throws, it throws below.
      await Promise.race([this.#asked, done.catch(() => {})])
    } finally {
      this.#held--
      this.#sync()
    }
    await done
  }

  /** Has `useChat` make a request for an aim. */
  request(
    request: (options: { readonly metadata: Purpose; readonly body?: object }) => Promise<void>,
    aim: Aim,
    body: object | undefined,
  ): Promise<void> {
    const purpose = new Purpose(aim)
    this.#asked = purpose.taken
    return request({ metadata: purpose, ...(body && { body }) })
  }

  /** What `useChat` sends, and its answer. One that waits for its turn is read when that has come. */
  async #ask(send: TransportSend<M>): Promise<ReadableStream<UIMessageChunk>> {
    const { metadata, abortSignal } = send
    const aim = Purpose.take(metadata)
    if (aim?.type === 'read') return this.#chunks(aim.run, abortSignal)
    const { message, isNew, replaces, post } = pageAskOf(send, aim, (id) => this.keyOf(id))
    const run = newRun()
    this.own(run)
    const sending = this.#send.begin({ run, id: isNew ? message.id : undefined, replaces })
    // Before the server says so: the log may have the answer sooner than this tab has a word of it.
    this.#readings.begin(run, this.keyOf(message.id) ?? message.id)
    this.#sync()
    try {
      const posted = post(this.client, this.id, run)
      this.#posted = posted.catch(() => {})
      const sent = await posted
      this.own(sent.run)
      sending.kept(sent.run)
      if (sent.status === 'running' && !abortSignal?.aborted) {
        this.#readings.begin(sent.run, sent.message)
        return this.#chunks(sent.run, abortSignal)
      }
    } catch (error) {
      sending.refused(isNew ? message : undefined)
      this.#sync()
      throw error
    }
    throw new DOMException('It waits for its turn, or is read no more.', 'AbortError')
  }

  async #resume({
    metadata,
    abortSignal,
  }: TransportResume<M>): Promise<ReadableStream<UIMessageChunk> | null> {
    const aim = Purpose.take(metadata)
    return aim?.type === 'read' ? this.#chunks(aim.run, abortSignal) : null
  }

  #chunks(run: string, signal: AbortSignal | undefined): ReadableStream<UIMessageChunk> {
    const began = (answer: string): void => this.#readings.began(run, answer)
    return answerChunks({ client: this.client, live: this.#live, run, signal, began })
  }

  #finished(event: Parameters<NonNullable<SessionOptions<M>['onFinish']>>[0]): void {
    const { run, answer } = this.#readings.now ?? {}
    // One that was stopped, or failed, is closed in the log: its tools have no results.
    if (run !== undefined && this.#live.ask(run)?.status === 'completed') this.#shown.noteWhole(answer)
    this.#readings.end(event.isError && this.#live.snapshot().active?.run === run)
    // An abort is no end of an answer: it was left.
    if (!event.isAbort) this.options.onFinish?.(event)
    clearTimeout(this.#settling)
    // What `useChat` sends by itself comes first.
    this.#settling = setTimeout(() => {
      this.#settling = undefined
      this.#read()
    }, 0)
    this.#sync()
  }

  #noteList(): void {
    const { messages } = this.chat
    this.#views.set(messages, this.#view)
    const { unsent } = this.#send
    const { id } = messages.at(-1) ?? {}
    // `useChat` puts an answer last.
    if (unsent && id !== undefined && id === this.#readings.now?.answer && messages.includes(unsent))
      this.chat.messages = [...messages.filter((one) => one !== unsent), unsent]
  }

  /** Makes everything anew that follows from the log and from what this tab does. */
  #sync(): void {
    this.#send.settle(this.#live)
    this.waiting.settle(this.#live)
    this.#view = this.#look()
    this.chat.messages = this.#merged()
    this.#read()
  }

  #look(): ChatView<M> {
    const live = this.#live.snapshot()
    const sending = this.#send.now
    const isShown = (item: { readonly run: string }): boolean => item.run === sending?.run
    const active = activeIn(live)
    const failure = failureIn(live, this.#failure)
    this.#failure = failure
    return {
      live,
      queue: this.waiting.queue(live.queue).filter((item) => !isShown(item)),
      active: active && this.#readings.isLost(active.run) ? undefined : active,
      isSending: sending !== undefined,
      failure: failure?.run === this.#dismissed ? undefined : failure,
    }
  }

  #merged(): M[] {
    const { status, messages } = this.#live.snapshot()
    const isSettled = status === 'live' || status === 'absent' || status === 'deleted'
    if (!isSettled || this.#send.now || this.#held > 0) return this.chat.messages
    return this.#shown.merge(messages, this.chat.messages, this.#readings.now, this.#send.unsent)
  }

  /** Reads what is being answered in the branch that is shown, unless it is read already. */
  #read(): void {
    if (!this.#undo || this.#isLeaving || this.#held > 0) return
    const { active, live } = this.#view
    const { run } = this.#readings.now ?? {}
    if (run !== undefined) {
      const isElsewhere = live.active?.run === run && active?.run !== run
      if (isElsewhere || live.status === 'deleted') void this.#leave()
      return
    }
    const { status } = this.chat
    const isBusy = this.#send.now !== undefined || this.#settling !== undefined
    if (!active || isBusy || status === 'submitted' || status === 'streaming') return
    this.#readings.begin(active.run, active.message)
    const request = { metadata: new Purpose({ type: 'read', run: active.run }) }
    // A run that goes on with an answer says only what comes behind it.
    const isContinued = this.chat.lastMessage?.role === 'assistant'
    void (isContinued ? this.chat.sendMessage(undefined, request) : this.chat.resumeStream(request))
  }

  /** Reads no more. The answer goes on. */
  async #leave(): Promise<void> {
    this.#isLeaving = true
    try {
      await this.chat.stop()
    } finally {
      this.#isLeaving = false
      this.#readings.leave()
      this.#sync()
    }
  }

  #close(): void {
    this.#undo?.()
    this.#undo = undefined
    clearTimeout(this.#settling)
    this.#settling = undefined
    void this.#leave()
  }
}
