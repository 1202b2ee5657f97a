/** What a run found out, as it is kept: `bench/results/*.json`, and the page is made of it. */
import type { Values } from '../harness/load.ts'
import type { Environment } from './environment.ts'

export interface Results {
  readonly environment: Environment
  /** ISO 8601. */
  readonly startedAt: string
  /** Seconds that the whole run took. */
  readonly took: number
  /** Seconds of each measurement. */
  readonly seconds: number
  readonly quick: boolean
  readonly measurements: readonly Measurement[]
}

/** One variant under one load. */
export interface Measurement {
  readonly group: string
  readonly load: string
  readonly variant: string
  readonly outcome: Values | { readonly notMeasured: string }
}

export function isMeasured(outcome: Measurement['outcome']): outcome is Values {
  return !('notMeasured' in outcome)
}
