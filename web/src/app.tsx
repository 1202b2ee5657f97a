import { type ReactElement, useEffect, useState } from 'react'
import { Announcer } from './announcer.tsx'
import { Composer } from './composer.tsx'
import { ConnectionPill } from './connection-pill.tsx'
import { Output } from './output.tsx'
import { isActive } from './run.ts'
import type { RunClient } from './run-client.ts'
import { RunLine } from './run-line.tsx'
import { useRun } from './use-run.ts'
import { Wordmark } from './wordmark.tsx'

export function App({ client }: { client: RunClient }): ReactElement {
  const { connection, trouble, wasLost, output, run } = useRun(client)
  const [notice, setNotice] = useState('')
  const active = isActive(run)

  // A region that is given the same text again stays silent; a space at its end makes it news.
  const notify = (text: string) =>
    setNotice((last) => (text !== '' && text === last ? `${text}\u00a0` : text))

  useEffect(() => {
    document.title = active
      ? 'Streaming · Millrace'
      : run.status === 'failed'
        ? 'Failed · Millrace'
        : 'Millrace'
  }, [active, run.status])

  useEffect(() => {
    if (!active) return
    const onKeyDown = (event: KeyboardEvent) => {
      // Escape also closes the window of an input method; then it is not meant for the run.
      if (event.key === 'Escape' && !event.isComposing) client.stop()
    }
    document.addEventListener('keydown', onKeyDown)
    return () => document.removeEventListener('keydown', onKeyDown)
  }, [client, active])

  return (
    <div className="page" data-flowing={run.status === 'streaming' && connection === 'connected'}>
      <header className="head">
        <Wordmark />
        <nav className="pages" aria-label="Pages">
          <a href="./chat">Chat</a>
        </nav>
        <ConnectionPill state={connection} />
      </header>
      <div className="race" aria-hidden="true" />
      <main className="desk">
        <h1 className="hidden">Millrace</h1>
        <Output text={output} run={run} onClear={() => client.clear()} onNotice={notify}>
          <RunLine run={run} />
        </Output>
        <Composer client={client} connection={connection} trouble={trouble} run={run} onNotice={notify} />
      </main>
      <Announcer connection={connection} wasLost={wasLost} run={run} notice={notice} />
    </div>
  )
}
