/** For applications whose messages live in a database of their own: the chat's stream then holds what is under way. */
import type { ChatMessage } from './entries.ts'
import type { ChatAsk } from './conversation.ts'

export interface ChatPlace {
  readonly chat: string
  readonly owner?: string
}

/** What is to be kept of a chat, once an answer has ended. */
export interface ChatTurnKept extends ChatPlace {
  /** The message that was answered, and the answer if anything was said. */
  readonly messages: readonly ChatMessage[]
  /** The id of the message that these follow; undefined for the first. */
  readonly after?: string
  /** The run, and how it ended. */
  readonly ask: ChatAsk
}

export interface ChatHistory {
  /** The messages of a chat, in their order; none for a chat that is not known. */
  readonly load: (
    place: ChatPlace & { readonly signal: AbortSignal },
  ) => readonly ChatMessage[] | Promise<readonly ChatMessage[]>
  /**
   * Keeps a question and its answer. Called once as a rule and at least once, and again later when it rejects: a
   * message whose id is known replaces what is kept under that.
   */
  readonly save: (turn: ChatTurnKept & { readonly signal: AbortSignal }) => void | Promise<void>
}

/** What is kept, and behind it the branch that goes on from it: from its first message on, or from the one that it follows. */
export function joined(
  kept: readonly ChatMessage[],
  branch: readonly ChatMessage[],
  after: string | undefined,
): readonly ChatMessage[] {
  const [first] = branch
  if (!first) return kept
  const at = kept.findIndex(({ id }) => id === first.id)
  const follows = after === undefined ? -1 : kept.findIndex(({ id }) => id === after)
  const end = follows >= 0 ? follows + 1 : at >= 0 ? at : after === undefined ? 0 : kept.length
  return [...kept.slice(0, end), ...branch]
}
