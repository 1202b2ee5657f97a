/** What a page asks of one chat over the plain routes: the bodies of its requests, checked. */
import type { WhileBusy } from '../../chats/options.ts'
import type { ChatMessage } from '../../conversation/entries.ts'
import { ChatError } from '../../conversation/errors.ts'
import { HttpError } from '../../protocol/errors.ts'
import type { Json } from '../../protocol/json.ts'
import { type Asked, type AskedHow, validMessages } from './send-request.ts'

type Fields = Readonly<Record<string, Json>>

/** What is changed about a chat. */
export interface ChatChangeRequest {
  readonly title?: string
  /** The message whose branch goes on, by its key or id. */
  readonly selected?: string
}

const WHILE_BUSY: ReadonlySet<unknown> = new Set<WhileBusy>(['refuse', 'queue', 'replace'])

/** Most chats of a page of a list. */
const MOST_LISTED = 100

/**
 * Reads the body of `POST {path}/:id/messages`.
 *
 * @throws {ChatError} `invalid_message`, `invalid_ask`.
 */
export async function askedIn(value: Json): Promise<Asked> {
  const fields = fieldsOf(value, 'invalid_message')
  const { message, again, edits, after } = fields
  const how = howIn(fields)
  if ((message === undefined) === (again === undefined))
    throw new ChatError('invalid_message', 'Send a message, or again with the message to answer again.')
  if (again !== undefined) return { ...how, again: again === null ? null : textOf(again, 'again') }
  const [valid] = await validMessages([message])
  const sent = valid as unknown as ChatMessage
  // The assistant's own comes back with what a tool of the page gave, or with an approval, and is continued.
  const replaced = sent.role === 'assistant' ? sent.id : edits
  return {
    ...how,
    message: sent,
    ...(isGiven(replaced) && { edits: textOf(replaced, 'edits') }),
    ...(after !== undefined && { after: after === null ? null : textOf(after, 'after') }),
  }
}

/** Reads the body of `POST {path}/:id/take-back`. @throws {ChatError} `invalid_ask`. */
export function takenBackIn(value: Json): string {
  return textOf(fieldsOf(value, 'invalid_ask')['message'], 'message')
}

/** Reads the body of `PATCH {path}/:id`. @throws {ChatError} `invalid_ask`, `invalid_title`. */
export function changeIn(value: Json): ChatChangeRequest {
  const { title, selected } = fieldsOf(value, 'invalid_ask')
  if (title === undefined && selected === undefined)
    throw new ChatError('invalid_ask', 'Send a title, or the selected message.')
  if (title !== undefined && typeof title !== 'string') throw new ChatError('invalid_title')
  return {
    ...(title !== undefined && { title }),
    ...(selected !== undefined && { selected: textOf(selected, 'selected') }),
  }
}

/** Reads the query of `GET {path}`. @throws {HttpError} `bad_request`. */
export function pageIn(query: URLSearchParams): { readonly after?: string; readonly limit?: number } {
  const after = query.get('after')
  const text = query.get('limit')
  if (text === null) return { ...(after !== null && { after }) }
  const limit = /^\d{1,3}$/.test(text) ? Number(text) : 0
  if (limit < 1 || limit > MOST_LISTED)
    throw new HttpError('bad_request', `limit is a whole number from 1 to ${MOST_LISTED}.`)
  return { limit, ...(after !== null && { after }) }
}

function howIn({ body, run, whileBusy }: Fields): AskedHow {
  if (isGiven(body) && (typeof body !== 'object' || Array.isArray(body)))
    throw new ChatError('invalid_ask', 'The body is no object.')
  if (isGiven(whileBusy) && !WHILE_BUSY.has(whileBusy))
    throw new ChatError('invalid_ask', 'whileBusy is refuse, queue or replace.')
  return {
    ...(isGiven(body) && Object.keys(body).length > 0 && { body }),
    ...(isGiven(run) && { run: textOf(run, 'run') }),
    ...(isGiven(whileBusy) && { whileBusy: whileBusy as WhileBusy }),
  }
}

function isGiven(value: Json | undefined): value is Exclude<Json, null> {
  return value !== undefined && value !== null
}

function fieldsOf(value: Json, code: 'invalid_message' | 'invalid_ask'): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
  throw new ChatError(code, 'The body is no object.')
}

function textOf(value: Json | undefined, name: string): string {
  if (typeof value === 'string' && value.length > 0) return value
  throw new ChatError('invalid_ask', `${name} is a text.`)
}
