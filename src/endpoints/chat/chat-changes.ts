/** A chat as it is after each change, also one that is yet to be created. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Chat } from '../../chats/chat.ts'
import type { Chats } from '../../chats/chats.ts'
import { ChatError } from '../../chats/errors.ts'

/** Milliseconds between two looks for a chat that is not there yet. */
const LOOK_MS = 2000

/**
 * Yields the chat after every change, from an offset on; without one, from when it is there. Ends when it is deleted,
 * this process stops delivering, or the signal aborts. Rejects as the store does.
 */
export async function* chatChanges(
  chats: Chats,
  chat: string,
  whose: { readonly owner?: string },
  offset: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<Chat> {
  let place = offset
  while (place === undefined && !signal.aborted) {
    await sleep(LOOK_MS, undefined, { signal, ref: false }).catch(() => undefined)
    const found = signal.aborted ? undefined : await chats.get(chat, { ...whose, signal })
    if (found) yield found
    place = found?.offset
  }
  if (place === undefined) return
  try {
    for await (const _ of chats.follow(chat, { ...whose, offset: place, signal })) {
      const found = await chats.get(chat, { ...whose, signal })
      if (!found) return
      yield found
    }
  } catch (error) {
    if (!(error instanceof ChatError)) throw error
  }
}
