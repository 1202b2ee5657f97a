/** What a page shows of a chat beside its messages, at one moment. */
import type { UIMessage } from 'ai'
import type { LiveChatSnapshot } from '../../client/chat/live-chat.ts'
import type { ChatItem } from '../../conversation/chat.ts'
import type { ChatAsk } from '../../conversation/conversation.ts'
import type { ChatMessage } from '../../conversation/entries.ts'

/** What becomes of a message that is sent while something is being answered. */
export type WhileBusy = 'refuse' | 'queue' | 'replace'

/** A message that waits for its turn. */
export interface QueuedMessage<M extends UIMessage = UIMessage> {
  /** The id of the message; the run, where a message is answered again, which is shown already. */
  readonly id: string
  /** Undefined where a message is answered again. */
  readonly message: M | undefined
  /** The run that will answer it. */
  readonly run: string
  /** `sending` until the server has kept it; `refused`, with an `error`, where it did not. */
  readonly status: 'sending' | 'waiting' | 'refused'
  readonly error: Error | undefined
}

export interface ChatView<M extends UIMessage> {
  readonly live: LiveChatSnapshot
  readonly queue: readonly QueuedMessage<M>[]
  /** What is being answered in the branch that is shown. */
  readonly active: ChatAsk | undefined
  /** Whether something that was sent here is shown, and not in the log yet. */
  readonly isSending: boolean
  /** The last ask, if it failed. */
  readonly failure: Failure | undefined
}

export interface Failure {
  readonly run: string
  readonly error: Error
}

/** What is being answered, if the branch that is shown ends with its question. */
export function activeIn({ messages, active }: LiveChatSnapshot): ChatAsk | undefined {
  return active && messages.at(-1)?.key === active.message ? active : undefined
}

/**
 * The last ask of the branch that is shown, if it failed and nothing else is being answered.
 *
 * @param before what was said of it before: the same error is the same object.
 */
export function failureIn(
  { messages, active }: LiveChatSnapshot,
  before: Failure | undefined,
): Failure | undefined {
  const ask = active ? undefined : messages.at(-1)?.ask
  if (ask?.status !== 'failed') return undefined
  if (ask.run === before?.run) return before
  return { run: ask.run, error: new Error(ask.text ?? 'The answer failed. Please try again.') }
}

/** Where a message stands among those that follow the same one. */
export interface Branches {
  /** From 0. */
  readonly index: number
  readonly count: number
  /** Goes on with the one before or behind it, in all tabs; at an end it does nothing. */
  readonly previous: () => Promise<void>
  readonly next: () => Promise<void>
}

/** @param messageAt gives a message of any branch by its key. */
export function branchesOf(
  item: ChatItem,
  messageAt: (key: string) => ChatMessage | undefined,
  select: (key: string) => Promise<void>,
): Branches | undefined {
  const versions = item.versions.filter((key, at, all) => {
    const { id, role } = messageAt(key) ?? {}
    // An answer that was gone on with, after an approval for one, is no other answer.
    const isLater = (other: string): boolean => messageAt(other)?.id === id
    const later = item.message.id === id ? [item.key] : all.slice(at + 1)
    return key === item.key || role !== 'assistant' || !later.some(isLater)
  })
  const index = versions.indexOf(item.key)
  if (versions.length < 2 || index === -1) return undefined
  const to = (at: number) => async (): Promise<void> => {
    const version = versions[at]
    if (version !== undefined) await select(version)
  }
  return { index, count: versions.length, previous: to(index - 1), next: to(index + 1) }
}
