/** A chat as it is seen from outside, at one moment. */
import type { StreamInfo } from '../streams/stream.ts'
import type { ChatAsk, Conversation } from './conversation.ts'
import type { ChatMessage } from './entries.ts'
import type { ChatNode } from './message-tree.ts'

/** A message and where it stands. */
export interface ChatItem {
  /** The message's id, or, of a later version of it, `id~2` and so on. */
  readonly key: string
  /** Shared: not to be written to. */
  readonly message: ChatMessage
  /** The key of the message that it follows. */
  readonly parent?: string
  /** When it came: milliseconds since 1970. */
  readonly at: number
  /** How it was answered, last of all; of an answer, the ask that it answers. */
  readonly ask?: ChatAsk
  /** The keys of those that follow the same message, this one included: its edits, or the other answers. */
  readonly versions: readonly string[]
}

export interface QueuedItem {
  readonly ask: ChatAsk
  /** None where a message is answered again. */
  readonly message?: ChatMessage
}

export interface Chat {
  readonly id: string
  readonly owner?: string
  readonly title?: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
  /** The messages of the branch that goes on. */
  readonly messages: readonly ChatItem[]
  /** What is being answered. */
  readonly active?: ChatAsk
  /** What waits for its turn. */
  readonly queue: readonly QueuedItem[]
  /** The place behind all of this, from which to follow what comes. */
  readonly offset: string
}

/** One chat of a list. */
export interface ListedChat {
  readonly id: string
  readonly title?: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
  /** When somebody last did something in it. */
  readonly at: number
}

export interface ChatList {
  /** The one first in which something was kept last. */
  readonly chats: readonly ListedChat[]
  /** Where the next page begins, when there may be one. */
  readonly next?: string
}

export function itemOf(conversation: Conversation, node: ChatNode): ChatItem {
  const { key, message, parent, at } = node
  const ask = conversation.askOf(node)
  return {
    key,
    message,
    at,
    versions: [...conversation.tree.following(parent)],
    ...(parent !== undefined && { parent }),
    ...(ask && { ask }),
  }
}

/** Undefined for a chat that is being deleted. */
export function listedChat({ metadata, closed, createdAt }: StreamInfo): ListedChat | undefined {
  const { chat } = (metadata ?? {}) as { readonly chat?: { id: string; at: number; title?: string } }
  if (closed || typeof chat !== 'object' || typeof chat.id !== 'string') return undefined
  return { createdAt, ...chat }
}
