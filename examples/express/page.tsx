import { useChat } from '@ai-sdk/react'
import { DefaultChatTransport, type UIMessage } from 'ai'
import { type ReactNode, useState } from 'react'
import { createRoot } from 'react-dom/client'

// The address names the chat: a reload, or another tab, finds it there.
location.hash ||= crypto.randomUUID()
const id = location.hash.slice(1)
const kept = (await (await fetch(`/history/${encodeURIComponent(id)}`)).json()) as UIMessage[]
const transport = new DefaultChatTransport({ api: '/api/chat' })

function Chat(): ReactNode {
  const { messages, sendMessage, status, error } = useChat({ id, messages: kept, resume: true, transport })
  const [text, setText] = useState('')
  const isBusy = status === 'submitted' || status === 'streaming'
  const stop = (): void => void fetch(`/api/chat/${encodeURIComponent(id)}/stop`, { method: 'POST' })
  return (
    <>
      {messages.map(({ id: key, role, parts }) => (
        <p key={key} className={role}>
          <b>{role === 'user' ? 'You' : 'Model'}: </b>
          {parts.map((part) => (part.type === 'text' ? part.text : '')).join('')}
        </p>
      ))}
      {error && <p role="alert">{error.message}</p>}
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (text.trim() === '' || isBusy) return
          void sendMessage({ text })
          setText('')
        }}
      >
        <input value={text} onChange={({ target }) => setText(target.value)} aria-label="Message" />{' '}
        {isBusy ? (
          <button type="button" onClick={stop}>
            Stop
          </button>
        ) : (
          <button>Send</button>
        )}
      </form>
    </>
  )
}

createRoot(document.body.appendChild(document.createElement('main'))).render(<Chat />)
addEventListener('hashchange', () => location.reload())
