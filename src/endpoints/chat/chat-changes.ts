/** Tells which runs begin in a chat, even before the chat exists. */
import type { Chats } from '../../chats/chats.ts'
import type { ChatEntry } from '../../conversation/entries.ts'
import { ChatError } from '../../conversation/errors.ts'

export interface ChatChangesOptions {
  readonly chats: Chats
  readonly chat: string
  readonly owner?: string
  readonly signal: AbortSignal
}

/**
 * Yields the id of each run that begins in a chat, after an offset; without one, from when the chat exists. Ends when the
 * chat is deleted, this process stops delivering, or the signal aborts. Rejects as the store does.
 */
export async function* runsBegun(
  options: ChatChangesOptions,
  offset: string | undefined,
): AsyncGenerator<string> {
  let place = offset
  if (place === undefined) {
    const { chats, chat, ...scope } = options
    const created = await chats.appears(chat, scope)
    if (!created) return
    const run = created.active?.run ?? created.messages.at(-1)?.ask?.run
    if (run !== undefined) yield run
    place = created.offset
  }
  for await (const entry of entriesFrom(options, place)) {
    if (entry.type === 'begun' || (entry.type === 'asked' && !entry.queued)) yield entry.run
  }
}

/**
 * Waits for the turn of a queued ask. Resolves to true when its turn has come, to false if it was taken back or the chat
 * is gone. Rejects as the store does, and with the reason of the signal.
 */
export async function turnOf(options: ChatChangesOptions, run: string, offset: string): Promise<boolean> {
  for await (const entry of entriesFrom(options, offset)) {
    if (entry.type === 'begun' && entry.run === run) return true
    if (entry.type === 'taken-back' && entry.run === run) return false
  }
  options.signal.throwIfAborted()
  return false
}

async function* entriesFrom(
  { chats, chat, ...scope }: ChatChangesOptions,
  offset: string,
): AsyncGenerator<ChatEntry> {
  try {
    for await (const { entry } of chats.follow(chat, { ...scope, offset })) yield entry
  } catch (error) {
    if (!(error instanceof ChatError)) throw error
  }
}
