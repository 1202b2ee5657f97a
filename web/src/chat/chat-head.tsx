import type { ReactElement } from 'react'
import type { LiveChatView } from '../../../src/react/chat/index.ts'
import { Icon } from './icons.tsx'

interface ChatHeadProps {
  readonly chat: LiveChatView
  readonly onList: () => void
}

export function ChatHead({ chat, onList }: ChatHeadProps): ReactElement {
  return (
    <header className="chat-head" data-flowing={chat.status === 'streaming'}>
      <button type="button" className="icon-button list-button" aria-label="Show your chats" onClick={onList}>
        <Icon name="menu" />
      </button>
      <h1 dir="auto">{chat.title ?? (chat.messages.length === 0 ? 'New chat' : 'Untitled chat')}</h1>
      <Connection chat={chat} />
    </header>
  )
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
