import type { DynamicToolUIPart, ToolUIPart } from 'ai'
import { type ReactElement, useState } from 'react'
import { CodeBlock } from './markdown/code-block.tsx'
import type { MessageActions } from './message-actions.ts'

type Call = ToolUIPart | DynamicToolUIPart

interface ToolCallProps {
  readonly call: Call
  readonly name: string
  readonly onApprove: MessageActions['approve']
}

const LABELS: Record<Call['state'], string> = {
  'input-streaming': 'being prepared',
  'input-available': 'running',
  'approval-requested': 'asks for your approval',
  'approval-responded': 'answered',
  'output-available': 'done',
  'output-error': 'failed',
  'output-denied': 'not allowed',
}

/** A tool that the model called: folded; what it asks of the reader is not. */
export function ToolCall({ call, name, onApprove }: ToolCallProps): ReactElement {
  const { state } = call
  const [isShown, setShown] = useState(false)
  const isBusy = state === 'input-streaming' || state === 'input-available'
  return (
    <div className="tool-call">
      <details className="fold" onToggle={(event) => setShown(event.currentTarget.open)}>
        <summary data-busy={isBusy} data-state={state}>
          Tool <bdi>{name}</bdi>: {LABELS[state]}
        </summary>
        {isShown && <Details call={call} />}
      </details>
      {state === 'approval-requested' && (
        <div className="note approval">
          <p>
            May <bdi>{name}</bdi> be called?
          </p>
          <Value what="Input" value={call.input} />
          <div className="note-tools">
            <button type="button" className="send" onClick={() => onApprove(call.approval.id, true)}>
              Allow
            </button>
            <button type="button" className="tool" onClick={() => onApprove(call.approval.id, false)}>
              Do not allow
            </button>
          </div>
        </div>
      )}
    </div>
  )
}

function Details({ call }: { readonly call: Call }): ReactElement {
  return (
    <>
      <Value what="Input" value={call.input} />
      {call.state === 'output-available' && <Value what="Output" value={call.output} />}
      {call.state === 'output-error' && (
        <p className="plain" dir="auto">
          {call.errorText.slice(0, MOST)}
        </p>
      )}
    </>
  )
}

/** Characters of a value that are shown. */
const MOST = 20_000

function Value({ what, value }: { readonly what: string; readonly value: unknown }): ReactElement | null {
  if (value === undefined) return null
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2)
  const shown = text.length > MOST ? `${text.slice(0, MOST)}\n… ${text.length - MOST} characters more` : text
  return (
    <>
      <p className="value-name">{what}</p>
      <CodeBlock language={typeof value === 'string' ? '' : 'json'} pieces={[shown]} />
    </>
  )
}
