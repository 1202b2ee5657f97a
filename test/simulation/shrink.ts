/** Makes a plan that fails as small as it can be, so that what it fails for can be read. */
import type { Invariant } from './history.ts'
import type { Act } from './deed.ts'
import type { Plan } from './plan.ts'
import type { FaultRates } from './faults.ts'
import type { PlantedBug } from './planted-bugs.ts'
import { simulate } from './simulate.ts'

/** Simulations that shrinking one plan may take. */
const MOST_TRIES = 200

export async function shrink(plan: Plan, invariant: Invariant, planted?: PlantedBug): Promise<Plan> {
  let smallest = plan
  let tries = 0
  const fails = async (candidate: Plan): Promise<boolean> => {
    if (tries++ >= MOST_TRIES) return false
    const { violation } = await simulate(candidate, planted)
    if (violation?.invariant !== invariant) return false
    smallest = candidate
    return true
  }
  // Halves first, then quarters, down to single acts.
  for (let size = Math.ceil(plan.acts.length / 2); size >= 1; size = size > 1 ? Math.ceil(size / 2) : 0) {
    for (let at = 0; at < smallest.acts.length;) {
      const acts = without(smallest.acts, at, size)
      if (!(await fails({ ...smallest, acts }))) at += size
    }
  }
  for (const name of Object.keys(smallest.rates) as (keyof FaultRates)[]) {
    if (smallest.rates[name] > 0) await fails({ ...smallest, rates: { ...smallest.rates, [name]: 0 } })
  }
  while (smallest.processes > 1 && (await fails({ ...smallest, processes: smallest.processes - 1 })));
  return smallest
}

function without(acts: readonly Act[], at: number, count: number): readonly Act[] {
  return [...acts.slice(0, at), ...acts.slice(at + count)]
}
