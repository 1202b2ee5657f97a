/**
 * What the core does not bear yet: for each hazard the promise that is the first to break, in seeds from 1.
 *
 * Fresh seeds leave these hazards out. A test holds the list to be exact: one that does not fail any more fails it.
 *
 * To turn one around, once the core is mended:
 *
 * 1. `npm run simulate -- --from 1 --seeds 1000 --hazard 'NAME'` finds nothing. What it still finds is yours to mend.
 * 2. Take its line out here. From then on every fresh seed may hold that hazard.
 * 3. `npm run simulate -- --seeds 3000`, as it now meets other hazards; then `npx vitest run test/simulation`.
 *
 * Where the hazard breaks another promise now, its line says that one. Where the mend changes what is right
 * (`checker.ts`), or how the world does its worst (`deeds.ts`, `faulty-store.ts`), change that in the same commit, and
 * see that `npm run simulate -- --planted all` still finds every bug.
 */
import type { Hazard } from './hazards.ts'
import { ALL_HAZARDS } from './hazards.ts'
import type { Invariant } from './history.ts'

export interface ExpectedFailure {
  readonly hazard: Hazard
  readonly invariant: Invariant
}

/** Seeds within which one shows. */
export const SEEDS_FOR_EXPECTED = 100

export const EXPECTED_FAILURES: readonly ExpectedFailure[] = []

/** What fresh seeds may hold. */
export const BORNE_HAZARDS: readonly Hazard[] = ALL_HAZARDS.filter((hazard) =>
  EXPECTED_FAILURES.every((failure) => failure.hazard !== hazard),
)
