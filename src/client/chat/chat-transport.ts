/**
 * The transport of `useChat` whose pages do not see that a network is lost, a server restarts or an answer goes on
 * elsewhere: it goes on where it was, with nothing said twice, and is never `ready` with half an answer.
 */
import type { ChatTransport, UIMessage, UIMessageChunk } from 'ai'
import type { ChatAsk } from '../../conversation/conversation.ts'
import { type AskOptions, ChatClient, type ChatClientOptions, newRun } from './chat-client.ts'
import { answerStream } from './answer-stream.ts'
import { askedBy } from './asked-by.ts'
import { changeOf } from './changes.ts'
import type { LiveChat } from './live-chat.ts'
import { messageChunks } from '../../conversation/message-chunks.ts'

export type ChatTransportOptions = Pick<AskOptions, 'whileBusy'> &
  (ChatClientOptions | { /** Shared with the rest of the page. */ readonly client: ChatClient })

/** How many runs are known to have been shown to their ends. A chat says so a moment later than their streams. */
const MOST_SHOWN = 100
/** Milliseconds for which an end is news, by clocks that may differ: a page that is rendered takes seconds to resume. */
const NEWS = 30_000

export class MillraceChatTransport<Message extends UIMessage = UIMessage> implements ChatTransport<Message> {
  /** A resume gives an answer from its beginning. */
  readonly resumeStreamIsReplay = true
  readonly client: ChatClient
  readonly #isOwn: boolean
  readonly #whileBusy: AskOptions['whileBusy']
  /** Runs whose answers are being read as those to a send. */
  readonly #sent = new Set<string>()
  readonly #shown = new Set<string>()
  /** By chat, the run whose answer was left last before its end. */
  readonly #left = new Map<string, string>()
  readonly #closed = new AbortController()

  constructor({ whileBusy, ...options }: ChatTransportOptions = {}) {
    this.#whileBusy = whileBusy
    this.#isOwn = !('client' in options)
    this.client = 'client' in options ? options.client : new ChatClient(options)
  }

  /**
   * Sends the last message. Its stream is the answer, whose turn it waits for. Rejects with a `StreamError` if the server
   * refuses; `abortSignal` ends the reading, and no answer.
   */
  async sendMessages(
    options: Parameters<ChatTransport<Message>['sendMessages']>[0],
  ): Promise<ReadableStream<UIMessageChunk>> {
    const { chatId, abortSignal, body } = options
    const asked = askedBy(options)
    const run = newRun()
    const headers = Object.fromEntries(new Headers(options.headers))
    const whileBusy = this.#whileBusy
    const ask = { run, body, headers, signal: abortSignal, ...(whileBusy && { whileBusy }) }
    // Before it is asked: another resume of this page is not to take it.
    this.#sent.add(run)
    try {
      const sent = await ('again' in asked
        ? this.client.regenerate(chatId, { message: asked.again, ...ask })
        : this.client.send(chatId, { ...asked, ...ask }))
      if (sent.run !== run) this.#sent.delete(run)
      return this.#answer(chatId, sent.run, { isQueued: sent.status === 'queued', signal: abortSignal })
    } catch (error) {
      this.#sent.delete(run)
      throw error
    }
  }

  /**
   * Reads what is being answered, from its beginning, or was until a moment ago. Where nothing is, it waits until
   * something is: a page whose tab is idle shows what others ask for. Resolves with null when the signal aborts, and when the chat is deleted.
   */
  async reconnectToStream({
    chatId,
    abortSignal,
  }: Parameters<
    ChatTransport<Message>['reconnectToStream']
  >[0]): Promise<ReadableStream<UIMessageChunk> | null> {
    const live = this.client.chat(chatId)
    const undo = live.subscribe(() => {})
    const signal = AbortSignal.any([this.#closed.signal, ...(abortSignal ? [abortSignal] : [])])
    let before: ReadonlySet<string> | undefined
    try {
      for (; !signal.aborted; await changeOf(live, signal).catch(() => undefined)) {
        if (live.isLooking) continue
        const { status, active, error } = live.snapshot()
        if (status === 'failed' && error) throw error
        if (status === 'deleted') return null
        const begun = live.asks().filter((ask) => ask.status !== 'queued' && ask.status !== 'taken-back')
        const missed = before
          ? // It may have begun and ended while the connection was lost.
            begun.findLast(({ run }) => before?.has(run) === false)
          : this.#missedIn(live)
        before ??= new Set(begun.map(({ run }) => run))
        const next = active ?? missed
        if (!next || this.#sent.has(next.run) || this.#shown.has(next.run)) continue
        const answer = this.#answer(chatId, next.run, {
          before: continuedBy(live, next),
          signal: abortSignal,
        })
        return active ? answer : await atOnce(answer)
      }
      return null
    } finally {
      undo()
    }
  }

  /** Stops what is being answered, whoever asked for it, and its cost. `stop()` of `useChat` only ends the reading. */
  stop(chatId: string): ReturnType<ChatClient['stop']> {
    return this.client.stop(chatId)
  }

  /** Ends all reading, and the connection unless the client is shared. Answers go on. */
  close(): void {
    this.#closed.abort()
    if (this.#isOwn) this.client.close()
  }

  #answer(
    chat: string,
    run: string,
    {
      signal,
      ...options
    }: {
      readonly isQueued?: boolean
      readonly before?: readonly UIMessageChunk[]
      readonly signal: AbortSignal | undefined
    },
  ): ReadableStream<UIMessageChunk> {
    this.#sent.add(run)
    const left = (isWhole: boolean): void => {
      this.#sent.delete(run)
      this.#left.delete(chat)
      if (isWhole) this.#noteShown(run)
      else this.#left.set(chat, run)
    }
    const until = AbortSignal.any([this.#closed.signal, ...(signal ? [signal] : [])])
    return answerStream({ client: this.client, chat, run, ...options, signal: until, left })
  }

  /**
   * The last answer, if it ended a moment ago, when the page was being made, or after this page had left it: its messages
   * may be without. A page that has it shows the same.
   */
  #missedIn(live: LiveChat): ChatAsk | undefined {
    const { ask, at } = live.snapshot().messages.at(-1) ?? {}
    const isNews = at !== undefined && Date.now() - at < NEWS
    return ask && (isNews || this.#left.get(live.id) === ask.run) ? ask : undefined
  }

  #noteShown(run: string): void {
    this.#shown.add(run)
    for (const oldest of this.#shown) {
      if (this.#shown.size <= MOST_SHOWN) return
      this.#shown.delete(oldest)
    }
  }
}

/** What the page is to have before an answer that goes on with a message: the run says only what comes behind that. */
function continuedBy(live: LiveChat, { message }: ChatAsk): readonly UIMessageChunk[] {
  const question = live.message(message) as unknown as UIMessage | undefined
  return question?.role === 'assistant' ? messageChunks(question) : []
}

/** The same, once all of it is here: the page does not show that it reads. */
async function atOnce(answer: ReadableStream<UIMessageChunk>): Promise<ReadableStream<UIMessageChunk>> {
  const chunks: UIMessageChunk[] = []
  const reader = answer.getReader()
  for (let next = await reader.read(); !next.done; next = await reader.read()) chunks.push(next.value)
  return new ReadableStream({
    start: (controller) => {
      for (const chunk of chunks) controller.enqueue(chunk)
      controller.close()
    },
  })
}
