import type { ReactElement } from 'react'
import type { ConnectionState } from '../../src/client/index.ts'

const LABELS: Record<ConnectionState, string> = {
  // The client holds no connection that nobody needs, and makes one for the next request.
  idle: 'Idle',
  connecting: 'Connecting',
  connected: 'Connected',
  reconnecting: 'Reconnecting',
  closed: 'Closed',
}

/** Says whether the server is there. */
export function ConnectionPill({ state }: { state: ConnectionState }): ReactElement {
  return (
    <p id="connection" className="pill" data-status={state}>
      <span className="dot" aria-hidden="true" />
      {LABELS[state]}
    </p>
  )
}
