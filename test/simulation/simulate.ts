/** Plays one plan in a cluster of its own. */
import { Cluster } from './cluster.ts'
import type { Outcome } from './cluster.ts'
import type { Plan } from './plan.ts'
import type { PlantedBug } from './planted-bugs.ts'

export function simulate(plan: Plan, planted?: PlantedBug): Promise<Outcome> {
  return new Cluster(plan, planted).run()
}
