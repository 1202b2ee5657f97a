'use client'

import { useChat } from '@ai-sdk/react'
import type { UIMessage } from 'ai'
import { type ReactNode, useState } from 'react'

export function Chat({
  id,
  messages: kept,
}: {
  readonly id: string
  readonly messages: UIMessage[]
}): ReactNode {
  const { messages, sendMessage, status, error, clearError, resumeStream } = useChat({
    id,
    messages: kept,
    resume: true,
  })
  const [text, setText] = useState('')
  const isBusy = status === 'submitted' || status === 'streaming'

  return (
    <main>
      {messages.map(({ id: key, role, parts }) => (
        <p key={key} className={role}>
          {parts.map((part) => (part.type === 'text' ? part.text : '')).join('')}
        </p>
      ))}
      {error && (
        <p role="alert">
          {error.message}{' '}
          <button
            onClick={() => {
              clearError()
              void resumeStream()
            }}
          >
            Look again
          </button>
        </p>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (text.trim() === '' || isBusy) return
          void sendMessage({ text })
          setText('')
        }}
      >
        <input value={text} onChange={({ target }) => setText(target.value)} aria-label="Message" />
        {isBusy ? (
          // The stock stop() only leaves. This ends the answer, and its cost, for every tab.
          <button type="button" onClick={() => void fetch(`/api/chat/${id}/stop`, { method: 'POST' })}>
            Stop
          </button>
        ) : (
          <button>Send</button>
        )}
      </form>
    </main>
  )
}
