/** Requests to chats, and their checks before anything is looked up. */
import { Buffer } from 'node:buffer'
import type { Json } from '../protocol/json.ts'
import { chatStreamId } from './chat-ids.ts'
import { isChatMessage } from '../conversation/entries.ts'
import type { ChatMessage } from '../conversation/entries.ts'
import { ChatError } from '../conversation/errors.ts'
import type { ChatPlace } from './history.ts'
import type { WhileBusy } from './options.ts'

export interface ChatScope {
  /** The owner of the chat; undefined for none. The same id of another owner is another chat. */
  readonly owner?: string
  /** Ends the wait. What was decided stays. */
  readonly signal?: AbortSignal
}

export interface AskOptions extends ChatScope {
  /** The kind that answers. Default: the only one. */
  readonly kind?: string
  /** Anything for the kind, with the ask; up to 64 KiB as JSON. */
  readonly body?: Json
  /** The id of the run, so that a repeated ask starts no second run. Default: 128 random bits. */
  readonly run?: string
  /** What to do during another answer. Default: as the options of `Chats` say. */
  readonly whileBusy?: WhileBusy
}

export interface SendRequest extends AskOptions {
  readonly message: ChatMessage
  /**
   * The id or key of the message that this one replaces. This one becomes another version, maybe with the same id. The
   * branch of the replaced message stays.
   */
  readonly edits?: string
  /**
   * Makes the message that is kept of the one that `edits` names and the one that was sent, for a sender whose word counts
   * only in part. Where it changes nothing of an answer, the send is the one that was answered so. Pure: it may be called
   * several times.
   */
  readonly merge?: (kept: ChatMessage, sent: ChatMessage) => ChatMessage
  /** The message that it follows; null for the first. Default: the last of the current branch. */
  readonly after?: string | null
  /**
   * All messages that stand before it, first to last, for a sender that decides what the answer is asked with. What the
   * chat does not have in this order is kept as another branch. It stands in the place of `edits` and `after`. As many as
   * the store takes in one append may be new to the chat.
   */
  readonly before?: readonly ChatMessage[]
  /** With `before`: answer the message again if it was answered. Default false: it is the same send. */
  readonly anew?: boolean
}

export interface RegenerateRequest extends AskOptions {
  /** The message to answer again, or the answer to replace. Default: the last. */
  readonly message?: string
}

/** Most bytes of the body of an ask. */
const MOST_BODY = 64 * 1024

/** @throws {ChatError} `invalid_chat`. */
export function chatPlaceOf(chat: string, { owner }: ChatScope): ChatPlace {
  const place = { chat, ...(owner !== undefined && { owner }) }
  chatStreamId(place)
  return place
}

export function signalOf({ signal }: ChatScope): AbortSignal {
  return signal ?? new AbortController().signal
}

/** @throws {ChatError} `invalid_ask` for what a run cannot be asked with. */
export function checkAsk({ run, body }: Pick<AskOptions, 'run' | 'body'>): void {
  if (run !== undefined && !/^(?!@)[\x21-\x7e]{1,250}$/.test(run))
    throw new ChatError(
      'invalid_ask',
      'The id of a run must be 1 to 250 printable ASCII characters, and must not begin with @',
    )
  if (body !== undefined && Buffer.byteLength(jsonOf(body) ?? '') > MOST_BODY)
    throw new ChatError('invalid_ask', `The body of an ask must be JSON of at most ${MOST_BODY} bytes`)
}

/**
 * Returns a checked copy, because the caller may change its own message afterwards.
 *
 * @throws {ChatError} `invalid_message`, `message_too_large`.
 */
export function checkMessage(message: ChatMessage, most: number): ChatMessage {
  const text = isChatMessage(message) ? jsonOf(message) : undefined
  if (text === undefined) throw new ChatError('invalid_message')
  if (Buffer.byteLength(text) > most) throw new ChatError('message_too_large')
  const copy = JSON.parse(text) as unknown
  if (!isChatMessage(copy)) throw new ChatError('invalid_message')
  return copy
}

/**
 * Returns checked copies of a message and of those before it, no two with the same id. How large those before it are is
 * not looked at: the chat may have them.
 *
 * @throws {ChatError} `invalid_message`, `message_too_large`.
 */
export function checkHistory(
  before: readonly ChatMessage[],
  message: ChatMessage,
  most: number,
): { readonly before: readonly ChatMessage[]; readonly message: ChatMessage } {
  const checked = {
    before: before.map((one) => checkMessage(one, Number.POSITIVE_INFINITY)),
    message: checkMessage(message, most),
  }
  const ids = new Set([...checked.before, checked.message].map(({ id }) => id))
  if (ids.size <= before.length)
    throw new ChatError('invalid_message', 'Two of the messages have the same id.')
  return checked
}

/** @throws {ChatError} `invalid_title`. */
export function checkTitle(title: string, most: number): void {
  const isTitle = typeof title === 'string' && title.length <= most && title.isWellFormed()
  if (!isTitle) throw new ChatError('invalid_title')
}

function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}
