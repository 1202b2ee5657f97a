import type { ReactElement } from 'react'
import type { FilePart } from './chat-data.ts'
import { Icon } from './icons.tsx'

interface AttachmentsProps {
  readonly parts: readonly FilePart[]
  readonly isBusy: boolean
  readonly onRemove: (part: FilePart) => void
}

/** The images that go with the next message. */
export function Attachments({ parts, isBusy, onRemove }: AttachmentsProps): ReactElement | null {
  if (parts.length === 0 && !isBusy) return null
  return (
    <ul className="attachments" aria-label="Images to send">
      {parts.map((part) => (
        <li key={part.url}>
          <img src={part.url} alt={part.filename ?? 'Image'} />
          <button
            type="button"
            className="icon-button small"
            aria-label={`Remove ${part.filename ?? 'the image'}`}
            onClick={() => onRemove(part)}
          >
            <Icon name="close" />
          </button>
        </li>
      ))}
      {isBusy && <li className="attachment-busy">Making the image smaller</li>}
    </ul>
  )
}
