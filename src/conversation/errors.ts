/**
 * The errors of chats. A code is stable, for programs to switch on. A message is fit for the caller, and quotes nothing of
 * the request.
 */
export const CHAT_ERRORS = {
  invalid_chat: 'The id of a chat is 1 to 256 characters, but not "." or "..".',
  invalid_message:
    'A message is an object that JSON can carry, with an id of 1 to 256 characters and a role.',
  invalid_title: 'The title cannot be kept: it is too long, or not well formed.',
  invalid_ask: 'The answer cannot be asked for in this way.',
  message_too_large: 'The message is larger than this server keeps.',
  chat_full: 'The chat is full. Start a new one.',
  chat_too_large: 'The chat has become larger than this server keeps. Start a new one.',
  queue_full: 'Too many messages are waiting in this chat. Take one back, or wait for an answer.',
  chat_busy: 'An answer is being written in this chat. Wait for it, or stop it.',
  chat_contended: 'Too many changes were made to this chat at once. Try again.',
  chat_not_found: 'There is no such chat.',
  message_not_found: 'The message is not in this chat, or not any more.',
  message_differs: 'The chat has another message with this id. Send an edit, or take another id.',
  taken_back: 'The message was taken back before its turn came. Send a new one.',
  already_begun: 'The message is being answered, or was, and cannot be taken back any more.',
  unknown_kind: 'Answers of this kind are not known here.',
} as const satisfies Record<string, string>

/** A stable name of an error. */
export type ChatErrorCode = keyof typeof CHAT_ERRORS

export class ChatError extends Error {
  override readonly name = 'ChatError'
  readonly code: ChatErrorCode

  constructor(code: ChatErrorCode, message: string = CHAT_ERRORS[code]) {
    super(message)
    this.code = code
  }
}
