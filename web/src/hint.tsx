import type { ReactElement } from 'react'
import type { ConnectionState } from '../../src/client/index.ts'
import { isActive, type Run } from './run.ts'

interface HintProps {
  readonly connection: ConnectionState
  /** Why there is no connection, as a sentence; empty where nobody knows. */
  readonly trouble: string
  readonly run: Run
  /** Draws the eye, once, to why nothing was sent. */
  readonly stressed: boolean
}

/** Why a run cannot start now, as a sentence; undefined when it can. */
export function obstacle(run: Run): string | undefined {
  return isActive(run) ? 'An answer is still running.' : undefined
}

/** Below the prompt: how to send, what stands in the way of it, or what a lost connection means. */
export function Hint({ connection, trouble, run, stressed }: HintProps): ReactElement {
  const lost = connection === 'reconnecting' ? consequence(trouble, run) : undefined
  const why = stressed ? obstacle(run) : (lost ?? obstacle(run))
  return (
    <p id="hint" className="hint" data-stressed={stressed}>
      {why ?? (
        <>
          <span className="keys">
            <kbd>Enter</kbd> sends, <kbd>Shift</kbd>+<kbd>Enter</kbd> makes a new line
          </span>
          <span className="touch">Sends the prompt, or asks for ten numbers.</span>
        </>
      )}
      {isActive(run) && (
        <>
          {' '}
          <span className="keys">
            <kbd>Esc</kbd> ends it
          </span>
        </>
      )}
    </p>
  )
}

/** Why there is no connection, and what that means for the run. */
function consequence(trouble: string, run: Run): string {
  if (run.status === 'sending')
    return `${trouble || 'No connection yet.'} This is sent as soon as there is a connection.`
  const why = trouble || 'The connection is lost.'
  if (run.id === '') return `${why} Trying again.`
  return `${why} Nothing is lost: the rest follows once it is back.`
}
