import type { ReactElement } from 'react'
import type { LiveChatView } from '../../../src/react/chat/index.ts'
import { sentenceOf } from './errors.ts'

/** What went wrong, below the message that it is about. */
export function ErrorNote({
  chat,
  error,
}: {
  readonly chat: LiveChatView
  readonly error: Error
}): ReactElement {
  return (
    <div className="note error">
      <p>
        <strong>This did not work.</strong> <bdi>{sentenceOf(error)}</bdi>
      </p>
      <div className="note-tools">
        <button type="button" className="tool" onClick={() => void chat.regenerate()}>
          Try again
        </button>
      </div>
    </div>
  )
}
