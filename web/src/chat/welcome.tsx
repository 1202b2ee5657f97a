import type { ReactElement } from 'react'
import type { ChatData } from './chat-data.ts'

interface WelcomeProps {
  readonly chat: ChatData
  readonly model: string | undefined
  readonly onSend: (text: string) => void
}

const SUGGESTIONS = [
  'What is a millrace?',
  'Write a binary search in TypeScript',
  'Compare SQLite and Redis in a table',
  'Plan a weekend in Lisbon',
]

/** An empty chat: what answers here, and a few questions to begin with. */
export function Welcome({ chat, model, onSend }: WelcomeProps): ReactElement {
  if (chat.isLoading) return <Loading chat={chat} />
  return (
    <div className="welcome">
      <h2>What would you like to know?</h2>
      {model === undefined ? (
        <div className="note">
          <p>
            <strong>No model is set, so a script answers.</strong> Start the server with{' '}
            <code>OPENAI_API_KEY</code> set for a model of OpenAI, or with <code>OPENAI_BASE_URL</code> and{' '}
            <code>OPENAI_MODEL</code> for any service that speaks the Responses API.
          </p>
        </div>
      ) : (
        <p className="answers">
          <bdi>{model}</bdi> answers. Reload, close the tab, lose the network: the answer goes on.
        </p>
      )}
      <ul className="suggestions">
        {SUGGESTIONS.map((text) => (
          <li key={text}>
            <button type="button" onClick={() => onSend(text)}>
              {text}
            </button>
          </li>
        ))}
      </ul>
    </div>
  )
}

function Loading({ chat: { connection, connectionError } }: { readonly chat: ChatData }): ReactElement {
  const isLost = connection === 'reconnecting' || connectionError !== undefined
  if (!isLost) return <p className="loading">Loading the chat.</p>
  return (
    <div className="note error">
      <p>
        <strong>The server cannot be reached.</strong> The chat appears as soon as there is a connection.
      </p>
    </div>
  )
}
