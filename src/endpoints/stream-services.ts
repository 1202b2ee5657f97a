/** What the endpoints of streams are made of; the application puts it together. */
import type { Delivery } from '../delivery/delivery.ts'
import type { Logger } from '../logging/logger.ts'
import type { RunEnd } from '../protocol/run-end.ts'
import type { LatestRun } from '../protocol/stream-frames.ts'
import type { StreamStore } from '../streams/store.ts'
import type { StartGate } from './start-gate.ts'
import type { OwnerOf } from './owner-of.ts'

/** What an endpoint needs of the runs: `Runs` fits. */
export interface RunControl {
  /**
   * Resolves when the run has ended; rejects with a `RunError` for what is no run, and where another one has
   * taken the id since its stream had this incarnation.
   */
  stop(id: string, options?: { readonly incarnation?: string }): Promise<RunEnd>
  /** The run of an owner's chat that was started last. Without it no client can ask for that. */
  latest?(chat: string, owner?: string): Promise<LatestRun | undefined>
}

export interface StreamServices {
  readonly store: StreamStore
  readonly delivery: Delivery
  /** Without it nothing is stopped here. */
  readonly runs?: RunControl
  /** Default: a user that is a text or a number, or the `id` of one that is an object. */
  readonly ownerOf?: OwnerOf
  /** What may be started here; endpoints that share it share their limits. Default: one with the defaults. */
  readonly gate?: StartGate
  /** Hears of requests that failed inside, and of users whom `ownerOf` does not know. Default: as for a store. */
  readonly logger?: Logger
}
