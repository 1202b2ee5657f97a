/** A stream becomes another one while a reader goes from its log to what is told of it. */
import { expect, it } from 'vitest'
import { Delivery } from '../../src/delivery/delivery.ts'
import type { Offset } from '../../src/protocol/offset.ts'
import type { StreamStore } from '../../src/streams/store.ts'
import type { StreamEvent } from '../../src/streams/watching.ts'
import { append, FakeReader, make, numbered } from './readers.ts'
import { told } from './told-store.ts'

/** A store whose reads of `s` wait until `release` is called. */
function held(store: StreamStore): { store: StreamStore; asked: Promise<void>; release: () => void } {
  const [asked, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const wrapped: StreamStore = Object.assign(Object.create(store) as StreamStore, {
    watch: store.watch.bind(store),
    read: async (...args: Parameters<StreamStore['read']>) => {
      asked.resolve()
      await released.promise
      return store.read(...args)
    },
  })
  return { store: wrapped, asked: asked.promise, release: () => released.resolve() }
}

it('deleted and created anew: who was to read the one is given nothing of the other', async () => {
  const store = await make(numbered(0, 2))
  const { store: slow, asked, release } = held(store)
  const delivery = new Delivery({ store: slow })
  const witness = new FakeReader().follow(delivery, 's', 'now')
  const late = new FakeReader().follow(delivery, 's')
  await asked
  await append(store, numbered(2, 4))
  // They are kept for the one that reads the log yet.
  await witness.until(() => witness.records.length === 2)
  await store.delete('s')
  await store.create('s', { records: ['"another"', '"life"'] })
  release()
  expect(await late.untilOver()).toEqual({ type: 'missing' })
  expect(late.records).toEqual([])
})

/** A log of which each append has its own stamp, as of other stores than that in memory, and a delivery of it. */
async function stamped(tells: readonly string[]) {
  const store = await make()
  const { store: wrapped, tell } = told(store)
  const reads: unknown[] = []
  /** What the log is when it is read: the stamp of each record. */
  let log: readonly string[] = tells
  const read: StreamStore['read'] = async (_, after, { maxRecords = 1000 } = {}) => {
    const position = typeof after === 'object' && 'position' in after ? after.position : 0
    const stamp = typeof after === 'object' && 'stamp' in after ? after.stamp : undefined
    reads.push(position)
    if (position > log.length) return { outcome: 'past-end', tail: placeIn(log, log.length) }
    if (position > 0 && stamp !== log[position - 1]) return { outcome: 'lost' }
    const end = Math.min(log.length, position + maxRecords)
    const records = log.slice(position, end).map((one, index) => `"${one}${position + index}"`)
    const upToDate = end === log.length
    return {
      outcome: 'page',
      records,
      from: placeIn(log, position),
      next: placeIn(log, end),
      upToDate,
      closed: false,
    }
  }
  const delivery = new Delivery({ store: Object.assign(wrapped, { read }) })
  const witness = new FakeReader().follow(delivery, 's', 'now')
  await witness.until(() => witness.opened !== undefined)
  let from = witness.opened as Offset
  const tellNext = (count: number, closed = false): void => {
    for (const end = from.position + count; from.position < end;) {
      const next = placeIn(tells, from.position + 1)
      const records = [`"${tells[from.position]}${from.position}"`]
      const event: StreamEvent = {
        type: 'append',
        from,
        next,
        records,
        closed: closed && next.position === end,
      }
      tell(event)
      from = next
    }
  }
  return { delivery, witness, reads, tellNext, become: (other: readonly string[]) => (log = other) }
}

function placeIn(log: readonly string[], position: number): Offset {
  return { position, stamp: log[position - 1] ?? '0' }
}

it.each([
  ['at the tail', 2],
  ['before it', 3],
  ['at the end of what is closed', 4],
])('in another history, with what it has read %s: that is lost', async (_, told) => {
  const { delivery, witness, tellNext, become } = await stamped(['a', 'b', 'c', 'd', 'e'])
  become(['a', 'x'])
  const late = new FakeReader().follow(delivery, 's')
  tellNext(told, told === 4)
  await late.until(() => late.records.length > 0)
  become(['a', 'x', 'y', 'z', 'z'])
  if (told === 2) tellNext(1)
  expect(await late.untilOver()).toEqual({ type: 'gone', reason: 'lost' })
  expect(late.records.slice(0, 2)).toEqual(['"a0"', '"x1"'])
  expect(late.records.join('')).not.toMatch(/[bcde]/)
  witness.stop()
})

it('is the same all the time: who comes in the middle of what is told reads up to where that is known', async () => {
  const log = ['a', 'b', 'c', 'd', 'e', 'f']
  const { delivery, witness, reads, tellNext, become } = await stamped(log)
  become(log.slice(0, 2))
  tellNext(1)
  await witness.until(() => witness.records.length === 1)
  const late = new FakeReader().follow(delivery, 's')
  await late.until(() => late.records.length === 2)
  become(log)
  tellNext(3)
  await late.until(() => late.records.length === 4)
  tellNext(2, true)
  expect(await late.untilOver()).toMatchObject({ type: 'end', at: { position: 6 } })
  expect(late.records).toEqual(witness.records)
  expect(reads).toEqual([0, 2])
})
