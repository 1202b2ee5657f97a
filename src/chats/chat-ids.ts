/** What the streams of chats are called, and how a chat is checked before anything is looked up. */
import { createHash } from 'node:crypto'
import { isName } from './entries.ts'
import { ChatError } from './errors.ts'
import type { ChatPlace } from './history.ts'

/** The list that an owner's chats are on. */
export const CHATS = 'chats'

/**
 * The stream of a chat. Made of both names: the same id of another owner is another chat, so that no id tells anybody
 * anything. It begins with `@`, and no endpoint serves it.
 *
 * @throws {ChatError} `invalid_chat`.
 */
export function chatStreamId({ chat, owner }: ChatPlace): string {
  if (!isName(chat)) throw new ChatError('invalid_chat')
  const name = JSON.stringify([owner ?? null, chat])
  return `@chat-log/${createHash('sha256').update(name).digest('base64url')}`
}
