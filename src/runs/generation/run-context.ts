/** Makes the context that a provider is called with. */
import type { Json } from '../../protocol/json.ts'
import type { RunContext } from '../../providers/provider.ts'
import type { Intake } from '../log/intake.ts'
import type { UpstreamPlace } from './upstream-place.ts'

export interface ContextOf {
  readonly runId: string
  readonly signal: AbortSignal
  /** Undefined to begin at the start. */
  readonly resumeFrom: Json | undefined
  /** Belong to this attempt, which may still be ending when the next one has begun. */
  readonly intake: Intake
  readonly place: UpstreamPlace
  readonly onAlive: () => void
}

export function contextOf({ runId, signal, resumeFrom, intake, place, onAlive }: ContextOf): RunContext {
  return {
    signal,
    runId,
    ...(resumeFrom !== undefined && { resumeFrom }),
    checkpoint: (value) => {
      intake.keep(value)
      place.move(value)
    },
    alive: () => (signal.aborted ? undefined : onAlive()),
  }
}
