/**
 * The names under which the streams of chats are served beside the runs, at `{path}/socket` and `{path}/streams`. They
 * stand for the user's own streams; no stream has such an id.
 */

import { isName } from './entries.ts'

const CHAT = '@chat/'

/** Whether it can be the id of a chat. Clients take segments of dots out of a path before they send it. */
export function isChatId(value: unknown): value is string {
  return isName(value) && value !== '.' && value !== '..'
}

/** The feed of the user's chats: its records are `ChatNews`. */
export const CHATS_FEED = '@chats'

/** The log of a chat: its records are the entries. */
export function chatStreamName(chat: string): string {
  return CHAT + encodeURIComponent(chat)
}

/** The id of the chat that a name stands for; undefined for a name of another kind. */
export function chatNamedBy(name: string): string | undefined {
  if (!name.startsWith(CHAT)) return undefined
  try {
    return decodeURIComponent(name.slice(CHAT.length))
  } catch {
    return undefined
  }
}
