/** Checks what a page sends, the body of a POST, and makes it an ask of a chat. */
import { type UIMessage, safeValidateUIMessages } from 'ai'
import type { WhileBusy } from '../../chats/options.ts'
import type { ChatMessage } from '../../conversation/entries.ts'
import { ChatError } from '../../conversation/errors.ts'
import type { Json } from '../../protocol/json.ts'

/** A send of any transport. */
export interface SendBody {
  readonly chat: string
  readonly messages: readonly UIMessage[]
  readonly trigger: 'submit-message' | 'regenerate-message'
  /** The message to edit, to continue, or to answer again. */
  readonly messageId?: string | undefined
  readonly body: object
}

/** How a send is asked for, whatever it sends. */
export interface AskedHow {
  readonly body?: Json
  /** The id of the run, so that an ask that is sent again is the same one. */
  readonly run?: string
  /** Default: as the route says. */
  readonly whileBusy?: WhileBusy
}

/** A send as the chat takes it. */
export type Asked = AskedHow &
  (
    | { readonly message: ChatMessage; readonly edits?: string; readonly after?: string | null }
    /** With all that stands before the message, and whether it is to be answered again. */
    | {
        readonly message: ChatMessage
        readonly before: readonly ChatMessage[]
        readonly anew?: boolean
      }
    /** The id or key of the message to answer again; null for the last. */
    | { readonly again: string | null }
  )

/** Who says what an answer is asked with: the `server`, by what the chat has kept, or the `page`. */
export type MessagesFrom = 'server' | 'page'

const OWN: ReadonlySet<string> = new Set(['id', 'messages', 'trigger', 'messageId'])

/**
 * Reads the body of a POST. `chat` is used if the transport sends no id.
 *
 * @throws {ChatError} `invalid_message`.
 */
export async function readSend(value: Json, chat?: string): Promise<SendBody> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ChatError('invalid_message', 'The body is no object.')
  const { id = chat, trigger = 'submit-message', messageId, messages } = value as Record<string, Json>
  if (typeof id !== 'string') throw new ChatError('invalid_chat')
  if (trigger !== 'submit-message' && trigger !== 'regenerate-message')
    throw new ChatError('invalid_message', 'The trigger is submit-message or regenerate-message.')
  if (messageId !== undefined && messageId !== null && typeof messageId !== 'string')
    throw new ChatError('invalid_message', 'The messageId is no text.')
  const valid = await validMessages(messages)
  const body = Object.fromEntries(Object.entries(value).filter(([name]) => !OWN.has(name)))
  return { chat: id, messages: valid, trigger, messageId: messageId ?? undefined, body }
}

/**
 * Returns what a send asks for. Where the server says what came before, only the last message counts.
 *
 * @throws {ChatError} `invalid_message`.
 */
export function askedBy({ messages, trigger, messageId, body }: SendBody, from: MessagesFrom): Asked {
  const last = messages.at(-1)
  if (!last) throw new ChatError('invalid_message', 'There is no message to answer.')
  const with_ = Object.keys(body).length > 0 ? { body: body as Json } : {}
  const message = last as unknown as ChatMessage
  if (from === 'page') {
    const before = messages.slice(0, -1) as unknown as readonly ChatMessage[]
    return { message, before, anew: trigger === 'regenerate-message', ...with_ }
  }
  if (trigger === 'regenerate-message') return { again: last.id, ...with_ }
  // The assistant's own comes back with what a tool of the page gave, or with an approval, and is gone on with.
  const edits = last.role === 'assistant' ? last.id : messageId
  return { message, ...(edits !== undefined && { edits }), ...with_ }
}

/** @throws {ChatError} `invalid_message` for what the SDK's own validator does not take. */
export async function validMessages(messages: unknown): Promise<readonly UIMessage[]> {
  const valid = await safeValidateUIMessages({ messages })
  if (!valid.success) throw new ChatError('invalid_message', 'The messages are none of the AI SDK.')
  return valid.data
}
