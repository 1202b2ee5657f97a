import type { ReactElement } from 'react'
import { Button } from './button.tsx'
import type { ConnectionState } from './connection.ts'
import { isActive, type Run } from './run.ts'

interface HintProps {
  readonly connection: ConnectionState
  readonly run: Run
  /** Draws the eye, once, to why nothing was sent. */
  readonly stressed: boolean
  readonly onConnect: () => void
}

/** Why a run cannot start now, as a sentence; undefined when it can. */
export function obstacle(connection: ConnectionState, run: Run): string | undefined {
  switch (connection.status) {
    case 'connecting':
      return 'Waiting for the server to answer.'
    case 'reconnecting':
      return 'Not connected to the server.'
    case 'offline':
      return 'This device is offline.'
    case 'closed':
      return 'The connection is closed. Reload the page to open it.'
    case 'connected':
      return isActive(run) ? 'An answer is still running.' : undefined
  }
}

/** Below the prompt: what stands in the way of sending, or how to send. */
export function Hint({ connection, run, stressed, onConnect }: HintProps): ReactElement {
  const why = obstacle(connection, run)
  const waiting = connection.status === 'reconnecting' || connection.status === 'offline'
  return (
    <div className="hint">
      <p id="hint" data-stressed={stressed}>
        {why ?? (
          <>
            <span className="keys">
              <kbd>Enter</kbd> sends, <kbd>Shift</kbd>+<kbd>Enter</kbd> makes a new line
            </span>
            <span className="touch">Sends the prompt, or asks for ten numbers.</span>
          </>
        )}
        {connection.status === 'connected' && isActive(run) && (
          <span className="keys">
            {' '}
            <kbd>Esc</kbd> ends it
          </span>
        )}
      </p>
      {waiting && (
        <Button look="quiet" onPress={onConnect}>
          Connect now
        </Button>
      )}
    </div>
  )
}
