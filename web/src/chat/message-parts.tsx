/** An answer: its parts in their order, and its sources at the end. */
import { type UIMessage, getToolName, isToolUIPart } from 'ai'
import type { ReactElement } from 'react'
import { FileView } from './file-view.tsx'
import { Markdown } from './markdown/markdown.tsx'
import type { MessageActions } from './message-actions.ts'
import { Reasoning } from './reasoning.tsx'
import { Sources } from './sources.tsx'
import { ToolCall } from './tool-call.tsx'

interface MessagePartsProps {
  readonly message: UIMessage
  readonly isOpen: boolean
  readonly onApprove: MessageActions['approve']
}

export function MessageParts({ message, isOpen, onApprove }: MessagePartsProps): ReactElement {
  const { parts } = message
  return (
    <>
      {parts.map((part, index) => {
        const isLast = isOpen && index === parts.length - 1
        if (isToolUIPart(part))
          return <ToolCall key={part.toolCallId} call={part} name={getToolName(part)} onApprove={onApprove} />
        switch (part.type) {
          case 'text':
            return part.text !== '' && <Markdown key={index} text={part.text} isOpen={isLast} />
          case 'reasoning':
            return <Reasoning key={index} text={part.text} isOpen={isLast} />
          case 'file':
            return <FileView key={index} file={part} />
          default:
            return null
        }
      })}
      <Sources parts={parts} />
      {parts.length === 0 && !isOpen && <p className="nothing">No answer came.</p>}
    </>
  )
}
