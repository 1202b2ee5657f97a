import type { ReactElement } from 'react'
import type { ConnectionState } from './connection.ts'
import type { Run } from './run.ts'
import { amount, seconds } from './run-text.ts'

interface AnnouncerProps {
  readonly connection: ConnectionState
  readonly run: Run
  /** What the page has to say besides; empty for nothing. */
  readonly notice: string
}

/**
 * Tells a screen reader of the turns a run and the connection take. It says nothing of the text in
 * between, nor of seconds that pass: those are there to be read in the output and the status lines.
 */
export function Announcer({ connection, run, notice }: AnnouncerProps): ReactElement {
  return (
    <div className="hidden" role="status" aria-atomic="false">
      <p>{connectionNews(connection)}</p>
      <p>{runNews(run)}</p>
      <p>{notice}</p>
    </div>
  )
}

function connectionNews(connection: ConnectionState): string {
  switch (connection.status) {
    case 'connected':
      return connection.failures === 0 ? '' : 'Connected again.'
    case 'connecting':
    case 'reconnecting':
      return connection.failures === 0 ? '' : 'Not connected. Trying again.'
    case 'offline':
    case 'closed':
      return 'Offline.'
  }
}

function runNews(run: Run): string {
  switch (run.status) {
    case 'ready':
    case 'sending':
      return ''
    case 'streaming':
      return 'Streaming.'
    case 'stopping':
      return 'Stopping.'
    case 'completed':
      return `Completed: ${amount(run) || 'nothing'} in ${seconds(run.endedAt - run.startedAt, 1)}.`
    case 'stopped':
      return 'Stopped.'
    case 'failed':
      return `Failed. ${run.reason}`
  }
}
