/** Tells which runs begin in a chat, even before the chat exists. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Chats } from '../../chats/chats.ts'
import type { ChatEntry } from '../../conversation/entries.ts'
import { ChatError } from '../../conversation/errors.ts'

/** Milliseconds between two checks for a chat that does not exist yet. */
const LOOK_MS = 2000

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
    const created = await creationOf(options)
    if (created === undefined) return
    if (created.run !== undefined) yield created.run
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

/** Where to begin following a chat once it exists, and the run that began it. */
async function creationOf({
  chats,
  chat,
  ...scope
}: ChatChangesOptions): Promise<{ readonly offset: string; readonly run: string | undefined } | undefined> {
  const { signal } = scope
  while (!signal.aborted) {
    await sleep(LOOK_MS, undefined, { signal, ref: false }).catch(() => undefined)
    const found = signal.aborted ? undefined : await chats.get(chat, scope)
    if (!found) continue
    return { offset: found.offset, run: found.active?.run ?? found.messages.at(-1)?.ask?.run }
  }
  return undefined
}
