import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Batch } from '../../src/delivery/batch.ts'
import { Allowance, RecentRecords } from '../../src/delivery/recent.ts'
import { Span } from '../../src/delivery/batch.ts'
import { START } from '../../src/protocol/offset.ts'
import type { Offset } from '../../src/protocol/offset.ts'

function recentOf(batchSize: number, streamSize = 1_000_000): RecentRecords {
  const limits = { batchSize, streamSize, allowance: new Allowance(10_000_000) }
  return new RecentRecords('s', limits, START)
}

/** The stamp of each record is its position. */
const at = (position: number): Offset => ({ position, stamp: String(position) })

/** Numbers as JSON of so many digits. */
const records = (sizes: readonly number[]): string[] => sizes.map((size) => '1'.repeat(size))

const spanOf = (list: readonly string[], hasText: boolean): Span =>
  Span.of({ records: list, json: hasText ? Buffer.from(list.join(',')) : undefined })

/** What a reader gets that stands at a place. */
function readFrom(recent: RecentRecords, position: number): Batch[] {
  const batches: Batch[] = []
  for (let at = position; at < recent.sealed;) {
    const batch = recent.from(at)
    if (!batch) throw new Error(`nothing is kept from ${at} on`)
    batches.push(batch)
    at = batch.next.position
  }
  return batches
}

describe('recent records', () => {
  it('come whole from every place, in batches of at most twice their size unless one record is larger', () => {
    const add = fc.record({
      sizes: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 30 }),
      hasText: fc.boolean(),
      seals: fc.boolean(),
    })
    fc.assert(
      fc.property(
        fc.array(add, { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 80 }),
        (adds, size) => {
          const recent = recentOf(size)
          const all: string[] = []
          for (const [index, { sizes, hasText, seals }] of adds.entries()) {
            const list = records(sizes)
            if (index === adds.length - 1) recent.close('the end')
            all.push(...list)
            recent.add(spanOf(list, hasText), at(all.length))
            expect(recent.tail).toEqual(at(all.length))
            if (seals) recent.seal()
          }
          recent.seal()
          const largest = Math.max(...all.map(({ length }) => length))
          for (let position = 0; position < all.length; position++) {
            const batches = readFrom(recent, position)
            expect(batches.flatMap((batch) => batch.records)).toEqual(all.slice(position))
            for (const batch of batches)
              expect(batch.size).toBeLessThanOrEqual(Math.max(2 * size, size + largest))
            expect(batches.map(({ reach }) => reach === 'closed').lastIndexOf(false)).toBe(batches.length - 2)
            for (const { reach, end } of batches) expect(end).toBe(reach === 'closed' ? 'the end' : undefined)
          }
        },
      ),
      { numRuns: 200 },
    )
  })

  it('that come in one large piece are parted between records, and only the last part is the end', () => {
    const recent = recentOf(10)
    recent.close(undefined)
    recent.add(spanOf(records([4, 4, 4, 30, 4, 4]), true), at(6))
    expect(readFrom(recent, 0).map((batch) => [batch.records.length, batch.reach])).toEqual([
      [3, 'more'],
      [1, 'more'],
    ])
    recent.seal()
    expect(readFrom(recent, 4).map((batch) => [batch.records.length, batch.reach])).toEqual([[2, 'closed']])
  })

  it('are cheap to put together, however many small batches there are', () => {
    const recent = recentOf(1_000_000)
    for (let n = 0; n < 20_000; n++) {
      recent.add(spanOf(['1'], true), at(n + 1))
      recent.seal()
    }
    const batch = recent.from(0)
    expect([batch?.next.position, batch?.span.text?.length]).toEqual([20_000, 39_999])
    expect(recent.from(0)).toBe(batch)
  })

  it('say with the last batch what the stream is closed with, when that comes alone', () => {
    const recent = recentOf(100)
    recent.add(spanOf(['1', '2'], true), at(2))
    recent.seal()
    recent.add(spanOf(['3'], true), at(3))
    recent.close({ status: 'completed' })
    expect(recent.take()).toBeUndefined()
    const [batch] = readFrom(recent, 1)
    expect([batch?.reach, batch?.end]).toEqual(['closed', { status: 'completed' }])
    const rest = batch?.after(2)
    expect([rest?.reach, rest?.end]).toEqual(['closed', { status: 'completed' }])
  })
})
