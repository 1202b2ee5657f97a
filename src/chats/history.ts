/** For applications that keep messages in their own database: the chat's stream then only holds what is in progress. */
import { type ChatMessage, isChatMessage } from '../conversation/entries.ts'
import type { ChatAsk } from '../conversation/conversation.ts'

export interface ChatPlace {
  readonly chat: string
  readonly owner?: string
}

/** What to keep of a chat after an answer has ended. */
export interface ChatTurnKept extends ChatPlace {
  /** The message that was answered, and the answer if anything was said. */
  readonly messages: readonly ChatMessage[]
  /** The id of the message that these follow; undefined for the first. */
  readonly after?: string
  /** The run, and how it ended. */
  readonly ask: ChatAsk
}

export interface ChatHistory {
  /** Returns the messages of a chat, in order; none for an unknown chat. */
  readonly load: (
    place: ChatPlace & { readonly signal: AbortSignal },
  ) => readonly ChatMessage[] | Promise<readonly ChatMessage[]>
  /**
   * Keeps a question and its answer. It is called at least once, normally once, and again later if it rejects. A message
   * with a known id must replace the one that is kept.
   */
  readonly save: (turn: ChatTurnKept & { readonly signal: AbortSignal }) => void | Promise<void>
}

/**
 * Asks an application for the messages of a chat; none where it keeps none. Rejects as `load` does.
 *
 * @throws {TypeError} for what are no messages.
 */
export async function loadHistory(
  history: ChatHistory | undefined,
  place: ChatPlace,
  signal: AbortSignal,
): Promise<readonly ChatMessage[]> {
  if (!history) return []
  const messages: unknown = await history.load({ ...place, signal })
  if (Array.isArray(messages) && messages.every(isChatMessage)) return messages
  throw new TypeError('history.load must return a list of messages, each with an id and a role')
}

/** Joins the kept messages and the branch that continues them, from the message that the branch follows. */
export function joinedHistory(
  kept: readonly ChatMessage[],
  branch: readonly ChatMessage[],
  after: string | undefined,
): readonly ChatMessage[] {
  const [first] = branch
  if (!first) return kept
  // What is kept before the first message of a chat is another branch.
  if (after === undefined) return branch
  const follows = kept.findIndex(({ id }) => id === after)
  const at = kept.findIndex(({ id }) => id === first.id)
  const end = follows >= 0 ? follows + 1 : at >= 0 ? at : kept.length
  return [...kept.slice(0, end), ...branch]
}
