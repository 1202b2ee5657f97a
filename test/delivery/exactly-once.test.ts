/** Whatever readers do, each gets every record after its place once, in order. */
import fc from 'fast-check'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { Delivery } from '../../src/delivery/delivery.ts'
import { memory } from '../../src/streams/memory/store.ts'
import { FakeReader, numbered } from './readers.ts'

type Step =
  | { readonly do: 'append'; readonly count: number }
  | {
      readonly do: 'join'
      readonly place: 'start' | 'now' | number
      readonly room: number
      readonly stopsAfter: number
    }
  | { readonly do: 'drain'; readonly who: number; readonly room: number }
  | { readonly do: 'leave'; readonly who: number }
  | { readonly do: 'turn' }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('append' as const), count: fc.integer({ min: 1, max: 40 }) }),
  fc.record({
    do: fc.constant('join' as const),
    place: fc.oneof(
      fc.constantFrom('start' as const, 'now' as const),
      fc.double({ min: 0, max: 1, noNaN: true }),
    ),
    room: fc.integer({ min: 1, max: 4 }),
    stopsAfter: fc.constantFrom(1, 2, 3, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY),
  }),
  fc.record({ do: fc.constant('drain' as const), who: fc.nat(20), room: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ do: fc.constant('leave' as const), who: fc.nat(20) }),
  fc.record({ do: fc.constant('turn' as const) }),
)

const sizes = fc.record({
  batchSize: fc.integer({ min: 1, max: 200 }),
  pageSize: fc.integer({ min: 1, max: 300 }),
  recentSize: fc.integer({ min: 1, max: 400 }),
  totalRecentSize: fc.integer({ min: 1, max: 400 }),
  keptPagesSize: fc.integer({ min: 0, max: 600 }),
})

/** Reads on, frame by frame, to the end. */
async function readOut(reader: FakeReader): Promise<void> {
  while (reader.end === undefined && !hasStopped(reader)) {
    reader.drain(1)
    await reader.until(() => reader.room <= 0 || reader.end !== undefined)
  }
}

function hasStopped({ frames, stopsAfter }: FakeReader): boolean {
  return frames.length >= stopsAfter
}

it('holds for random appends, joins, stalls and leaves', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), sizes, async (steps, options) => {
      const store = memory()
      await store.create('s')
      const delivery = new Delivery({ store, ...options, minWindowMs: 0, maxWindowMs: 0 })
      const readers: { readonly reader: FakeReader; left: boolean }[] = []
      let count = 0
      for (const one of steps) {
        const target = 'who' in one ? readers[one.who % Math.max(1, readers.length)] : undefined
        if (one.do === 'append') {
          await store.append('s', { records: numbered(count, count + one.count) })
          count += one.count
        } else if (one.do === 'join') {
          const place =
            typeof one.place === 'number' ? { position: Math.floor(one.place * count) } : one.place
          const reader = new FakeReader(one.room)
          reader.stopsAfter = one.stopsAfter
          readers.push({ reader: reader.follow(delivery, 's', place), left: false })
        } else if (one.do === 'drain') target?.reader.drain(one.room)
        else if (one.do === 'leave' && target) {
          target.left = true
          target.reader.stop()
        } else await turn()
      }
      await store.append('s', { close: true })
      for (const { reader, left } of readers) {
        if (!left) await readOut(reader)
        const begin = reader.opened?.position ?? 0
        expect(reader.records).toEqual(numbered(begin, begin + reader.records.length))
        let at = begin
        for (const frame of reader.frames) {
          expect([frame.from, frame.next]).toEqual([at, at + frame.records.length])
          at = frame.next
        }
        if (hasStopped(reader)) expect(reader.frames).toHaveLength(reader.stopsAfter)
        else if (!left)
          expect([reader.end, at]).toMatchObject([{ type: 'end', at: { position: count } }, count])
      }
      expect([delivery.held, delivery.streams]).toEqual([0, 0])
    }),
    { numRuns: 600 },
  )
}, 30_000)
