import { expect, it } from 'vitest'
import { agedBy, MOST_SPANS, withAppended } from '../../../src/streams/bookkeeping/retention.ts'
import type { AgeSpan } from '../../../src/streams/bookkeeping/retention.ts'

/** A record a second, from the second 1 on, under an age of 16 s. */
function spansAfter(records: number): readonly AgeSpan[] {
  let spans: readonly AgeSpan[] = []
  for (let n = 0; n < records; n++) spans = withAppended(spans, n, 1000 * (n + 1), 16_000)
  return spans
}

it('spans stay few, however long nobody has swept', () => {
  for (const records of [63, 64, 65, 500, 10_000]) {
    expect(spansAfter(records).length).toBeLessThanOrEqual(MOST_SPANS)
  }
})

it('what became one span is kept for the time of its latest records', () => {
  for (const records of [20, 64, 65, 500, 10_000]) {
    const spans = spansAfter(records)
    for (let seconds = 1; seconds < records + 40; seconds += Math.ceil(records / 50)) {
      const { before = 0 } = agedBy(spans, records, 1000 * seconds, 16_000)
      // The record of the second s has the position s - 1, and is 16 s old at s + 16.
      expect(before).toBeLessThanOrEqual(Math.max(0, Math.min(records, seconds - 16)))
    }
    expect(agedBy(spans, records, 1000 * (records + 40), 16_000).before).toBe(records)
  }
})
