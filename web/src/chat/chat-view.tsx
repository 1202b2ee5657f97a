import { type FileUIPart, type UIMessage, lastAssistantMessageIsCompleteWithApprovalResponses } from 'ai'
import { type ReactElement, useCallback, useState } from 'react'
import { type LiveChatView, useLiveChat } from '../../../src/react/chat/index.ts'
import { ChatAnnouncer } from './chat-announcer.tsx'
import { ChatComposer } from './chat-composer.tsx'
import { ChatHead } from './chat-head.tsx'
import { ErrorNote } from './error-note.tsx'
import { MessageList } from './message-list.tsx'
import { textOf } from './message-text.ts'
import type { NewMessage } from './new-message.ts'
import { Queue } from './queue.tsx'
import { useFirstTitle } from './use-first-title.ts'
import type { ModelInfo } from './use-model.ts'
import { useStopKey } from './use-stop-key.ts'
import { Welcome } from './welcome.tsx'

interface ChatViewProps {
  readonly id: string
  /** Whether nothing was sent in it yet. */
  readonly isNew: boolean
  readonly api: string
  readonly model: ModelInfo | null | undefined
  /** Whether the list lies over it. */
  readonly isCovered: boolean
  readonly onList: () => void
  /** Told before the first message of a new chat is sent. */
  readonly onSend: () => void
  readonly onNew: () => void
}

export function ChatView(props: ChatViewProps): ReactElement {
  const { id, isNew, api, model, onSend, onNew } = props
  const chat = useLiveChat({
    id,
    api,
    sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses,
  })
  const { messages, status, error, queue, sendMessage, takeBack } = chat
  const [returned, setReturned] = useState<NewMessage>()
  const isActive = status === 'submitted' || status === 'streaming'
  const isDeleted = useWasThere(chat) && !chat.exists
  const isEmpty = messages.length === 0 && queue.length === 0 && !isActive && !isDeleted && !error
  useStopKey(chat, props.isCovered)
  useFirstTitle(chat, isNew)

  const send = useCallback(
    (message: NewMessage) => {
      onSend()
      void sendMessage(message)
    },
    [sendMessage, onSend],
  )

  return (
    <div className="stage" inert={props.isCovered}>
      <ChatHead chat={chat} isNew={isNew} onList={props.onList} />
      <MessageList chat={chat} isActive={isActive}>
        {isEmpty && <Welcome chat={chat} isNew={isNew} model={model} onSend={(text) => send({ text })} />}
        {isDeleted && <Deleted onNew={onNew} />}
        {isUnanswered(chat) && <Unanswered chat={chat} />}
        {error && !isDeleted && <ErrorNote chat={chat} error={error} />}
      </MessageList>
      <div className="foot">
        <Queue
          queue={queue}
          takeBack={takeBack}
          onTakenBack={(message) => setReturned({ text: textOf(message), files: filesOf(message) })}
        />
        <ChatComposer chat={chat} accept={model?.accept} returned={returned} onSend={send} />
      </div>
      <ChatAnnouncer chat={chat} />
    </div>
  )
}

/** Whether nothing came of the last question: it was stopped before, or its answer was too large to be kept. */
function isUnanswered({ messages, status, queue, isAnswering }: LiveChatView): boolean {
  return status === 'ready' && !isAnswering && queue.length === 0 && messages.at(-1)?.role === 'user'
}

function Unanswered({ chat }: { readonly chat: LiveChatView }): ReactElement {
  return (
    <div className="note">
      <p>There is no answer to this.</p>
      <button type="button" className="tool" onClick={() => void chat.regenerate()}>
        Answer again
      </button>
    </div>
  )
}

function Deleted({ onNew }: { readonly onNew: () => void }): ReactElement {
  return (
    <div className="note" role="alert">
      <p>This chat was deleted.</p>
      <button type="button" className="tool" onClick={onNew}>
        New chat
      </button>
    </div>
  )
}

/** Whether the chat was there since it is shown. */
function useWasThere({ exists }: LiveChatView): boolean {
  const [wasThere, setWasThere] = useState(exists)
  if (exists && !wasThere) setWasThere(true)
  return wasThere
}

function filesOf({ parts }: UIMessage): FileUIPart[] {
  return parts.filter((part) => part.type === 'file')
}
