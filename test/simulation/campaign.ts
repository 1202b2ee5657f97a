/** Many simulations, one after the other. */
import { createHash } from 'node:crypto'
import { Coverage } from './coverage.ts'
import type { ExpectedFailure } from './expected-failures.ts'
import { BORNE_HAZARDS, SEEDS_FOR_EXPECTED } from './expected-failures.ts'
import type { Hazard } from './hazards.ts'
import type { Violation } from './history.ts'
import type { Plan } from './plan.ts'
import { planOf, planWith } from './plan.ts'
import { PLANTED_BUGS } from './planted-bugs.ts'
import type { PlantedBug } from './planted-bugs.ts'
import { simulate } from './simulate.ts'

export interface Found extends Violation {
  readonly seed: number
}

export interface Campaign {
  readonly seeds: number
  readonly seconds: number
  readonly coverage: Coverage
  /** The first failure; with it the campaign ended. */
  readonly found: Found | undefined
}

export interface CampaignOptions {
  readonly from: number
  readonly seeds: number
  readonly hazards?: readonly Hazard[]
  readonly planted?: PlantedBug | undefined
}

/** Plays seed after seed until one fails. */
export async function search({ from, seeds, hazards, planted }: CampaignOptions): Promise<Campaign> {
  const coverage = new Coverage()
  const since = performance.now()
  let found: Found | undefined
  let count = 0
  for (; count < seeds && !found; count++) {
    const seed = from + count
    const outcome = await simulate(planFor(seed, hazards, planted), planted)
    coverage.join(outcome.coverage)
    if (outcome.violation) found = { seed, ...outcome.violation }
  }
  return { seeds: count, seconds: (performance.now() - since) / 1000, coverage, found }
}

/** The plan that a search plays for a seed: one hazard alone is there for certain. */
export function planFor(
  seed: number,
  hazards: readonly Hazard[] = BORNE_HAZARDS,
  planted?: PlantedBug,
): Plan {
  // It can be seen only where the store loses something.
  if (planted === 'offset-reused') return planWith(seed, 'lost tail')
  if (planted?.startsWith('chat-')) return planWith(seed, 'busy chat')
  const [first, ...more] = hazards
  return first && more.length === 0 ? planWith(seed, first) : planOf(seed, hazards)
}

/** Looks for each planted bug, within so many seeds. */
export async function searchPlanted(seeds: number): Promise<ReadonlyMap<PlantedBug, Campaign>> {
  const results = new Map<PlantedBug, Campaign>()
  for (const planted of Object.keys(PLANTED_BUGS) as PlantedBug[])
    results.set(planted, await search({ from: 1, seeds, planted }))
  return results
}

/** The first that a failure which is expected shows. */
export async function retry({ hazard }: ExpectedFailure): Promise<Found | undefined> {
  const { found } = await search({ from: 1, seeds: SEEDS_FOR_EXPECTED, hazards: [hazard] })
  return found
}

/** One text for all that happened in a simulation. */
export async function fingerprint(seed: number): Promise<string> {
  const { trace } = await simulate(planOf(seed))
  return createHash('sha256').update(trace.join('\n')).digest('hex')
}
