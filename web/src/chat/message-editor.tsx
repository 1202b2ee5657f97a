import type { FileUIPart, UIMessage } from 'ai'
import { type KeyboardEvent, type ReactElement, useState } from 'react'
import { textOf } from './message-text.ts'

interface MessageEditorProps {
  readonly message: UIMessage
  readonly onSend: (text: string, files: FileUIPart[]) => void
  readonly onCancel: () => void
}

/** A question, to be asked otherwise. Its images stay. */
export function MessageEditor({ message, onSend, onCancel }: MessageEditorProps): ReactElement {
  const [text, setText] = useState(() => textOf(message))
  const files = message.parts.filter((part) => part.type === 'file')
  const isEmpty = text.trim() === '' && files.length === 0

  const send = () => {
    if (!isEmpty) onSend(text.trim(), files)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return
    if (event.key === 'Escape') onCancel()
    else if (event.key === 'Enter' && !event.shiftKey) send()
    else return
    event.preventDefault()
  }
  return (
    <form
      className="editor"
      aria-label="Edit the message"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      <textarea
        aria-label="Message"
        // oxlint-disable-next-line jsx-a11y/no-autofocus -- it stands where the pressed button was
        autoFocus
        dir="auto"
        rows={2}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <div className="editor-tools">
        <button type="button" className="tool" onClick={onCancel}>
          Cancel
        </button>
        <button type="submit" className="send" aria-disabled={isEmpty}>
          Send
        </button>
      </div>
    </form>
  )
}
