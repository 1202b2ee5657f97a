/** Connects a kind of chats with a kind of runs: makes the provider of a run, and the answer from its records. */
import type { Json } from '../protocol/json.ts'
import type { RunEnd } from '../protocol/run-end.ts'
import type { RunContext } from '../providers/provider.ts'
import { RunFailedError } from '../runs/end-reasons.ts'
import type { RunInfo } from '../runs/run.ts'
import { StoreError } from '../streams/errors.ts'
import type { ChatAnswer, ChatKind, ChatTurn } from './chat-kind.ts'
import type { ChatLog } from './chat-log.ts'
import type { ChatLogs } from './chat-logs.ts'
import type { ChatAsk } from '../conversation/conversation.ts'
import { isChatMessage } from '../conversation/entries.ts'
import type { AnswerEntry, ChatMessage } from '../conversation/entries.ts'
import { joinedHistory, loadHistory } from './history.ts'
import type { ChatPlace } from './history.ts'
import type { ChatSettings } from './options.ts'

/** Bytes around an answer in its record. */
const AROUND = 16 * 1024

export class Answers {
  readonly #settings: ChatSettings
  readonly #logs: ChatLogs

  constructor(settings: ChatSettings, logs: ChatLogs) {
    this.#settings = settings
    this.#logs = logs
  }

  /** The provider of a run: what its input names is looked up when it is called. */
  async *provide(kind: ChatKind, input: Json, context: RunContext): AsyncGenerator<Json | object> {
    const place = placeIn(input)
    const log = place && (await this.#logs.load(place, context.signal.aborted ? undefined : context.signal))
    const ask = log?.conversation.asks.get(context.runId)
    if (log && ask) {
      const { history } = this.#settings
      const kept =
        history && (context.signal.aborted ? [] : await loadHistory(history, log.place, context.signal))
      const turn = this.#turn(log, ask, kept)
      const records = (): AsyncIterable<Json> => this.#records({ id: context.runId }, context.signal)
      yield* kind.answer(kind.newAttempt ? { ...turn, records } : turn, context)
    } else if (!context.signal.aborted) throw new RunFailedError('chat_gone', 'The chat was deleted.')
  }

  /** Makes the entry for a run that has ended. Rejects as the store does. */
  async entryFor(
    log: ChatLog,
    ask: ChatAsk,
    run: RunInfo,
    end: RunEnd,
    signal: AbortSignal,
  ): Promise<AnswerEntry> {
    const { logger } = this.#settings
    const { status, reason, message: text } = end
    const entry: AnswerEntry = {
      type: 'answer',
      run: ask.run,
      incarnation: run.incarnation,
      status,
      at: Date.now(),
      ...(reason !== undefined && { reason }),
      ...(text !== undefined && { text }),
    }
    const kind = this.#settings.kinds.get(ask.kind)
    if (!kind) return entry
    try {
      // An answer that is over needs nothing that a database may not give just now.
      const turn = this.#turn(log, ask)
      const answer = await kind.message(this.#records(run, signal), turn, end)
      return answer ? this.#with(entry, answer) : entry
    } catch (err) {
      if (err instanceof StoreError || signal.aborted) throw err
      logger.error({ err, chat: log.place.chat, run: ask.run }, 'answer could not be made into a message')
      return entry
    }
  }

  /** Tells the application that a turn has ended. */
  async save({ place, conversation }: ChatLog, ask: ChatAsk, signal: AbortSignal): Promise<void> {
    const { history } = this.#settings
    const { tree } = conversation
    const question = tree.get(ask.message)
    if (!history || !question) return
    const answer = ask.answer === undefined ? undefined : tree.get(ask.answer)
    const goesOn = answer?.message.id === question.message.id
    const messages = [...(goesOn ? [] : [question.message]), ...(answer ? [answer.message] : [])]
    const parent = question.parent === undefined ? undefined : tree.get(question.parent)
    const after = parent?.message.id ?? question.after
    await history.save({ ...place, messages, ask, signal, ...(after !== undefined && { after }) })
  }

  /**
   * @param kept what the application has of the chat, if it keeps the messages and was asked.
   * @throws {RunFailedError} if the message was removed.
   */
  #turn({ place, conversation }: ChatLog, ask: ChatAsk, kept?: readonly ChatMessage[]): ChatTurn {
    const branch = conversation.branch(ask.message)
    const question = branch.at(-1)
    if (!question) throw new RunFailedError('message_gone', 'The message that this answers was removed.')
    const messages = branch.map(({ message }) => message)
    return {
      ...place,
      run: ask.run,
      question: question.message,
      messages: kept ? joinedHistory(kept, messages, branch[0]?.after) : messages,
      mostBytes: this.#mostBytes,
      ...(ask.body !== undefined && { body: ask.body }),
    }
  }

  get #mostBytes(): number {
    return this.#settings.store.limits.recordBytes - AROUND
  }

  /** @throws {Error} if the message cannot be kept. */
  #with(entry: AnswerEntry, { message, usage }: ChatAnswer): AnswerEntry {
    if (!isChatMessage(message)) throw new Error('An answer must be a message with an id and a role')
    const whole = { ...entry, message, ...(usage !== undefined && { usage }) }
    const most = this.#mostBytes
    if (Buffer.byteLength(JSON.stringify(whole)) > most)
      throw new Error(`An answer must have at most ${most} bytes as JSON`)
    return whole
  }

  async *#records(
    { id, incarnation }: Pick<RunInfo, 'id'> & Partial<RunInfo>,
    signal: AbortSignal,
  ): AsyncGenerator<Json> {
    const { store } = this.#settings
    const options = { signal, ...(incarnation !== undefined && { incarnation }) }
    for (let after: Parameters<typeof store.read>[1] = 'start'; ;) {
      const page = await store.read(id, after, options)
      if (page.outcome !== 'page') throw new Error(`The log of the run is ${page.outcome}`)
      for (const record of page.records) yield JSON.parse(String(record)) as Json
      if (page.upToDate) return
      after = page.next
    }
  }
}

/** What a run of a chat is started from. */
export function inputFor({ chat, owner }: ChatPlace): Json {
  return { chat, ...(owner !== undefined && { owner }) }
}

function placeIn(input: Json): ChatPlace | undefined {
  if (typeof input !== 'object' || input === null || !('chat' in input)) return undefined
  const { chat, owner } = input
  if (typeof chat !== 'string') return undefined
  return { chat, ...(typeof owner === 'string' && { owner }) }
}
