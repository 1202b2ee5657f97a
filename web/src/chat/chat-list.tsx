import type { ReactElement } from 'react'
import { Wordmark } from '../wordmark.tsx'
import type { ChatListView } from '../../../src/react/chat/index.ts'
import { ChatRow } from './chat-row.tsx'
import { Icon } from './icons.tsx'

interface ChatListProps {
  readonly list: ChatListView
  /** The id of the chat that is shown. */
  readonly shown: string
  readonly onOpen: (id: string) => void
  readonly onNew: () => void
}

export function ChatList({ list, shown, onOpen, onNew }: ChatListProps): ReactElement {
  const { chats, status, hasMore, more } = list
  return (
    <>
      <Wordmark />
      <button type="button" className="new-chat" onClick={onNew}>
        <Icon name="plus" /> New chat
      </button>
      <nav className="chats" aria-label="Your chats">
        {chats.length === 0 ? (
          <p className="no-chats">{EMPTY[status]}</p>
        ) : (
          <ul>
            {chats.map((chat) => (
              <ChatRow
                key={chat.id}
                chat={chat}
                isShown={chat.id === shown}
                onOpen={onOpen}
                onRename={(title) => list.rename(chat.id, title)}
                onRemove={async () => {
                  await list.remove(chat.id)
                  if (chat.id === shown) onNew()
                }}
              />
            ))}
          </ul>
        )}
        {hasMore && (
          <button type="button" className="tool" onClick={() => void more()}>
            Show older chats
          </button>
        )}
      </nav>
      <p className="elsewhere">
        <a href="./">The tutorial’s page</a>
      </p>
    </>
  )
}

const EMPTY: Record<ChatListView['status'], string> = {
  loading: 'Loading your chats.',
  live: 'Your chats appear here.',
  failed: 'The list cannot be loaded.',
}
