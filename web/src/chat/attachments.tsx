import type { ReactElement } from 'react'
import type { FileUIPart } from 'ai'
import { Icon } from './icons.tsx'

interface AttachmentsProps {
  readonly parts: readonly FileUIPart[]
  /** Long texts that were pasted. */
  readonly pasted: readonly string[]
  readonly isBusy: boolean
  readonly onRemovePasted: (index: number) => void
  readonly onRemove: (part: FileUIPart) => void
}

/** The files that go with the next message. */
export function Attachments(props: AttachmentsProps): ReactElement | null {
  const { parts, pasted, isBusy, onRemove, onRemovePasted } = props
  if (parts.length === 0 && pasted.length === 0 && !isBusy) return null
  return (
    <ul className="attachments" aria-label="Files to send">
      {parts.map((part) => (
        <li key={part.url}>
          {part.mediaType.startsWith('image/') ? (
            <img src={part.url} alt={part.filename ?? 'Image'} />
          ) : (
            <span className="attached-file">{part.filename ?? part.mediaType}</span>
          )}
          <button
            type="button"
            className="icon-button small"
            aria-label={`Remove ${part.filename ?? 'the file'}`}
            onClick={() => onRemove(part)}
          >
            <Icon name="close" />
          </button>
        </li>
      ))}
      {pasted.map((text, index) => (
        <li key={index}>
          <span className="attached-file" dir="auto">
            <strong>{text.length.toLocaleString('en')} characters</strong>
            {text.slice(0, 40)}…
          </span>
          <button
            type="button"
            className="icon-button small"
            aria-label="Remove the pasted text"
            onClick={() => onRemovePasted(index)}
          >
            <Icon name="close" />
          </button>
        </li>
      ))}
      {isBusy && <li className="attachment-busy">Reading the file</li>}
    </ul>
  )
}
