/** A React hook for the list of the user's chats. */
import { useCallback, useSyncExternalStore } from 'react'
import type { LiveChatListSnapshot } from '../../client/chat/live-chat-list.ts'
import { type ChatsOf, clientOf } from './client-of.ts'

export interface ChatListView extends LiveChatListSnapshot {
  /** Loads older ones. */
  readonly more: () => Promise<void>
  /** Sets the title of a chat; the empty text takes it away. */
  readonly rename: (id: string, title: string) => Promise<void>
  /** Deletes a chat with all that is of it, in every tab. */
  readonly remove: (id: string) => Promise<void>
}

/**
 * Shows the user's chats, the one in which something happened last first, and keeps them as they are in every other tab
 * and on every other device.
 */
export function useChatList(options: ChatsOf = {}): ChatListView {
  const client = clientOf(options)
  const list = client.chats()
  const subscribe = useCallback((listener: () => void) => list.subscribe(listener), [list])
  const read = (): LiveChatListSnapshot => list.snapshot()
  const snapshot = useSyncExternalStore(subscribe, read, read)
  return {
    ...snapshot,
    more: useCallback(() => list.more(), [list]),
    rename: useCallback((id: string, title: string) => client.rename(id, title), [client]),
    remove: useCallback((id: string) => client.delete(id), [client]),
  }
}
