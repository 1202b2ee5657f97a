/** The chats of a user as they are at every moment, for components that follow them. */
import type { ListedChat } from '../../conversation/chat.ts'
import type { StreamError } from '../errors.ts'

export interface LiveChatListSnapshot {
  /** `failed`, with an `error`, where the server does not list chats: for users that it does not know, for one. */
  readonly status: 'loading' | 'live' | 'failed'
  readonly chats: readonly ListedChat[]
  /** Whether there may be older ones. */
  readonly hasMore: boolean
  readonly error?: StreamError
}

export interface LiveChatList {
  /** The chats as far as they are known. It changes while anybody subscribes. */
  snapshot(): LiveChatListSnapshot
  /** Follows the list while anybody listens, and calls a listener whenever the snapshot changed. Returns the undo. */
  subscribe(listener: () => void): () => void
  /** Loads older chats, if there are any. Rejects with a `StreamError`. */
  more(): Promise<void>
}
