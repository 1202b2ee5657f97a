import type { ReactElement } from 'react'
import type { ChatData } from './chat-data.ts'
import { Icon } from './icons.tsx'

interface ChatHeadProps {
  readonly chat: ChatData
  readonly title: string | undefined
  readonly onList: () => void
}

export function ChatHead({ chat, title, onList }: ChatHeadProps): ReactElement {
  return (
    <header className="chat-head" data-flowing={chat.status === 'streaming'}>
      <button type="button" className="icon-button list-button" aria-label="Show your chats" onClick={onList}>
        <Icon name="menu" />
      </button>
      <h1 dir="auto">{chat.title ?? title ?? (chat.messages.length === 0 ? 'New chat' : 'Chat')}</h1>
      <Connection chat={chat} />
    </header>
  )
}

const LABELS: Record<ChatData['connection'], string> = {
  // The client holds no connection that nobody needs.
  idle: '',
  connecting: 'Connecting',
  connected: 'Connected',
  reconnecting: 'Reconnecting',
  closed: 'Closed',
}

function Connection({ chat: { connection } }: { readonly chat: ChatData }): ReactElement {
  return (
    <p id="connection" className="pill" data-status={connection}>
      {LABELS[connection] !== '' && <span className="dot" aria-hidden="true" />}
      <span className="pill-label">{LABELS[connection]}</span>
    </p>
  )
}
