/** What the endpoints of streams need; the application assembles it. */
import type { Delivery } from '../delivery/delivery.ts'
import type { Logger } from '../logging/logger.ts'
import type { RunEnd } from '../protocol/run-end.ts'
import type { LatestRun } from '../protocol/stream-frames.ts'
import type { StreamStore } from '../streams/store.ts'
import type { StartGate } from './start-gate.ts'
import type { OwnerOf } from './owner-of.ts'

/** What an endpoint needs of runs: `Runs` implements it. */
export interface RunControl {
  /**
   * Resolves when the run has ended. Rejects with a `RunError` if there is no such run, or another run has taken the
   * id since this incarnation.
   */
  stop(id: string, options?: { readonly incarnation?: string }): Promise<RunEnd>
  /** The run of an owner's chat that was started last. Without it, clients cannot ask for that. */
  latest?(chat: string, owner?: string): Promise<LatestRun | undefined>
}

export interface StreamServices {
  readonly store: StreamStore
  readonly delivery: Delivery
  /** Without it, nothing can be stopped here. */
  readonly runs?: RunControl
  /** Default: a user that is a string or a number, or the `id` of a user that is an object. */
  readonly ownerOf?: OwnerOf
  /**
   * Limits what may be started here. Endpoints that share a gate share its limits. Default: a gate with default
   * limits.
   */
  readonly gate?: StartGate
  /** Logs requests that failed internally, and users whom `ownerOf` does not know. Default: as for a store. */
  readonly logger?: Logger
}
