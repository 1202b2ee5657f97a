import type { ReactElement } from 'react'
import type { ChatData } from './chat-data.ts'
import { sentenceOf } from './errors.ts'

/** What went wrong, below the message that it is about. */
export function ErrorNote({ chat, error }: { readonly chat: ChatData; readonly error: Error }): ReactElement {
  return (
    <div className="note error">
      <p>
        <strong>This did not work.</strong> <bdi>{sentenceOf(error)}</bdi>
      </p>
      <div className="note-tools">
        <button type="button" className="tool" onClick={() => void chat.regenerate()}>
          Try again
        </button>
        <button type="button" className="tool" onClick={() => chat.clearError()}>
          Dismiss
        </button>
      </div>
    </div>
  )
}
