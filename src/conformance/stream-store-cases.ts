/**
 * The cases every stream store must pass, for any test runner:
 *
 *     const harness = { make: (options) => memory(options), cannot: { peers: 'it is one process' } }
 *     for (const storeCase of streamStoreCases) {
 *       const reason = reasonToSkipStoreCase(storeCase, harness)
 *       test(storeCase.name, { skip: reason }, () => storeCase.run(harness))
 *     }
 *
 * They check the rules of docs/streams.md, and each names the rules that it checks.
 */
import { appendingCases } from './stream-store/appending.ts'
import { conditionalCases } from './stream-store/conditional.ts'
import { creationCases } from './stream-store/creation.ts'
import { endingCases } from './stream-store/ending.ts'
import { streamExpiryCases } from './stream-store/expiry.ts'
import { fencingCases } from './stream-store/fencing.ts'
import { forgettingCases } from './stream-store/forgetting.ts'
import type { StreamStoreCase } from './stream-store/harness.ts'
import { forkingCases } from './stream-store/forking.ts'
import { inboxCases } from './stream-store/inboxes.ts'
import { latestCases } from './stream-store/latest.ts'
import { leasingCases } from './stream-store/leasing.ts'
import { streamLifetimeCases } from './stream-store/lifetime.ts'
import { listingCases } from './stream-store/listings.ts'
import { owingCases } from './stream-store/owing.ts'
import { producingCases } from './stream-store/producing.ts'
import { readingCases } from './stream-store/reading.ts'
import { retainingCases } from './stream-store/retaining.ts'
import { retiringCases } from './stream-store/retiring.ts'
import { trimmingCases } from './stream-store/trimming.ts'
import { watchingCases } from './stream-store/watching.ts'

export {
  type StreamStoreAbility,
  type StreamStoreCase,
  type StreamStoreHarness,
  reasonToSkipStoreCase,
} from './stream-store/harness.ts'

export const streamStoreCases: readonly StreamStoreCase[] = [
  ...creationCases,
  ...appendingCases,
  ...producingCases,
  ...conditionalCases,
  ...readingCases,
  ...watchingCases,
  ...streamExpiryCases,
  ...leasingCases,
  ...fencingCases,
  ...listingCases,
  ...streamLifetimeCases,
  ...inboxCases,
  ...endingCases,
  ...owingCases,
  ...forkingCases,
  ...retiringCases,
  ...trimmingCases,
  ...retainingCases,
  ...latestCases,
  ...forgettingCases,
]
