/** Whatever readers do, each gets every record after its place once, in order. */
import fc from 'fast-check'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { Delivery } from '../../src/delivery/delivery.ts'
import { memoryStreams } from '../../src/streams/memory.ts'
import { FakeReader, numbered } from './readers.ts'

type Step =
  | { readonly do: 'append'; readonly count: number }
  | { readonly do: 'join'; readonly place: 'start' | 'now' | number; readonly room: number }
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
  while (reader.end === undefined) {
    reader.drain(1)
    await reader.until(() => reader.room <= 0 || reader.end !== undefined)
  }
}

it('holds for random appends, joins, stalls and leaves', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), sizes, async (steps, options) => {
      const store = memoryStreams()
      const created = await store.create('s')
      const { incarnation } = created.info.tail
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
            typeof one.place === 'number'
              ? { incarnation, position: Math.floor(one.place * count) }
              : one.place
          readers.push({ reader: new FakeReader(one.room).follow(delivery, 's', place), left: false })
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
        if (!left) expect([reader.end, at]).toMatchObject([{ type: 'end', at: { position: count } }, count])
      }
      expect([delivery.held, delivery.streams]).toEqual([0, 0])
    }),
    { numRuns: 300 },
  )
}, 30_000)
