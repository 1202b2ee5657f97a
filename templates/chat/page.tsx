import './no-eval.ts'
import type { UIMessage } from 'ai'
import { useLiveChat } from 'millrace/ai-sdk/react'
import { type SyntheticEvent, useLayoutEffect, useRef, useState } from 'react'
import { createRoot } from 'react-dom/client'
import './page.css'

// The address names the chat: a reload, or another tab, finds it there.
location.hash ||= crypto.randomUUID()
addEventListener('hashchange', () => location.reload())

function Chat({ id }: { id: string }) {
  const chat = useLiveChat({ id })
  const { messages, queue, error, connection, isLoading, isAnswering } = chat
  const end = useEndInView(messages)

  return (
    <main>
      <header>
        <h1>Chat</h1>
        {connection === 'reconnecting' && <p>Reconnecting</p>}
        <a href={`#${crypto.randomUUID()}`}>New chat</a>
      </header>

      <ol aria-busy={isLoading}>
        {messages.map((message) => (
          <li key={message.id} className={message.role}>
            <b className="hidden">{message.role === 'user' ? 'You' : 'Assistant'}</b>
            {textOf(message)}
          </li>
        ))}
        {isAnswering && messages.at(-1)?.role === 'user' && <li className="assistant">…</li>}
        {queue.map(({ id: waiting, message }) => (
          <li key={waiting} className="user waiting">
            {textOf(message)} <button onClick={() => void chat.takeBack(waiting)}>Take back</button>
          </li>
        ))}
      </ol>

      {messages.length === 0 && !isLoading && (
        <p className="hint">Ask something, and reload the page while the answer is being written.</p>
      )}
      <output className="hidden">{isAnswering && 'The answer is being written.'}</output>
      {error && (
        <p role="alert">
          {error.message} <button onClick={() => void chat.regenerate()}>Try again</button>
        </p>
      )}
      <Composer send={(text) => void chat.sendMessage({ text })} stop={isAnswering ? chat.stop : undefined} />
      <div ref={end} />
    </main>
  )
}

function Composer({
  send,
  stop,
}: {
  send: (text: string) => void
  stop?: (() => Promise<unknown>) | undefined
}) {
  const [text, setText] = useState('')
  const submit = (event: SyntheticEvent) => {
    event.preventDefault()
    if (text.trim() === '') return
    send(text)
    setText('')
  }
  return (
    <form onSubmit={submit}>
      <textarea
        value={text}
        onChange={({ target }) => setText(target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing) submit(event)
        }}
        aria-label="Message"
        placeholder="Ask something"
        rows={1}
      />
      {stop && (
        <button type="button" onClick={() => void stop()}>
          Stop
        </button>
      )}
      <button className="send">Send</button>
    </form>
  )
}

/** Keeps the end in view while something is being written, unless the reader has scrolled up. */
function useEndInView(messages: readonly UIMessage[]) {
  const end = useRef<HTMLDivElement>(null)
  const isAtEnd = useRef(true)
  useLayoutEffect(() => {
    const note = () => {
      const { scrollHeight, scrollTop, clientHeight } = document.documentElement
      isAtEnd.current = scrollHeight - scrollTop - clientHeight < 40
    }
    addEventListener('scroll', note, { passive: true })
    return () => removeEventListener('scroll', note)
  }, [])
  useLayoutEffect(() => {
    if (isAtEnd.current) end.current?.scrollIntoView({ block: 'end' })
  }, [messages])
  return end
}

/** What a message says. Reasoning, tools, sources and files are parts of it, too: show those that you use. */
function textOf(message: UIMessage | undefined): string {
  return (message?.parts ?? []).map((part) => (part.type === 'text' ? part.text : '')).join('')
}

createRoot(document.querySelector('#page') as HTMLElement).render(<Chat id={location.hash.slice(1)} />)
