/** The ids of the streams of chats, and the check of a chat's id. */
import { createHash } from 'node:crypto'
import { isChatId } from '../conversation/stream-names.ts'
import { ChatError } from '../conversation/errors.ts'
import type { ChatPlace } from './history.ts'

/** The list that an owner's chats are on. */
export const CHATS = 'chats'

/**
 * Returns the id of a chat's stream. It is made of the chat's id and its owner: the same id of another owner is another
 * chat, so an id reveals nothing. It begins with `@`, so no endpoint serves it.
 *
 * @throws {ChatError} `invalid_chat`.
 */
export function chatStreamId({ chat, owner }: ChatPlace): string {
  if (!isChatId(chat)) throw new ChatError('invalid_chat')
  const name = JSON.stringify([owner ?? null, chat])
  return `@chat-log/${createHash('sha256').update(name).digest('base64url')}`
}
