import type { ReactElement } from 'react'
import type { ConnectionState } from './connection.ts'
import { useNow } from './use-now.ts'

/** Says whether the server is there. */
export function ConnectionPill({ state }: { state: ConnectionState }): ReactElement {
  const now = useNow(state.status === 'reconnecting' ? 250 : undefined)
  return (
    <p id="connection" className="pill" data-status={state.status}>
      <span className="dot" aria-hidden="true" />
      {label(state, now)}
    </p>
  )
}

function label(state: ConnectionState, now: number): string {
  switch (state.status) {
    case 'connecting':
      return state.failures === 0 ? 'Connecting' : 'Reconnecting'
    case 'connected':
      return 'Connected'
    case 'reconnecting':
      return `Reconnecting in ${Math.max(1, Math.ceil((state.retryAt - now) / 1000))} s`
    case 'offline':
    case 'closed':
      return 'Offline'
  }
}
