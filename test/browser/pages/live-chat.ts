/**
 * A page with `useLiveChat` and `useChatList`, in StrictMode, for `live-chat.test.ts`. It keeps what each rendering
 * showed, so that a test can tell whether anything was ever gone, or there twice.
 */
import { type UIMessage, lastAssistantMessageIsCompleteWithApprovalResponses } from 'ai'
import { StrictMode, createElement, useLayoutEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { ChatClient } from '../../../src/client/chat/index.ts'
import { useChatList, useLiveChat } from '../../../src/react/chat/index.ts'

const page = globalThis as unknown as {
  readonly document: { getElementById(id: string): never }
  readonly location: { readonly search: string }
}
const asked = new URLSearchParams(page.location.search)
const client = new ChatClient(asked.has('api') ? { api: asked.get('api') as string } : {})

/** What one rendering showed. */
interface Rendering {
  readonly chat: string
  readonly at: number
  readonly status: string
  readonly messages: readonly (readonly [id: string, text: string])[]
  readonly queue: readonly string[]
}

const renderings: Rendering[] = []
const finished: string[] = []
const toolCalls: string[] = []
Object.assign(page, { renderings, finished, toolCalls, client })

function Chat({ id }: { readonly id: string }) {
  const chat = useLiveChat({
    id,
    client,
    onFinish: ({ message, finishReason }) => void finished.push(`${textOf(message)}: ${finishReason}`),
    onToolCall: ({ toolCall }) => {
      toolCalls.push(toolCall.toolCallId)
      if (toolCall.toolName === 'local')
        void chat.addToolOutput({ tool: 'local', toolCallId: toolCall.toolCallId, output: 'of the page' })
    },
    sendAutomaticallyWhen: ({ messages }) =>
      lastAssistantMessageIsCompleteWithApprovalResponses({ messages }) || isToolDone(messages.at(-1)),
  })
  const { messages, queue, status } = chat
  useLayoutEffect(() => {
    Object.assign(page, { chat })
    renderings.push({
      chat: id,
      at: performance.now(),
      status,
      messages: messages.map((message) => [message.id, textOf(message)]),
      queue: queue.map((item) => item.id),
    })
  })
  const shown = {
    ...chat,
    error: chat.error?.message,
    connectionError: chat.connectionError?.message,
    client: undefined,
    messages: messages.map((message) => ({
      id: message.id,
      role: message.role,
      text: textOf(message),
      tools: message.parts.flatMap((part) => ('toolCallId' in part ? [part.state] : [])),
      branches: chat.branches(message.id),
    })),
    queue: queue.map(({ message, status: how, error }) => ({
      text: textOf(message),
      status: how,
      error: error?.message,
    })),
  }
  return createElement('output', { id: 'chat' }, JSON.stringify(shown))
}

function List() {
  const list = useChatList({ client })
  Object.assign(page, { list })
  return createElement('output', { id: 'list' }, JSON.stringify({ ...list, error: list.error?.message }))
}

function App() {
  const [isMounted, mount] = useState(true)
  const [id, show] = useState(asked.get('chat') ?? 'c1')
  Object.assign(page, { mount, show })
  return createElement(
    StrictMode,
    null,
    isMounted && createElement(Chat, { id }),
    asked.has('list') && createElement(List),
  )
}

function textOf(message: UIMessage | undefined): string {
  return (message?.parts ?? []).map((part) => (part.type === 'text' ? part.text : '')).join('')
}

function isToolDone(message: UIMessage | undefined): boolean {
  const last = message?.parts.at(-1)
  return (
    last !== undefined &&
    'toolCallId' in last &&
    last.type === 'tool-local' &&
    last.state === 'output-available'
  )
}

createRoot(page.document.getElementById('root')).render(createElement(App))
