import type { ReactElement } from 'react'
import type { FileUIPart } from 'ai'
import { Icon } from './icons.tsx'

interface AttachmentsProps {
  readonly parts: readonly FileUIPart[]
  readonly isBusy: boolean
  readonly onRemove: (part: FileUIPart) => void
}

/** The files that go with the next message. */
export function Attachments({ parts, isBusy, onRemove }: AttachmentsProps): ReactElement | null {
  if (parts.length === 0 && !isBusy) return null
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
      {isBusy && <li className="attachment-busy">Reading the file</li>}
    </ul>
  )
}
