/** A page that asks as soon as it is shown, in StrictMode, for `strict-mode.test.ts`. */
import { StrictMode, createElement, useEffect } from 'react'
import { createRoot } from 'react-dom/client'
import { connect } from 'millrace/client'
import { useStream } from 'millrace/react'

const page = globalThis as unknown as {
  readonly document: { getElementById(id: string): never }
  readonly location: { readonly hash: string }
}

/** The server's run, as `typeof app` would say it. */
interface App {
  readonly '~runs'?: {
    readonly answer: { readonly '~types'?: { readonly input: string; readonly record: string } }
  }
}

const { answer } = connect<App>('/').runs

/** As docs/client.md shows it. */
function Reply({ id, question }: { readonly id: string; readonly question: string }) {
  const { text, records, status, start } = useStream(answer, id)
  const ask = (): void => void start(question, { id }).catch(() => {})
  useEffect(ask, [id, question, start])
  return createElement(
    'section',
    null,
    createElement('output', null, JSON.stringify({ text, count: records.length, status })),
    createElement('button', { type: 'button', onClick: ask }, 'ask'),
  )
}

createRoot(page.document.getElementById('root')).render(
  createElement(
    StrictMode,
    null,
    createElement(Reply, { id: 'reply', question: page.location.hash.slice(1) }),
  ),
)
