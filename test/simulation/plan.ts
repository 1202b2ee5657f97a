/** What happens in a simulation, drawn from its seed before it begins. */
import { Chance } from '../chaos/chance.ts'
import type { Act } from './deed.ts'
import { Draft } from './draft.ts'
import type { FaultRates } from './faults.ts'
import type { Hazard } from './hazards.ts'
import { ALL_HAZARDS } from './hazards.ts'
import type { Temper } from './providers.ts'

export interface Plan {
  readonly seed: number
  readonly processes: number
  readonly leaseTtl: number
  readonly shutdownGrace: number
  /** Seconds for which a run is kept that nobody touches; undefined for longer than a simulation lasts. */
  readonly retention: number | undefined
  readonly rates: FaultRates
  /** Of each process, which kinds it knows. */
  readonly tempers: readonly (readonly Temper[])[]
  /** Whether the application keeps the messages of chats in a database of its own. */
  readonly keepsMessages: boolean
  /** Whether deliveries have little room. */
  readonly isSmall: boolean
  readonly merges: boolean
  /** Whether kinds are told of the ends of their runs. */
  readonly tells: boolean
  /** A kind that only the processes of the beginning know. */
  readonly forgotten: Temper | undefined
  readonly acts: readonly Act[]
  readonly hazards: readonly Hazard[]
}

/** They take as long as many simulations: few of the seeds that draw one have it. */
const HEAVY: ReadonlySet<Hazard> = new Set(['foreign leases', 'many laggards'])
const HEAVY_PART = 0.15

export function planOf(seed: number, allowed: readonly Hazard[] = ALL_HAZARDS): Plan {
  const chance = new Chance(seed, 'plan')
  // Each seed has a few of them only, so that the fault of one does not stand for that of another.
  const drawn = chance.shuffled(allowed).slice(0, chance.between(0, 3))
  const hazards = drawn.filter((hazard) => !HEAVY.has(hazard) || chance.next() < HEAVY_PART)
  const draft = new Draft(seed, hazards)
  return draft.plan()
}

/** A plan with one hazard for certain, for what is known of it. */
export function planWith(seed: number, hazard: Hazard): Plan {
  return new Draft(seed, [hazard]).plan()
}
