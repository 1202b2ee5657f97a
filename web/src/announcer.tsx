import type { ReactElement } from 'react'
import type { ConnectionState } from '../../src/client/index.ts'
import { isActive, type Run } from './run.ts'
import { amount, seconds } from './run-text.ts'

interface AnnouncerProps {
  readonly connection: ConnectionState
  /** Whether the connection was lost since it was first made. */
  readonly wasLost: boolean
  readonly run: Run
  /** What the page has to say besides; empty for nothing. */
  readonly notice: string
}

/**
 * Tells a screen reader of the turns a run and the connection take. It says nothing of the text in
 * between, nor of seconds that pass: those are there to be read in the output and the status lines.
 */
export function Announcer({ connection, wasLost, run, notice }: AnnouncerProps): ReactElement {
  return (
    <div className="hidden" role="status" aria-atomic="false">
      <p>{connectionNews(connection, wasLost)}</p>
      <p>{runNews(run)}</p>
      <p>{notice}</p>
    </div>
  )
}

function connectionNews(connection: ConnectionState, wasLost: boolean): string {
  if (connection === 'reconnecting') return 'Connection lost. Reconnecting.'
  return connection === 'connected' && wasLost ? 'Connected again.' : ''
}

function runNews(run: Run): string {
  // Why it could not be stopped, while it goes on.
  if (isActive(run) && run.reason !== '') return run.reason
  switch (run.status) {
    case 'ready':
    case 'loading':
    case 'sending':
      return ''
    case 'streaming':
      return 'Streaming.'
    case 'stopping':
      return 'Stopping.'
    case 'completed':
      return completed(run)
    case 'stopped':
      return 'Stopped.'
    case 'failed':
      return `Failed. ${run.reason}`
    case 'missing':
      return run.reason
  }
}

function completed(run: Run): string {
  const { startedAt, endedAt } = run
  const time = startedAt === undefined ? '' : ` in ${seconds(endedAt - startedAt, 1)}`
  return `Completed: ${amount(run) || 'nothing'}${time}.`
}
