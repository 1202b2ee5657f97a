import type { ReactElement } from 'react'
import type { LiveChatView } from '../../../src/react/chat/index.ts'
import { Icon } from './icons.tsx'

interface ChatHeadProps {
  readonly chat: LiveChatView
  readonly isNew: boolean
  readonly onList: () => void
}

export function ChatHead({ chat, isNew, onList }: ChatHeadProps): ReactElement {
  return (
    <header className="chat-head" data-flowing={chat.status === 'streaming'}>
      <button type="button" className="icon-button list-button" aria-label="Show your chats" onClick={onList}>
        <Icon name="menu" />
      </button>
      <h1 dir="auto">{chat.title ?? nameOf(chat, isNew)}</h1>
      <Connection chat={chat} />
    </header>
  )
}

/** What a chat without a title is called. */
function nameOf({ messages, isLoading }: LiveChatView, isNew: boolean): string {
  if (messages.length > 0) return 'Untitled chat'
  return isLoading && !isNew ? 'Chat' : 'New chat'
}

const LABELS: Record<LiveChatView['connection'], string> = {
  // The client holds no connection that nobody needs.
  idle: '',
  connecting: 'Connecting',
  connected: 'Connected',
  reconnecting: 'Reconnecting',
  closed: 'Closed',
}

function Connection({ chat: { connection } }: { readonly chat: LiveChatView }): ReactElement {
  return (
    <p id="connection" className="pill" data-status={connection}>
      {LABELS[connection] !== '' && <span className="dot" aria-hidden="true" />}
      <span className="pill-label">{LABELS[connection]}</span>
    </p>
  )
}
