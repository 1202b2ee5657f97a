import { type ReactElement, useCallback, useEffect, useRef } from 'react'
import { ChatAnnouncer } from './chat-announcer.tsx'
import { ChatComposer } from './chat-composer.tsx'
import type { ChatData, NewMessage } from './chat-data.ts'
import { ChatHead } from './chat-head.tsx'
import { ErrorNote } from './error-note.tsx'
import { MessageList } from './message-list.tsx'
import { textOf } from './message-text.ts'
import { Queue } from './queue.tsx'
import { useChatData } from './use-chat-data.ts'
import type { ModelInfo } from './use-model.ts'
import { Welcome } from './welcome.tsx'

interface ChatViewProps {
  readonly id: string
  readonly isNew: boolean
  readonly api: string
  readonly model: ModelInfo | undefined
  readonly title: string | undefined
  /** Whether the list lies over it. */
  readonly isCovered: boolean
  readonly onList: () => void
  /** Told before the first message of a new chat is sent. */
  readonly onSend: () => void
  readonly onTitle: (id: string, title: string) => Promise<unknown>
  readonly onNew: () => void
}

export function ChatView(props: ChatViewProps): ReactElement {
  const { id, isNew, api, model, onSend, onNew } = props
  const chat = useChatData(id, api, isNew)
  const isActive = chat.status === 'submitted' || chat.status === 'streaming'
  const wasThere = useRef(false)
  if (chat.exists) wasThere.current = true
  const isDeleted = wasThere.current && !chat.exists && !chat.isLoading && !isActive
  useStopKey(chat, isActive)
  useFirstTitle(chat, isNew, props.onTitle)

  const send = useCallback(
    (message: NewMessage) => {
      onSend()
      void chat.sendMessage(message)
    },
    // oxlint-disable-next-line react/exhaustive-deps -- the hook's function stays the same
    [chat.sendMessage, onSend],
  )

  return (
    <div className="stage" inert={props.isCovered}>
      <ChatHead chat={chat} title={props.title} onList={props.onList} />
      <MessageList chat={chat} isActive={isActive}>
        {chat.messages.length === 0 && !isActive && !isDeleted && (
          <Welcome chat={chat} model={model} onSend={(text) => send({ text })} />
        )}
        {isDeleted && <Deleted onNew={onNew} />}
        {chat.error && <ErrorNote chat={chat} error={chat.error} />}
      </MessageList>
      <div className="foot">
        <Queue queue={chat.queue} onTakeBack={chat.takeBack} />
        <ChatComposer key={id} chat={chat} isActive={isActive} onSend={send} />
      </div>
      <ChatAnnouncer chat={chat} />
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

/** Escape ends the answer, where nothing else wants it. */
function useStopKey({ stop }: ChatData, isActive: boolean): void {
  const latest = useRef(stop)
  useEffect(() => {
    latest.current = stop
  })
  useEffect(() => {
    if (!isActive) return
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || event.isComposing || event.defaultPrevented) return
      void latest.current()
    }
    document.addEventListener('keydown', onKeyDown)
    return () => document.removeEventListener('keydown', onKeyDown)
  }, [isActive])
}

/** Characters of a title that comes from the first question. */
const TITLE = 60

/** A chat that begins here is called as its first question. */
function useFirstTitle({ id, messages }: ChatData, isNew: boolean, rename: ChatViewProps['onTitle']): void {
  const isDue = useRef(isNew)
  useEffect(() => {
    // Once something is answered, the server has the chat.
    if (!isDue.current || messages.at(-1)?.role !== 'assistant') return
    isDue.current = false
    const question = messages.find(({ role }) => role === 'user')
    const title = (question ? textOf(question) : '').replaceAll(/\s+/g, ' ').trim()
    const short = title.length > TITLE ? `${title.slice(0, TITLE).toWellFormed().trimEnd()}…` : title
    // Without a title it is listed as untitled, and can be named there.
    rename(id, short || 'An image').catch(() => {})
  }, [id, messages, rename])
}
