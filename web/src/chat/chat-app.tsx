import { type ReactElement, useCallback, useEffect, useState } from 'react'
import { useChatList } from '../../../src/react/chat/index.ts'
import { useChatAddress } from './chat-address.ts'
import { ChatList } from './chat-list.tsx'
import { ChatView } from './chat-view.tsx'
import { Drawer, useIsNarrow } from './drawer.tsx'
import { Notices } from './notices.ts'
import { useModel } from './use-model.ts'

export interface ChatAppProps {
  /** Where the chats are served. */
  readonly api: string
  /** Where the server says what answers. */
  readonly modelAddress: string
}

export function ChatApp({ api, modelAddress }: ChatAppProps): ReactElement {
  const { id, isNew, open, startNew, keep } = useChatAddress()
  const list = useChatList({ api })
  const model = useModel(modelAddress)
  const [isListOpen, setListOpen] = useState(false)
  const isNarrow = useIsNarrow()
  const [notice, setNotice] = useState('')
  const title = list.chats.find((chat) => chat.id === id)?.title

  // A region that is given the same text again stays silent; a space at its end makes it news.
  const notify = useCallback(
    (text: string) => setNotice((last) => (text !== '' && text === last ? `${text}\u00a0` : text)),
    [],
  )
  const closeList = useCallback(() => setListOpen(false), [])

  useEffect(() => {
    document.title = title === undefined ? 'Chat · Millrace' : `${title} · Millrace`
  }, [title])

  return (
    <Notices value={notify}>
      <div className="chat-page">
        <button type="button" className="skip" onClick={() => document.getElementById('message')?.focus()}>
          Skip to the message
        </button>
        <Drawer isNarrow={isNarrow} isOpen={isListOpen} onClose={closeList}>
          <ChatList
            list={list}
            shown={id}
            onOpen={(chat) => {
              open(chat)
              closeList()
            }}
            onNew={() => {
              startNew()
              closeList()
            }}
          />
        </Drawer>
        <ChatView
          key={id}
          id={id}
          isNew={isNew}
          api={api}
          model={model}
          isCovered={isNarrow && isListOpen}
          onList={() => setListOpen(true)}
          onSend={keep}
          onNew={startNew}
        />
        <div className="hidden" role="status">
          {notice}
        </div>
      </div>
    </Notices>
  )
}
