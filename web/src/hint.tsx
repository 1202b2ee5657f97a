import type { ReactElement } from 'react'
import type { ConnectionState } from '../../src/client/index.ts'
import { isActive, type Run } from './run.ts'

interface HintProps {
  readonly connection: ConnectionState
  readonly run: Run
  /** Draws the eye, once, to why nothing was sent. */
  readonly stressed: boolean
}

/** Why a run cannot start now, as a sentence; undefined when it can. */
export function obstacle(run: Run): string | undefined {
  return isActive(run) ? 'An answer is still running.' : undefined
}

/** Below the prompt: how to send, what stands in the way of it, or what a lost connection means. */
export function Hint({ connection, run, stressed }: HintProps): ReactElement {
  const why = stressed ? obstacle(run) : (trouble(connection, run) ?? obstacle(run))
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
        <span className="keys">
          {' '}
          <kbd>Esc</kbd> ends it
        </span>
      )}
    </p>
  )
}

function trouble(connection: ConnectionState, run: Run): string | undefined {
  if (connection !== 'reconnecting') return undefined
  if (run.status === 'sending') return 'No connection yet: this is sent as soon as there is one.'
  return 'The connection is lost, the text is not: what is missing follows once it is back.'
}
