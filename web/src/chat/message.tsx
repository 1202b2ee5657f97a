import type { UIMessage } from 'ai'
import { type ReactElement, memo, useState } from 'react'
import type { Branches } from '../../../src/react/chat/index.ts'
import { CopyButton } from './copy-button.tsx'
import { Icon } from './icons.tsx'
import type { MessageActions } from './message-actions.ts'
import { MessageEditor } from './message-editor.tsx'
import { MessageParts } from './message-parts.tsx'
import { textOf } from './message-text.ts'
import type { AnswerEnd } from './use-answer-ends.ts'
import { UserText } from './user-text.tsx'

interface MessageProps {
  readonly message: UIMessage
  /** Whether more of it comes. */
  readonly isOpen: boolean
  /** How it ended, if it is not whole. */
  readonly end: AnswerEnd | undefined
  /** Whether something is being answered. */
  readonly isBusy: boolean
  readonly branches: Branches | undefined
  readonly actions: MessageActions
}

export const Message = memo(
  function Message({ message, isOpen, end, isBusy, branches, actions }: MessageProps): ReactElement {
    const [isEdited, setEdited] = useState(false)
    const isUser = message.role === 'user'
    if (isEdited) {
      return (
        <MessageEditor
          message={message}
          onCancel={() => setEdited(false)}
          onSend={(text, files) => {
            setEdited(false)
            actions.edit(message.id, text, files)
          }}
        />
      )
    }
    return (
      <article className="message" data-role={message.role} aria-busy={isOpen}>
        <h2 className="hidden">{isUser ? 'You' : 'Answer'}</h2>
        {isUser ? (
          <UserText message={message} />
        ) : (
          <MessageParts message={message} isOpen={isOpen} onApprove={actions.approve} />
        )}
        {end && !isOpen && <p className="ended">{ENDS[end]}</p>}
        {!isOpen && (
          <div className="message-tools">
            {branches && branches.count > 1 && <Versions branches={branches} isBusy={isBusy} />}
            <CopyButton what="message" text={() => textOf(message)} />
            {!isBusy && isUser && textOf(message).length <= MOST_EDITED && (
              <button type="button" className="tool" onClick={() => setEdited(true)}>
                Edit
              </button>
            )}
            {!isBusy && !isUser && (
              <button type="button" className="tool" onClick={() => actions.again(message.id)}>
                Answer again
              </button>
            )}
          </div>
        )}
      </article>
    )
  },
  (before, after) =>
    before.message === after.message &&
    before.isOpen === after.isOpen &&
    before.end === after.end &&
    before.isBusy === after.isBusy &&
    before.actions === after.actions &&
    before.branches?.index === after.branches?.index &&
    before.branches?.count === after.branches?.count,
)

/** Characters. A browser needs seconds to lay out a megabyte in a box. */
const MOST_EDITED = 20_000

const ENDS: Record<AnswerEnd, string> = {
  stopped: 'Stopped here.',
  failed: 'It failed here, and is not whole.',
}

interface VersionsProps {
  readonly branches: Branches
  readonly isBusy: boolean
}

/** The place of this version among those of the message, and the ways to the others. */
function Versions({ branches: { index, count, previous, next }, isBusy }: VersionsProps): ReactElement {
  return (
    <span className="versions" role="group" aria-label="Versions of this message">
      <button
        type="button"
        className="icon-button small"
        aria-label="Previous version"
        aria-disabled={isBusy || index === 0}
        onClick={() => {
          if (!isBusy && index > 0) void previous()
        }}
      >
        <Icon name="left" />
      </button>
      <span>
        {index + 1}/{count}
      </span>
      <button
        type="button"
        className="icon-button small"
        aria-label="Next version"
        aria-disabled={isBusy || index === count - 1}
        onClick={() => {
          if (!isBusy && index < count - 1) void next()
        }}
      >
        <Icon name="right" />
      </button>
    </span>
  )
}
