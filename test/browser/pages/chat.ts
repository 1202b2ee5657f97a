/**
 * A page with stock `useChat`, in StrictMode, for test/browser/chat. Its address says over which `transport`, of which
 * `chat`, from which `api`, whether it keeps an idle tab live: by one line over WebSocket (`idle`), or by a `loop`; and
 * whether WebSockets are `blocked` for the transport of our own.
 */
import { WorkflowChatTransport } from '@ai-sdk/workflow/client'
import { useChat } from '@ai-sdk/react'
import { createDurableChatTransport } from '@durable-streams/aisdk-transport'
import {
  type ChatTransport,
  type UIMessage,
  DefaultChatTransport,
  WebSocketChatTransport,
  lastAssistantMessageIsCompleteWithApprovalResponses,
} from 'ai'
import { StrictMode, createElement, useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { MillraceChatTransport } from '../../../src/client/chat/index.ts'
import { checked } from '../../endpoints/chat/checked-transport.ts'
import { replaying } from '../../endpoints/chat/replaying.ts'

const page = globalThis as unknown as {
  readonly document: { getElementById(id: string): never }
  readonly location: { readonly search: string; readonly origin: string }
}
const asked = new URLSearchParams(page.location.search)
const id = asked.get('chat') ?? 'c1'
const path = asked.get('api') ?? '/api/chat'
const api = page.location.origin + path

function transport(): ChatTransport<UIMessage> {
  switch (asked.get('transport')) {
    case 'WebSocketChatTransport':
      return new WebSocketChatTransport({ url: path })
    case 'WorkflowChatTransport':
      return replaying(
        new WorkflowChatTransport({
          api: `${api}/workflow`,
          prepareSendMessagesRequest: ({ id: chat, messages }) => ({ body: { id: chat, messages } }),
        }) as ChatTransport<UIMessage>,
      )
    case 'createDurableChatTransport':
      return replaying(createDurableChatTransport({ api: `${api}/durable` }))
    case 'MillraceChatTransport': {
      const nowhere = (): WebSocket => new WebSocket('ws://127.0.0.1:1')
      return new MillraceChatTransport({ api: path, ...(asked.has('blocked') && { webSocket: nowhere }) })
    }
    default:
      return new DefaultChatTransport({ api })
  }
}

/** What each status was, in order. */
const statuses: string[] = []

function Chat({ messages: initial }: { readonly messages: UIMessage[] }) {
  const [via] = useState(() => checked(transport()))
  const chat = useChat({
    id,
    transport: via,
    messages: initial,
    resume: !asked.has('loop'),
    sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses,
    onFinish: () => {
      // The one line that keeps an idle tab live over WebSocket.
      if (asked.has('idle')) queueMicrotask(() => void chat.resumeStream())
    },
  })
  const { status, error, messages, resumeStream } = chat
  useEffect(() => {
    if (!asked.has('loop')) return
    const component = { isMounted: true }
    const loop = async () => {
      // The loop of docs/ai-sdk.md, for idle tabs over HTTP.
      while (component.isMounted) {
        await resumeStream()
        await new Promise((resolve) => setTimeout(resolve, 1000))
      }
    }
    void loop()
    return () => {
      component.isMounted = false
    }
  }, [resumeStream])
  useEffect(() => {
    if (statuses.at(-1) !== status) statuses.push(status)
    Object.assign(page, { chat })
  })
  return createElement('output', null, JSON.stringify({ status, error: error?.message, statuses, messages }))
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
