/** A chat of a server as it is at every moment, for components that follow it. */
import type { ChatItem, QueuedItem } from '../../conversation/chat.ts'
import type { ChatAsk } from '../../conversation/conversation.ts'
import type { ChatMessage } from '../../conversation/entries.ts'
import type { StreamError } from '../errors.ts'

/**
 * `loading` until the chat was read; `absent` while there is none of this id, which may come to be; `live`; `deleted`;
 * `failed`, with an `error`, where it may not be read, or the client was closed.
 */
export type LiveChatStatus = 'loading' | 'absent' | 'live' | 'deleted' | 'failed'

/** A chat at one moment. The object stays the same until something changes. */
export interface LiveChatSnapshot {
  readonly status: LiveChatStatus
  readonly title?: string
  /** The messages of the current branch. An answer is among them when it has ended. */
  readonly messages: readonly ChatItem[]
  /** What is being answered. */
  readonly active?: ChatAsk
  /** What waits for its turn. */
  readonly queue: readonly QueuedItem[]
  /** Why it `failed`. */
  readonly error?: StreamError
}

/** `subscribe` and `snapshot` are what `useSyncExternalStore` of React and its kind take. */
export interface LiveChat {
  readonly id: string
  /** The chat as far as it is known. It changes while anybody subscribes. */
  snapshot(): LiveChatSnapshot
  /** Follows the chat while anybody listens, and calls a listener whenever the snapshot changed. Returns the undo. */
  subscribe(listener: () => void): () => void
  /** Whether it is not known yet if the chat is there, or was changed. */
  readonly isLooking: boolean
  /** Looks again whether the chat is there, and may be read. Does nothing while it is followed. */
  look(): void
  /** What became of the ask for an answer by this run, as far as is known. */
  ask(run: string): ChatAsk | undefined
  /** Every ask of the chat, in the order in which they came. */
  asks(): readonly ChatAsk[]
  /** A message of any branch, by its key. */
  message(key: string): ChatMessage | undefined
}
