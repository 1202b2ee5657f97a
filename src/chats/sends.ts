/**
 * What people do in a chat: each a decision by what the chat is, and kept only if it is still so. Else they look again,
 * and decide again.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Json } from '../protocol/json.ts'
import { isSameJson } from '../conversation/same-json.ts'
import { RunError } from '../runs/errors.ts'
import type { ChatLog } from './chat-log.ts'
import type { ChatLogs } from './chat-logs.ts'
import type { ChatAsk, Conversation } from '../conversation/conversation.ts'
import type { AskedEntry, ChatEntry, ChatMessage } from '../conversation/entries.ts'
import { ChatError } from '../conversation/errors.ts'
import { type Grafted, graft } from './page-history.ts'
import { type ChatPlace, loadHistory } from './history.ts'
import type { ChatSettings, WhileBusy } from './options.ts'
import { checkMessage } from './requests.ts'
import type { ChatNode } from '../conversation/message-tree.ts'
import type { Turns } from './turns.ts'

export interface Send {
  readonly place: ChatPlace
  readonly message?: ChatMessage
  /** The key of what is answered again, instead of a message. */
  readonly again?: string
  readonly edits?: string
  readonly merge?: (kept: ChatMessage, sent: ChatMessage) => ChatMessage
  readonly after?: string | null
  /** What the page has before the message, all of it. */
  readonly before?: readonly ChatMessage[]
  /** Whether a message that was answered is to be answered again. */
  readonly anew?: boolean
  readonly kind: string
  readonly body?: Json
  readonly run?: string
  readonly whileBusy: WhileBusy
}

/** What is to be kept, or what there is to say without. */
export type Decision<T> =
  | { readonly entries: readonly ChatEntry[]; readonly result: (log: ChatLog) => T }
  | { readonly done: T }

/** Times that others may be first. */
const MOST_TRIES = 30
/** From here on it waits a moment before it looks again. */
const HASTY = 3

export class Sends {
  readonly #settings: ChatSettings
  readonly #logs: ChatLogs
  readonly #turns: Turns

  constructor(settings: ChatSettings, logs: ChatLogs, turns: Turns) {
    this.#settings = settings
    this.#logs = logs
    this.#turns = turns
  }

  /**
   * Decides by what the chat is until that is kept. `step` is called again each time that somebody was first; of a chat
   * that is not there it is given undefined, and what it decides then creates it. It is no promise: between what it sees
   * and what is kept for that, nothing may come.
   *
   * @param look looks at the chat before, by default as it is.
   * @throws {ChatError} `chat_contended`, and what `step` throws. Rejects as the store does.
   */
  async decide<T>(
    place: ChatPlace,
    signal: AbortSignal,
    step: (log: ChatLog | undefined) => Decision<T>,
    look: () => Promise<ChatLog | undefined> = () => this.#logs.load(place, signal),
  ): Promise<T> {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      if (tries > HASTY) await sleep(Math.ceil(Math.random() * 10 * tries), undefined, { signal })
      const log = await look()
      if (log?.isClosed) {
        await this.#turns.remove(log, signal)
        continue
      }
      const decision = step(log)
      if ('done' in decision) return decision.done
      if (log) {
        if ((await log.decide(decision.entries, signal)) !== 'kept') continue
      } else if (!(await this.#logs.create(place, decision.entries, signal))) continue
      // What was kept behind what this has read is read.
      const kept = log ?? (await this.#logs.load(place, signal))
      if (!kept) throw new ChatError('chat_not_found')
      return decision.result(kept)
    }
    throw new ChatError('chat_contended')
  }

  /** Sends a message, or asks again; resolves to the ask that it has become, of which the run was started unless it waits. */
  async send(send: Send, signal: AbortSignal): Promise<ChatAsk> {
    const run = send.run ?? newRun()
    const { place } = send
    // What an application that keeps the messages has of the chat.
    const kept = await loadHistory(this.#settings.history, place, signal)
    const step = (log: ChatLog | undefined): Decision<readonly [ChatLog, ChatAsk, boolean]> => {
      const placed = this.#placed(log?.conversation, send)
      const sent = placed ? placed.before : log && sentBefore(log.conversation, send)
      const merged = sent ? send : this.#merged(send, log?.conversation, kept)
      const before = sent ?? (log && merged !== send ? saidBefore(log.conversation, merged) : undefined)
      if (log && before && 'status' in before) return { done: [log, before, false] }
      // It is there, and nobody was to answer it.
      const { message: _, ...others } = merged
      const asked = before && 'key' in before ? { ...others, again: before.key } : merged
      const history = placed?.entries ?? []
      const entry = this.#entryFor(log, { ...asked, run, history, parent: placed?.parent }, kept)
      return { entries: [...history, entry], result: (now) => [now, askIn(now, run), true] }
    }
    const [log, ask, isNew] = await this.decide(place, signal, step, () => this.#look(place, signal))
    if (ask.status === 'running' && isNew) await this.#turns.start(log, ask, signal, false)
    else if (ask.status === 'running' || ask.replaces) return this.#broughtOn(log, ask, signal)
    return ask
  }

  /** Where a message goes whose page says what stands before it, and what became of it if it was sent before. */
  #placed(
    conversation: Conversation | undefined,
    { before, anew = false, message: question, run, kind }: Send,
  ): (Grafted & { readonly before: ChatAsk | ChatNode | undefined }) | undefined {
    if (!before || !question) return undefined
    const byRun = run === undefined ? undefined : conversation?.asks.get(run)
    const waiting = anew ? undefined : conversation && waitingFor(conversation, question)
    const { messageBytes } = this.#settings.limits
    const isSame = this.#settings.kinds.get(kind)?.isSame ?? isSameJson
    const grafted = graft(conversation, { before, question, isSame, anew, messageBytes })
    const node = grafted.key === undefined ? undefined : conversation?.tree.get(grafted.key)
    const answered = node && !anew ? conversation?.askOf(node) : undefined
    return { ...grafted, before: byRun ?? waiting ?? answered ?? node }
  }

  /** The send of which the chat has a part, with that part. @throws {ChatError} `message_not_found`. */
  #merged(send: Send, conversation: Conversation | undefined, kept: readonly ChatMessage[]): Send {
    const { message, merge, edits } = send
    if (!message || !merge || edits === undefined) return send
    const key = conversation?.keyOf(edits)
    const node = key === undefined ? undefined : conversation?.tree.get(key)
    const current = node?.message ?? kept.find(({ id }) => id === edits)
    if (!current) throw new ChatError('message_not_found')
    return { ...send, message: checkMessage(merge(current, message), this.#settings.limits.messageBytes) }
  }

  /** The chat, once what is to be done in it was tried. */
  async #look(place: ChatPlace, signal: AbortSignal): Promise<ChatLog | undefined> {
    const log = await this.#logs.load(place, signal)
    if (!log?.conversation.active) return log
    try {
      return await this.#turns.advance(place, signal)
    } catch (error) {
      // Of somebody else's ask.
      if (!(error instanceof RunError)) throw error
      return this.#logs.load(place, signal)
    }
  }

  /** Of one that was there, or that something is stopped for. */
  async #broughtOn({ place }: ChatLog, { run }: ChatAsk, signal: AbortSignal): Promise<ChatAsk> {
    const log = await this.#turns.advance(place, signal)
    if (!log) throw new ChatError('chat_not_found')
    return askIn(log, run)
  }

  #entryFor(
    log: ChatLog | undefined,
    send: Send & Pick<Grafted, 'parent'> & { readonly run: string; readonly history: readonly ChatEntry[] },
    kept: readonly ChatMessage[],
  ): AskedEntry {
    const { run, kind, message, body, whileBusy, history } = send
    // Not before: what is sent again may have been taken by a process that knows the kind.
    if (!this.#settings.kinds.has(kind)) throw new ChatError('unknown_kind')
    const conversation = log?.conversation
    const active = conversation?.active
    if (active && whileBusy === 'refuse') throw new ChatError('chat_busy')
    this.#makeRoom(log, { message, history, waits: active !== undefined })
    const isNamed = send.edits !== undefined || send.after !== undefined
    const isPlaced = message && !send.before && (isNamed || !active)
    const parent = isPlaced ? parentOf(send, conversation, kept) : message && send.parent
    const again = send.again === undefined ? undefined : keyOf(conversation, send.again)
    return {
      type: 'asked',
      run,
      kind,
      at: Date.now(),
      ...(message && { message }),
      ...(again !== undefined && { again }),
      ...(parent !== undefined && { parent }),
      ...(message && send.before && active && parent === undefined && { behind: active.run }),
      ...(body !== undefined && { body }),
      ...(active && { queued: true }),
      ...(active && whileBusy === 'replace' && { replaces: true }),
    }
  }

  /** @throws {ChatError} where there is no room for one more. */
  #makeRoom(
    log: ChatLog | undefined,
    {
      message,
      history,
      waits,
    }: { message: ChatMessage | undefined; history: readonly ChatEntry[]; waits: boolean },
  ): void {
    const { limits, store } = this.#settings
    const { conversation, bytes = 0 } = log ?? {}
    const size = conversation?.sizeInTheEnd ?? 0
    // With its answer.
    if (size + history.length + (message ? 2 : 1) > limits.messages) throw new ChatError('chat_full')
    // All of it is one append.
    if (bytes >= limits.chatBytes || history.length >= store.limits.appendRecords)
      throw new ChatError('chat_too_large')
    if (waits && (conversation?.queue.length ?? 0) >= limits.queued) throw new ChatError('queue_full')
  }
}

/** The key of what a message follows; null for the first of a chat. */
function parentOf(
  { edits, after }: Pick<Send, 'edits' | 'after'>,
  conversation: Conversation | undefined,
  kept: readonly ChatMessage[],
): string | null {
  if (edits !== undefined) {
    const key = conversation?.keyOf(edits)
    const edited = key === undefined ? undefined : conversation?.tree.get(key)
    if (edited) return edited.parent ?? edited.after ?? null
  } else if (after === undefined) {
    if (conversation?.head !== undefined) return conversation.head
  } else {
    const key = after === null ? null : conversation?.keyOf(after)
    if (key !== undefined) return key
  }
  const named = edits ?? after
  const at = named === undefined ? kept.length - 1 : kept.findIndex(({ id }) => id === named)
  if (named !== undefined && at === -1) throw new ChatError('message_not_found')
  return kept[edits === undefined ? at : at - 1]?.id ?? null
}

/** 128 random bits: 22 of the characters that are safe in a URL. */
function newRun(): string {
  return randomBytes(16).toString('base64url')
}

/**
 * The ask that a send has become before, or its message, where nobody was to answer it.
 *
 * @throws {ChatError} for a message that is there and another one, and one that nobody is to answer any more.
 */
function sentBefore(
  conversation: Conversation,
  { message, run, edits }: Send,
): ChatAsk | ChatNode | undefined {
  const byRun = run === undefined ? undefined : conversation.asks.get(run)
  const before = (message && conversation.sentBefore(message)) ?? byRun
  if (byRun && before !== byRun) throw new ChatError('invalid_ask', 'The run belongs to another message')
  if (before === undefined) return undefined
  if (before === 'removed') throw new ChatError('message_not_found')
  if (before === 'differs') {
    if (edits !== undefined) return undefined
    throw new ChatError('message_differs')
  }
  if ('status' in before && before.status === 'taken-back') throw new ChatError('taken_back')
  return before
}

/** The ask of the same message that waits. @throws {ChatError} `taken_back`; `message_not_found` if it was removed. */
function waitingFor(conversation: Conversation, message: ChatMessage): ChatAsk | undefined {
  const before = conversation.sentBefore(message)
  if (conversation.wasRemoved(message) && typeof before !== 'object') throw new ChatError('message_not_found')
  if (typeof before !== 'object' || !('status' in before)) return undefined
  if (before.status === 'taken-back') throw new ChatError('taken_back')
  return before.status === 'queued' ? before : undefined
}

/** As `sentBefore` of a merged message. One of which nothing new was said is an answer, and the ask is that of it. */
function saidBefore(conversation: Conversation, merged: Send): ChatAsk | ChatNode | undefined {
  const before = sentBefore(conversation, merged)
  return before && 'key' in before ? (conversation.askOf(before) ?? before) : before
}

function askIn({ conversation }: ChatLog, run: string): ChatAsk {
  const ask = conversation.asks.get(run)
  if (!ask) throw new ChatError('message_not_found')
  return ask
}

/** @throws {ChatError} `message_not_found`. */
export function keyOf(conversation: Conversation | undefined, name: string): string {
  const key = conversation?.keyOf(name)
  if (key === undefined) throw new ChatError('message_not_found')
  return key
}
