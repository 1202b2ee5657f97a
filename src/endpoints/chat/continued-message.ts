/**
 * The assistant's message that a page sends back to have it continued. A page may say two things in it: whether a call of
 * a tool is approved, and what a tool of the page gave. All else is the chat's: nobody makes the assistant have said, or
 * a tool of the server have given, what it did not.
 */
import type { UIMessage } from 'ai'
import type { SendRequest } from '../../chats/requests.ts'
import type { ChatMessage } from '../../conversation/entries.ts'
import { ChatError } from '../../conversation/errors.ts'

type Part = UIMessage['parts'][number]
type ToolPart = Extract<Part, { toolCallId: string }>

/**
 * How a message of a page is sent: the assistant's with its `merge`.
 *
 * @throws {ChatError} `invalid_message` for one that neither the user nor the assistant says.
 */
export function mergeOf({ role }: ChatMessage): Pick<SendRequest, 'merge'> {
  if (role === 'user') return {}
  if (role === 'assistant') return { merge: continuedMessage }
  throw new ChatError('invalid_message', "A page sends messages of the user, or continues the assistant's.")
}

/**
 * Returns the message of the chat with what the page says. The first word on a call counts.
 *
 * @throws {ChatError} `message_differs` if the message of the chat is not the assistant's.
 */
function continuedMessage(kept: ChatMessage, sent: ChatMessage): ChatMessage {
  if (kept.role !== 'assistant') throw new ChatError('message_differs')
  const said = new Map(toolPartsOf(sent).map((part) => [part.toolCallId, part]))
  const parts = partsOf(kept).map((part) =>
    isToolPart(part) ? answered(part, said.get(part.toolCallId)) : part,
  )
  return { ...kept, parts } as ChatMessage
}

function answered(call: ToolPart, said: ToolPart | undefined): Part {
  if (!said) return call
  switch (call.state) {
    case 'approval-requested':
      return responded(call, said)
    case 'input-available':
      return call.providerExecuted === true ? call : withResult(call, said)
    case 'approval-responded':
      return call.approval.approved && call.providerExecuted !== true ? withResult(call, said) : call
    default:
      return call
  }
}

function responded(call: Extract<ToolPart, { state: 'approval-requested' }>, { approval }: ToolPart): Part {
  if (approval?.id !== call.approval.id || typeof approval.approved !== 'boolean') return call
  const { approved, reason } = approval
  return {
    ...call,
    state: 'approval-responded',
    approval: { ...call.approval, approved, ...(reason !== undefined && { reason }) },
  }
}

function withResult(call: ToolPart, { state, output, errorText }: ToolPart): Part {
  if (state === 'output-available') return { ...call, state, output } as Part
  if (state === 'output-error') return { ...call, state, errorText } as Part
  return call
}

function partsOf(message: ChatMessage): readonly Part[] {
  return (message as unknown as UIMessage).parts
}

function toolPartsOf(message: ChatMessage): readonly ToolPart[] {
  return partsOf(message).filter(isToolPart)
}

function isToolPart(part: Part): part is ToolPart {
  return 'toolCallId' in part
}
