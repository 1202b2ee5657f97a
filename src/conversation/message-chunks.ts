/** The chunks that make a message out of nothing: what a page is given that begins in the middle of it. */
import type { UIMessage, UIMessageChunk } from 'ai'

type Part = UIMessage['parts'][number]
type ToolPart = Extract<Part, { readonly toolCallId: string }>

/** All but a `finish`. Runs no tool of the page that has its result. */
export function messageChunks({ id, metadata, parts }: UIMessage): UIMessageChunk[] {
  const start = { type: 'start', messageId: id, ...(metadata !== undefined && { messageMetadata: metadata }) }
  return [start as UIMessageChunk, ...parts.flatMap((part, index) => partChunks(part, `part-${index}`))]
}

function partChunks(part: Part, name: string): UIMessageChunk[] {
  if ('toolCallId' in part) return toolChunks(part)
  switch (part.type) {
    case 'text':
    case 'reasoning': {
      const { type, text, providerMetadata } = part
      const id = ('id' in part ? part.id : undefined) ?? name
      const more = providerMetadata !== undefined && { providerMetadata }
      return [
        { type: `${type}-start`, id, ...more },
        { type: `${type}-delta`, id, delta: text },
        {
          type: `${type}-end`,
          id,
          ...('citations' in part && part.citations && { citations: part.citations }),
        },
      ] as UIMessageChunk[]
    }
    case 'step-start':
      return [{ type: 'start-step' }]
    default:
      // Sources, files and data are said as they are kept.
      return [part]
  }
}

/** What is kept of a call, by names that its parts and its chunks share. */
function toolChunks(part: ToolPart): UIMessageChunk[] {
  const { toolCallId, state, providerExecuted, title, toolMetadata, callProviderMetadata, approval } = part
  const isDynamic = part.type === 'dynamic-tool'
  const toolName = isDynamic ? part.toolName : part.type.slice('tool-'.length)
  const call = {
    toolCallId,
    toolName,
    ...(isDynamic && { dynamic: true }),
    ...(providerExecuted !== undefined && { providerExecuted }),
    ...(title !== undefined && { title }),
    ...(toolMetadata !== undefined && { toolMetadata }),
    ...(callProviderMetadata !== undefined && { providerMetadata: callProviderMetadata }),
  }
  const { input, rawInput, output, errorText, preliminary, resultProviderMetadata } = part as {
    readonly [
      name in 'input' | 'rawInput' | 'output' | 'errorText' | 'preliminary' | 'resultProviderMetadata'
    ]?: unknown
  }
  const result = {
    toolCallId,
    ...(providerExecuted !== undefined && { providerExecuted }),
    ...(resultProviderMetadata !== undefined && { providerMetadata: resultProviderMetadata }),
  }
  const said: object[] = []
  // `tool-input-available` would have the page run its tool.
  if (state === 'input-available') said.push({ type: 'tool-input-available', ...call, input })
  else {
    said.push({ type: 'tool-input-start', ...call })
    const text = typeof rawInput === 'string' ? rawInput : JSON.stringify(input)
    if (text !== undefined) said.push({ type: 'tool-input-delta', toolCallId, inputTextDelta: text })
  }
  if (approval) {
    const {
      id: approvalId,
      approved,
      reason,
      requestReason,
      descriptor,
      ...more
    } = approval as {
      readonly id: string
      readonly approved?: boolean
      readonly [name: string]: unknown
    }
    const request = { ...(descriptor !== undefined && { approvalDescriptor: descriptor }), ...more }
    said.push({ type: 'tool-approval-request', approvalId, toolCallId, reason: requestReason, ...request })
    if (approved !== undefined) said.push({ type: 'tool-approval-response', approvalId, approved, reason })
  }
  if (state === 'output-available')
    said.push({
      type: 'tool-output-available',
      ...result,
      output,
      ...(preliminary !== undefined && { preliminary }),
    })
  if (state === 'output-error') said.push({ type: 'tool-output-error', ...result, errorText })
  if (state === 'output-denied') said.push({ type: 'tool-output-denied', toolCallId })
  return said as UIMessageChunk[]
}
