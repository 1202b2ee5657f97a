import type { UIMessage } from 'ai'
import { type ReactElement, useState } from 'react'
import { FileView } from './file-view.tsx'
import { textOf } from './message-text.ts'

/** Characters of a question that are shown before somebody asks for the rest, and of a part that is laid out alone. */
const SHOWN = 3_000
const PART = 16_000

/** A question as it was typed: not Markdown, which would change what somebody meant. */
export function UserText({ message }: { readonly message: UIMessage }): ReactElement {
  const [isWhole, setWhole] = useState(false)
  const text = textOf(message)
  const isLong = text.length > SHOWN + 500
  const shown = isLong && !isWhole ? `${text.slice(0, SHOWN)}…` : text
  return (
    <>
      {message.parts.map((part, index) => part.type === 'file' && <FileView key={index} file={part} isOwn />)}
      {text !== '' && (
        <div className="bubble">
          {partsOf(shown).map((part, index) => (
            <p key={index} dir="auto">
              {part}
            </p>
          ))}
          {isLong && (
            <button type="button" className="tool" onClick={() => setWhole(!isWhole)}>
              {isWhole ? 'Show less' : `Show all ${text.length.toLocaleString('en')} characters`}
            </button>
          )}
        </div>
      )}
    </>
  )
}

function partsOf(text: string): string[] {
  if (text.length <= PART) return [text]
  const parts: string[] = []
  for (let at = 0; at < text.length; at += PART) parts.push(text.slice(at, at + PART))
  return parts
}
