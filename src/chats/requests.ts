/** What is asked of chats, checked before anything is looked up. */
import { Buffer } from 'node:buffer'
import type { Json } from '../protocol/json.ts'
import { chatStreamId } from './chat-ids.ts'
import { isChatMessage } from './entries.ts'
import type { ChatMessage } from './entries.ts'
import { ChatError } from './errors.ts'
import type { ChatPlace } from './history.ts'
import type { WhileBusy } from './options.ts'

export interface ChatScope {
  /** Whose chat it is; left out, nobody's. The same id of another owner is another chat. */
  readonly owner?: string
  /** Ends the waiting, and not what was decided. */
  readonly signal?: AbortSignal
}

export interface AskOptions extends ChatScope {
  /** Which of the kinds answers. Default: the only one. */
  readonly kind?: string
  /** What the answer is asked for with; up to 64 KiB as JSON. */
  readonly body?: Json
  /** The id of the run, so that asking again asks for the same. Default: 128 random bits. */
  readonly run?: string
  /** What to do while something is being answered. Default: as the options of `Chats` say. */
  readonly whileBusy?: WhileBusy
}

export interface SendRequest extends AskOptions {
  readonly message: ChatMessage
  /**
   * The message, by its id or its key, in whose place this one stands: a version beside it, also with the same id. The
   * branch of the other one stays.
   */
  readonly edits?: string
  /** The message that it follows; null for the first. Default: the last of the branch that goes on. */
  readonly after?: string | null
}

export interface RegenerateRequest extends AskOptions {
  /** The message that is answered again, or the answer in whose place another one is to stand. Default: the last. */
  readonly message?: string
}

/** Bytes of what comes with an ask. */
const MOST_BODY = 64 * 1024

/** @throws {ChatError} `invalid_chat`. */
export function placeOf(chat: string, { owner }: ChatScope): ChatPlace {
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
      'The id of a run is 1 to 250 printable ASCII characters, not beginning with @',
    )
  if (body !== undefined && Buffer.byteLength(jsonOf(body) ?? '') > MOST_BODY)
    throw new ChatError('invalid_ask', `What comes with a message is JSON of ${MOST_BODY} bytes at most`)
}

/**
 * A copy: what the caller does to its own afterwards changes nothing that was kept.
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
