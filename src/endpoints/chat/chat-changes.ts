/** Which runs begin in a chat, also in one that is yet to be created. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Chats } from '../../chats/chats.ts'
import type { ChatEntry } from '../../chats/entries.ts'
import { ChatError } from '../../chats/errors.ts'

/** Milliseconds between two looks for a chat that is not there yet. */
const LOOK_MS = 2000

export interface ChatChangesOptions {
  readonly chats: Chats
  readonly chat: string
  readonly owner?: string
  readonly signal: AbortSignal
}

/**
 * Yields the id of each run that begins in a chat, from an offset on; without one, from when the chat is there. Ends
 * when it is deleted, this process stops delivering, or the signal aborts. Rejects as the store does.
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
 * Waits for what becomes of an ask that is queued: true once its turn has come, false when it was taken back, or the chat
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

/** Where a chat begins to be followed once it is there, and the run that began it. */
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
