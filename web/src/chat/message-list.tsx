import {
  type ReactElement,
  type ReactNode,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react'
import { useFollow } from '../use-follow.ts'
import type { LiveChatView } from '../../../src/react/chat/index.ts'
import { Icon } from './icons.tsx'
import { Message } from './message.tsx'
import type { MessageActions } from './message-actions.ts'
import { useAnswerEnds } from './use-answer-ends.ts'
import { useLatest } from './use-latest.ts'

interface MessageListProps {
  readonly chat: LiveChatView
  readonly isActive: boolean
  /** What stands below the messages. */
  readonly children: ReactNode
}

/** So many messages are drawn at first, and so many more each time that the reader comes to their beginning. */
const PAGE = 40

export function MessageList({ chat, isActive, children }: MessageListProps): ReactElement {
  const { messages, status } = chat
  const scroller = useRef<HTMLElement>(null)
  const content = useRef<HTMLDivElement>(null)
  const { following, follow, keepUp } = useFollow(scroller)
  const [drawn, setDrawn] = useState(PAGE)
  const actions = useActions(chat)
  const ends = useAnswerEnds(chat)
  const first = Math.max(0, messages.length - drawn)
  const last = messages.at(-1)
  const asked = messages.findLast(({ role }) => role === 'user')?.id

  // Whoever asks wants to see the answer come.
  useLayoutEffect(follow, [asked, follow])

  useEffect(() => {
    if (!content.current) return
    // Once a frame, after everything that grew in it was laid out.
    const observer = new ResizeObserver(keepUp)
    observer.observe(content.current)
    return () => observer.disconnect()
  }, [keepUp])

  return (
    <div className="messages-frame">
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls has to take the focus */}
      <main className="messages" ref={scroller} tabIndex={0} aria-label="Conversation">
        <div className="column" ref={content}>
          {first > 0 && (
            <Earlier count={first} scroller={scroller} onShow={() => setDrawn((count) => count + PAGE)} />
          )}
          {messages.slice(first).map((message) => (
            <Message
              key={message.id}
              message={message}
              isOpen={isActive && message === last && message.role === 'assistant'}
              isBusy={isActive}
              end={ends.get(message.id)}
              branches={chat.branches(message.id)}
              actions={actions}
            />
          ))}
          {status === 'submitted' && <Waiting />}
          {children}
        </div>
      </main>
      {!following && (
        <button
          type="button"
          className="latest"
          onClick={() => {
            follow()
            // The button goes, and would take the focus with it.
            scroller.current?.focus()
          }}
        >
          <Icon name="down" /> To the end
        </button>
      )}
    </div>
  )
}

interface EarlierProps {
  readonly count: number
  readonly scroller: { readonly current: HTMLElement | null }
  readonly onShow: () => void
}

/** Shows earlier messages when the reader comes near them. What is being read stays where it is. */
function Earlier({ count, scroller, onShow }: EarlierProps): ReactElement {
  const button = useRef<HTMLButtonElement>(null)
  const before = useRef<{ readonly height: number; readonly top: number }>(undefined)

  useLayoutEffect(() => {
    const element = scroller.current
    const { height, top } = before.current ?? {}
    before.current = undefined
    if (element === null || height === undefined || top === undefined) return
    element.scrollTop = top + element.scrollHeight - height
  }, [count, scroller])

  const show = () => {
    const element = scroller.current
    if (element) before.current = { height: element.scrollHeight, top: element.scrollTop }
    onShow()
  }
  return (
    <button ref={button} type="button" className="tool earlier" onClick={show}>
      Show earlier messages ({count.toLocaleString('en')})
    </button>
  )
}

function Waiting(): ReactElement {
  return (
    <p className="waiting" aria-hidden="true">
      <span />
      <span />
      <span />
    </p>
  )
}

/** Stays the same object, so that messages that did not change are not drawn again. */
function useActions(chat: LiveChatView): MessageActions {
  const latest = useLatest(chat)
  return useMemo(
    () => ({
      edit: (messageId, text, files) =>
        void latest.current.edit(messageId, { text, ...(files.length > 0 && { files }) }),
      again: (messageId) => void latest.current.regenerate({ messageId }),
      approve: (id, approved) => void latest.current.addToolApprovalResponse({ id, approved }),
    }),
    [latest],
  )
}
