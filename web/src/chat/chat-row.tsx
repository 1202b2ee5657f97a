import { type KeyboardEvent, type MouseEvent, type ReactElement, useRef, useState } from 'react'
import type { ListedChat } from '../../../src/client/chat/index.ts'
import { sentenceOf } from './errors.ts'
import { Icon } from './icons.tsx'
import { useNotify } from './notices.ts'

interface ChatRowProps {
  readonly chat: ListedChat
  readonly isShown: boolean
  readonly onOpen: (id: string) => void
  readonly onRename: (title: string) => Promise<unknown>
  readonly onRemove: () => Promise<unknown>
}

/** A chat in the list. It is renamed and deleted in its place. */
export function ChatRow({ chat, isShown, onOpen, onRename, onRemove }: ChatRowProps): ReactElement {
  const [mode, setMode] = useState<'shown' | 'renamed' | 'removed'>('shown')
  const [trouble, setTrouble] = useState('')
  const link = useRef<HTMLAnchorElement>(null)
  const notify = useNotify()
  const title = chat.title || 'Untitled chat'

  const back = () => {
    setMode('shown')
    // What had the focus is gone.
    requestAnimationFrame(() => link.current?.focus())
  }
  const attempt = async (act: () => Promise<unknown>, said: string) => {
    setTrouble('')
    try {
      await act()
      notify(said)
    } catch (error) {
      setTrouble(sentenceOf(error))
    }
  }
  const onClick = (event: MouseEvent) => {
    // A middle click and the like open a tab of their own.
    if (event.metaKey || event.ctrlKey || event.shiftKey) return
    event.preventDefault()
    onOpen(chat.id)
  }

  if (mode === 'renamed') {
    return (
      <li className="chat-row">
        <TitleBox
          title={chat.title ?? ''}
          onCancel={back}
          onSave={(text) => {
            back()
            if (text !== (chat.title ?? '')) void attempt(() => onRename(text), 'Renamed.')
          }}
        />
      </li>
    )
  }
  if (mode === 'removed') {
    // Elsewhere it ends the answer.
    const onEscape = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return
      event.preventDefault()
      back()
    }
    return (
      <li className="chat-row" data-mode="removed">
        <p>
          Delete <bdi>{title}</bdi>?
        </p>
        <div className="row-choice">
          {/* oxlint-disable-next-line jsx-a11y/no-autofocus -- it stands where the pressed button was */}
          <button type="button" className="tool" autoFocus onClick={back} onKeyDown={onEscape}>
            Keep
          </button>
          <button
            type="button"
            className="tool danger"
            onKeyDown={onEscape}
            onClick={() => void attempt(onRemove, 'Deleted.').then(back)}
          >
            Delete
          </button>
        </div>
      </li>
    )
  }
  return (
    <li className="chat-row" data-shown={isShown}>
      <a
        ref={link}
        href={`#${chat.id}`}
        dir="auto"
        aria-current={isShown ? 'page' : undefined}
        onClick={onClick}
      >
        {title}
      </a>
      <button
        type="button"
        className="row-tool"
        aria-label={`Rename ${title}`}
        title="Rename"
        onClick={() => setMode('renamed')}
      >
        <Icon name="pen" />
      </button>
      <button
        type="button"
        className="row-tool"
        aria-label={`Delete ${title}`}
        title="Delete"
        onClick={() => setMode('removed')}
      >
        <Icon name="bin" />
      </button>
      {trouble !== '' && <p className="row-trouble">{trouble}</p>}
    </li>
  )
}

interface TitleBoxProps {
  readonly title: string
  readonly onSave: (title: string) => void
  readonly onCancel: () => void
}

/** The server takes no longer ones. */
const MOST_CHARACTERS = 200

function TitleBox({ title, onSave, onCancel }: TitleBoxProps): ReactElement {
  const [text, setText] = useState(title)
  const isLeft = useRef(false)
  const leave = (act: () => void) => {
    if (isLeft.current) return
    isLeft.current = true
    act()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return
    if (event.key === 'Enter') leave(() => onSave(text.trim()))
    else if (event.key === 'Escape') leave(onCancel)
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  return (
    <input
      className="title-box"
      aria-label="Title of the chat"
      // oxlint-disable-next-line jsx-a11y/no-autofocus -- it stands where the pressed button was
      autoFocus
      dir="auto"
      value={text}
      maxLength={MOST_CHARACTERS}
      onFocus={(event) => event.target.select()}
      onChange={(event) => setText(event.target.value)}
      onKeyDown={onKeyDown}
      onBlur={() => leave(() => onSave(text.trim()))}
    />
  )
}
