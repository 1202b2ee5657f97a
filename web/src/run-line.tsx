import type { ReactElement } from 'react'
import { isActive, type Run, type RunStatus } from './run.ts'
import { amount, seconds } from './run-text.ts'
import { useNow } from './use-now.ts'

const LABELS: Record<RunStatus, string> = {
  ready: 'Ready',
  loading: 'Loading',
  sending: 'Sending',
  streaming: 'Streaming',
  stopping: 'Stopping',
  completed: 'Completed',
  stopped: 'Stopped',
  failed: 'Failed',
  missing: 'Not found',
}

/** After this many milliseconds without a word the reader is told how long the silence lasts. */
const QUIET_AFTER = 10_000

/** Says how the run is doing, how long it has taken and how much it has brought. */
export function RunLine({ run }: { run: Run }): ReactElement {
  const active = isActive(run)
  const now = useNow(active ? 500 : undefined)
  return (
    <div id="run" className="run" data-status={run.status}>
      <p className="run-facts">
        <span className="dot" aria-hidden="true" />
        <strong>{LABELS[run.status]}</strong>
        {facts(run, now).map((fact) => (
          <span className="fact" key={fact}>
            {fact}
          </span>
        ))}
      </p>
      {run.reason !== '' && <p className="reason">{run.reason}</p>}
    </div>
  )
}

function facts(run: Run, now: number): string[] {
  const { startedAt, endedAt } = run
  const active = isActive(run)
  const found: string[] = []
  if (startedAt !== undefined)
    found.push(active ? seconds(now - startedAt, 0) : seconds(endedAt - startedAt, 1))
  const received = amount(run)
  if (received !== '') found.push(received)
  const silence = now - run.heardAt
  if (active && silence > QUIET_AFTER) found.push(`silent for ${seconds(silence, 0)}`)
  return found
}
