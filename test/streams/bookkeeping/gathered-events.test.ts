import fc from 'fast-check'
import { expect, it } from 'vitest'
import { GatheredEvents } from '../../../src/streams/bookkeeping/gathered-events.ts'
import { StreamInbox } from '../../../src/streams/watching.ts'
import type { StreamRecord } from '../../../src/streams/stream.ts'
import type { StreamEvent } from '../../../src/streams/watching.ts'

type Append = Extract<StreamEvent, { type: 'append' }>

const at = (position: number) => ({ position, stamp: String(position) })

function append(from: number, records: readonly StreamRecord[], closed = false): Append {
  return { type: 'append', from: at(from), next: at(from + records.length), records, closed }
}

function gathering(): { inbox: StreamInbox; events: GatheredEvents; calls: () => number } {
  let calls = 0
  const inbox = new StreamInbox(() => void calls++)
  return { inbox, events: new GatheredEvents(inbox), calls: () => calls }
}

it('gives an event that is alone as it came', () => {
  const { inbox, events } = gathering()
  const event = append(0, ['0', '1'])
  events.add(event)
  expect(inbox.take()).toBe(event)
  expect(inbox.take()).toBeUndefined()
})

it('leaves the records of the events it gathers as they are: others are told of them too', () => {
  const { inbox, events } = gathering()
  const first = append(0, Object.freeze(['0']))
  events.add(first)
  events.add(append(1, Object.freeze(['1'])))
  expect(inbox.take()).toEqual(append(0, ['0', '1']))
  expect(first.records).toEqual(['0'])
})

it('gives the close with the records before it, or alone', () => {
  const { inbox, events } = gathering()
  events.add(append(0, ['0']))
  events.add(append(1, [], true))
  expect(inbox.take()).toEqual(append(0, ['0'], true))
  const other = gathering()
  other.events.add(append(1, [], true))
  expect(other.inbox.take()).toEqual(append(1, [], true))
})

it('gives that the stream is gone after all that came before', () => {
  const { inbox, events, calls } = gathering()
  events.add(append(0, [Uint8Array.of(1)]))
  events.add({ type: 'gone', reason: 'lost' })
  expect(inbox.take()).toEqual(append(0, [Uint8Array.of(1)]))
  expect(inbox.take()).toEqual({ type: 'gone', reason: 'lost' })
  expect([inbox.take(), inbox.take(), calls()]).toEqual([undefined, undefined, 1])
})

it('calls for that the stream is gone, when all else was taken', () => {
  const { inbox, events, calls } = gathering()
  events.add(append(0, ['0']))
  while (inbox.take());
  events.add({ type: 'gone', reason: 'deleted' })
  expect([calls(), inbox.take()]).toEqual([2, { type: 'gone', reason: 'deleted' }])
})

it('gathers more records than fit on a stack', () => {
  const { inbox, events } = gathering()
  const many = Array.from({ length: 300_000 }, (_, n) => String(n))
  events.add(append(0, ['first']))
  events.add(append(1, many))
  expect(inbox.take()).toMatchObject({ next: at(300_001), records: { length: 300_001 } })
})

it('gives the log once and in order, whenever its owner takes, and calls for what comes after', () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ add: fc.integer({ min: 1, max: 4 }) }) },
    fc.constant({ take: 'one' as const }),
    fc.constant({ take: 'all' as const }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { inbox, events, calls } = gathering()
      const taken: StreamRecord[] = []
      const take = (): boolean => {
        const event = inbox.take()
        if (event?.type !== 'append') return false
        expect(event.from.position).toBe(taken.length)
        taken.push(...event.records)
        expect(event.next.position).toBe(taken.length)
        return true
      }
      let added = 0
      let due = 0
      let isCalled = false
      for (const one of steps) {
        if ('add' in one) {
          events.add(append(added, numbered(added, added + one.add)))
          added += one.add
          if (!isCalled) due++
          isCalled = true
        } else if (one.take === 'one') isCalled = take() && isCalled
        else {
          while (take());
          isCalled = false
        }
        expect(calls()).toBe(due)
      }
      while (take());
      expect(taken).toEqual(numbered(0, added))
    }),
  )
})

function numbered(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, n) => String(from + n))
}
