/** A page with stock `useChat`, in StrictMode, for `chat.test.ts`: its address says over which transport, and of which chat. */
import { WorkflowChatTransport } from '@ai-sdk/workflow/client'
import { useChat } from '@ai-sdk/react'
import { createDurableChatTransport } from '@durable-streams/aisdk-transport'
import { type ChatTransport, type UIMessage, DefaultChatTransport, WebSocketChatTransport } from 'ai'
import { StrictMode, createElement, useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'

const page = globalThis as unknown as {
  readonly document: { getElementById(id: string): never }
  readonly location: { readonly search: string; readonly origin: string }
}
const asked = new URLSearchParams(page.location.search)
const id = asked.get('chat') ?? 'c1'
const api = `${page.location.origin}/api/chat`

function transport(): ChatTransport<UIMessage> {
  switch (asked.get('transport')) {
    case 'WebSocketChatTransport':
      return new WebSocketChatTransport({ url: '/api/chat' })
    case 'WorkflowChatTransport':
      return new WorkflowChatTransport({
        api: `${api}/workflow`,
        prepareSendMessagesRequest: ({ id: chat, messages }) => ({ body: { id: chat, messages } }),
      }) as ChatTransport<UIMessage>
    case 'createDurableChatTransport':
      return createDurableChatTransport({ api: `${api}/durable` })
    default:
      return new DefaultChatTransport({ api })
  }
}

/** What each status was, in order. */
const statuses: string[] = []

function Chat({ messages: initial }: { readonly messages: UIMessage[] }) {
  const [via] = useState(transport)
  const chat = useChat({
    id,
    transport: via,
    messages: initial,
    resume: true,
    onFinish: () => {
      // The one line that keeps an idle tab live over WebSocket.
      if (asked.has('idle')) queueMicrotask(() => void chat.resumeStream())
    },
  })
  const { status, error, messages } = chat
  useEffect(() => {
    if (statuses.at(-1) !== status) statuses.push(status)
    Object.assign(page, { chat })
  })
  const shown = {
    status,
    error: error?.message,
    statuses,
    messages: messages.map((message) => ({
      id: message.id,
      role: message.role,
      text: message.parts.map((part) => (part.type === 'text' ? part.text : '')).join(''),
    })),
  }
  return createElement('output', null, JSON.stringify(shown))
}

function App({ messages }: { readonly messages: UIMessage[] }) {
  const [isMounted, mount] = useState(true)
  Object.assign(page, { mount })
  return createElement(StrictMode, null, isMounted && createElement(Chat, { messages }))
}

const history = await fetch(`/history/${encodeURIComponent(id)}`)
createRoot(page.document.getElementById('root')).render(
  createElement(App, { messages: (await history.json()) as UIMessage[] }),
)
