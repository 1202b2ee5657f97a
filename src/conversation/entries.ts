/**
 * What is kept of a chat: the records of its stream, each one entry. `Conversation` folds them.
 *
 * An entry names a run by the id that it is started with, and a message by its key: the message's own id, or
 * `id~2` and so on for a later version of it. A reader passes over entries of a type that it does not know.
 */
import type { Json } from '../protocol/json.ts'
import { type RunEnd, isEndStatus } from '../protocol/run-end.ts'

/** A message: what an application says it is, with an id and a role. Chats look at nothing else of it. */
export interface ChatMessage {
  /** 1 to 256 characters; no other message of the chat has it. */
  readonly id: string
  /** `user`, `assistant`, or whatever else the application calls who speaks. */
  readonly role: string
}

/** Somebody wants an answer: to a message that comes with it, or `again` to one that is there. */
export interface AskedEntry {
  readonly type: 'asked'
  /** The id of the run that answers. It stands here before the run is started. */
  readonly run: string
  /** Which kind of the options answers. */
  readonly kind: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly message?: ChatMessage
  /** The key of a message that is there. */
  readonly again?: string
  /** The key of the message that it follows; null for the first. Of one that waits, only where it was said. */
  readonly parent?: string | null
  /** Of one that waits: the run in whose branch it goes on, whatever is selected meanwhile. */
  readonly behind?: string
  /** What the answer is asked for with, for its kind. */
  readonly body?: Json
  /** It waits for its turn. */
  readonly queued?: true
  /** It waits, and whatever is being answered is stopped for it. */
  readonly replaces?: true
}

/** How a run ended, and what it said. */
export interface AnswerEntry {
  readonly type: 'answer'
  readonly run: string
  /** Of the stream of the run, where there was one. */
  readonly incarnation?: string
  readonly status: RunEnd['status']
  readonly at: number
  /** As in the end of its run. */
  readonly reason?: string
  readonly text?: string
  /** None where nothing was said. */
  readonly message?: ChatMessage
  readonly usage?: Json
}

export type ChatEntry =
  /** A message that nobody is to answer. */
  | {
      readonly type: 'message'
      readonly message: ChatMessage
      readonly parent: string | null
      readonly at: number
    }
  | AskedEntry
  /** The turn has come of one that waited: its message follows `parent`. */
  | { readonly type: 'begun'; readonly run: string; readonly parent: string | null; readonly at: number }
  | AnswerEntry
  /** One that waited waits no more, and is never answered. */
  | { readonly type: 'taken-back'; readonly run: string }
  /** A message is gone, with all that follows it. */
  | { readonly type: 'removed'; readonly message: string }
  /** Whoever goes on, goes on behind this message. */
  | { readonly type: 'selected'; readonly message: string }
  | { readonly type: 'title'; readonly title: string }

/** An entry out of the text of a record; undefined for what is none, or of a type that is not known here. */
export function readEntry(text: string): ChatEntry | undefined {
  return entryIn(JSON.parse(text))
}

/** The same out of a record that was parsed. */
export function entryIn(value: unknown): ChatEntry | undefined {
  if (!isObject(value)) return undefined
  const entry = value as unknown as ChatEntry
  return isWhole(entry) ? entry : undefined
}

export function writeEntry(entry: ChatEntry): string {
  return JSON.stringify(entry)
}

/** Whether a value has what every message has. */
export function isChatMessage(value: unknown): value is ChatMessage {
  return isObject(value) && isName(value.id) && isName(value.role)
}

/** Whether it can be the id of a message, or what speaks is called. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 256 && value.isWellFormed()
}

function isWhole(entry: ChatEntry): boolean {
  switch (entry.type) {
    case 'message':
      return isChatMessage(entry.message) && isPlace(entry.parent)
    case 'asked':
      return (
        typeof entry.run === 'string' &&
        typeof entry.kind === 'string' &&
        (entry.message === undefined) !== (entry.again === undefined) &&
        (entry.message === undefined ? typeof entry.again === 'string' : isChatMessage(entry.message)) &&
        (entry.parent === undefined || isPlace(entry.parent)) &&
        (entry.behind === undefined || typeof entry.behind === 'string')
      )
    case 'begun':
      return typeof entry.run === 'string' && isPlace(entry.parent)
    case 'answer':
      return (
        typeof entry.run === 'string' &&
        isEndStatus(entry.status) &&
        (entry.message === undefined || isChatMessage(entry.message))
      )
    case 'taken-back':
      return typeof entry.run === 'string'
    case 'removed':
    case 'selected':
      return typeof entry.message === 'string'
    case 'title':
      return typeof entry.title === 'string'
    default:
      return false
  }
}

function isObject(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isPlace(value: unknown): value is string | null {
  return value === null || typeof value === 'string'
}
