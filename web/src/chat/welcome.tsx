import type { ReactElement } from 'react'
import type { LiveChatView } from '../../../src/react/chat/index.ts'
import type { ModelInfo } from './use-model.ts'

interface WelcomeProps {
  readonly chat: LiveChatView
  /** Whether nothing has to be loaded. */
  readonly isNew: boolean
  readonly model: ModelInfo | null | undefined
  readonly onSend: (text: string) => void
}

const SUGGESTIONS = [
  'What is a millrace?',
  'Write a binary search in TypeScript',
  'Compare SQLite and Redis in a table',
  'Plan a weekend in Lisbon',
]

/** An empty chat: what answers here, and a few questions to begin with. */
export function Welcome({ chat, isNew, model, onSend }: WelcomeProps): ReactElement | null {
  if (chat.isLoading && !isNew) return <Loading chat={chat} />
  // A moment later it would move everything.
  if (model === undefined) return null
  return (
    <div className="welcome">
      <h2>What would you like to know?</h2>
      {model && <Answers model={model} />}
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

function Loading({ chat: { connection, connectionError } }: { readonly chat: LiveChatView }): ReactElement {
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

/** What answers, and how to have a model where none is set. */
function Answers({ model }: { readonly model: ModelInfo }): ReactElement {
  if (model.name === null) {
    return (
      <div className="note">
        <p>
          <strong>No model is set, so a script answers.</strong> Start the server with{' '}
          <code>OPENAI_API_KEY</code> set for a model of OpenAI, with <code>OPENAI_BASE_URL</code> and{' '}
          <code>OPENAI_MODEL</code> for any service that speaks the Responses API, or with{' '}
          <code>--model anthropic/claude-haiku-5-5</code> for others.
        </p>
      </div>
    )
  }
  return (
    <p className="answers">
      <bdi>{model.name}</bdi> answers. Reload, close the tab, lose the network: the answer goes on.
      {!model.canResume && ' If the server itself dies, it ends with what there is.'}
    </p>
  )
}
