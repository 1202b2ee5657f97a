import { describe, it } from 'vitest'
import { reasonToSkip, streamStoreCases } from '../../src/testing/stream-store-cases.ts'
import { memoryHarness } from './harnesses.ts'

describe('the cases of every stream store', () => {
  for (const storeCase of streamStoreCases) {
    const title = `${storeCase.rules.join(', ')}: ${storeCase.name}`
    const reason = reasonToSkip(storeCase, memoryHarness())
    it(title, async (context) => {
      context.skip(reason !== undefined, reason)
      await storeCase.run(memoryHarness())
    })
  }
})
