/** A chat as callers see it, at one moment. */
import type { ChatAsk, Conversation } from './conversation.ts'
import type { ChatMessage } from './entries.ts'
import type { ChatNode } from './message-tree.ts'

/** A message and its place in the chat. */
export interface ChatItem {
  /** The message's id, or, of a later version of it, `id~2` and so on. */
  readonly key: string
  /** Shared: not to be written to. */
  readonly message: ChatMessage
  /** The key of the message that it follows. */
  readonly parent?: string
  /** When it came: milliseconds since 1970. */
  readonly at: number
  /** The last ask for an answer to this message; for an answer, the ask that it answers. */
  readonly ask?: ChatAsk
  /**
   * The keys of all messages that follow the same message, including this one: edits, or other answers. Of a message that
   * goes on with one of them, its own key stands for that.
   */
  readonly versions: readonly string[]
}

export interface QueuedItem {
  readonly ask: ChatAsk
  /** Undefined if a message is answered again. */
  readonly message?: ChatMessage
}

export interface Chat {
  readonly id: string
  readonly owner?: string
  readonly title?: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
  /** The messages of the current branch. */
  readonly messages: readonly ChatItem[]
  /** What is being answered. */
  readonly active?: ChatAsk
  /** What is waiting for its turn. */
  readonly queue: readonly QueuedItem[]
  /** The place after all of this. Follow the chat from here. */
  readonly offset: string
}

/** One chat of a list. */
export interface ListedChat {
  readonly id: string
  readonly title?: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
  /** When the last entry was kept. */
  readonly at: number
}

export interface ChatList {
  /** The chat with the latest entry comes first. */
  readonly chats: readonly ListedChat[]
  /** Where the next page begins, if there may be one. */
  readonly next?: string
}

export function itemOf(conversation: Conversation, node: ChatNode): ChatItem {
  const { key, message, parent, at } = node
  const ask = conversation.askOf(node)
  const { tree } = conversation
  const first = tree.firstOf(node)
  return {
    key,
    message,
    at,
    versions: tree.following(first.parent).map((one) => (one === first.key ? key : one)),
    ...(parent !== undefined && { parent }),
    ...(ask && { ask }),
  }
}

/** What a conversation shows at this moment: its title, the current branch, and what is asked for. */
export function contentsOf(
  conversation: Conversation,
): Pick<Chat, 'title' | 'messages' | 'active' | 'queue'> {
  const { title, active, queue } = conversation
  return {
    messages: conversation.branch().map((node) => itemOf(conversation, node)),
    queue: queue.map(({ ask, message }) => ({ ask, ...(message && { message }) })),
    ...(title !== undefined && title !== '' && { title }),
    ...(active && { active }),
  }
}
