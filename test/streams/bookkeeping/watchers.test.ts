import { describe, expect, it } from 'vitest'
import { silentLogger } from '../../../src/logging/logger.ts'
import { StreamInbox } from '../../../src/streams/watching.ts'
import type { StreamEvent } from '../../../src/streams/watching.ts'
import { Watchers } from '../../../src/streams/bookkeeping/watchers.ts'

const at = (position: number) => ({ position, stamp: String(position) })

/** Tells of the record at a position. */
function append(watchers: Watchers, from: number, stream: Parameters<Watchers['tell']>[0] = 'stream'): void {
  watchers.tell(stream, [`${from}`], at(from + 1), false)
}

/** What a listener was told: the positions at which events began, or that the stream is gone. */
function recorder(): { told: (number | 'gone')[]; listener: (event: StreamEvent) => void } {
  const told: (number | 'gone')[] = []
  return { told, listener: (event) => void told.push(event.type === 'gone' ? 'gone' : event.from.position) }
}

it('tells in the order events came, also of one that a listener causes', () => {
  const watchers = new Watchers(silentLogger)
  const late = recorder()
  watchers.add('stream', 'incarnation', at(0), false, (event) => {
    if (event.type === 'append' && event.from.position === 0) append(watchers, 1)
  })
  watchers.add('stream', 'incarnation', at(0), false, late.listener)
  append(watchers, 0)
  expect(late.told).toEqual([0, 1])
})

it('tells who begins to watch inside a listener of what comes after, and not of what waits', () => {
  const watchers = new Watchers(silentLogger)
  const inside = recorder()
  let begun = false
  watchers.add('stream', 'incarnation', at(0), false, () => {
    if (begun) return
    begun = true
    append(watchers, 1)
    watchers.add('stream', 'incarnation', at(2), false, inside.listener)
  })
  append(watchers, 0)
  expect(inside.told).toEqual([])
  append(watchers, 2)
  expect(inside.told).toEqual([2])
})

it('tells nothing to who stopped, not even of an event that is being told', () => {
  const watchers = new Watchers(silentLogger)
  const other = recorder()
  watchers.add('stream', 'incarnation', at(0), false, () => stop())
  const stop = watchers.add('stream', 'incarnation', at(0), false, other.listener)
  append(watchers, 0)
  expect(other.told).toEqual([])
})

it('goes on after a listener that throws', () => {
  let errors = 0
  const watchers = new Watchers({ ...silentLogger, error: () => void errors++ })
  const other = recorder()
  watchers.add('stream', 'incarnation', at(0), false, () => {
    throw new Error('no')
  })
  watchers.add('stream', 'incarnation', at(0), false, other.listener)
  append(watchers, 0)
  append(watchers, 1)
  expect([other.told, errors]).toEqual([[0, 1], 2])
})

it('takes what get gave in place of the id, and tells nobody by it once nobody watches', () => {
  const watchers = new Watchers(silentLogger)
  const first = recorder()
  const stop = watchers.add('stream', 'incarnation', at(0), false, first.listener)
  const kept = watchers.get('stream')
  if (!kept) throw new Error('the stream is watched')
  append(watchers, 0, kept)
  expect([first.told, kept.told]).toEqual([[0], 1])
  stop()
  expect(watchers.get('stream')).toBeUndefined()
  append(watchers, 1, kept)
  expect(first.told).toEqual([0])
})

it('forgets a stream that is gone', () => {
  const watchers = new Watchers(silentLogger)
  const watcher = recorder()
  watchers.add('stream', 'incarnation', at(0), false, watcher.listener)
  watchers.tellGone('stream', 'deleted')
  append(watchers, 0)
  expect([watcher.told, watchers.size]).toEqual([['gone'], 0])
})

it('begins each event where the one before ended, and tells who joins that the stream was closed', () => {
  const watchers = new Watchers(silentLogger)
  const events: StreamEvent[] = []
  watchers.add('stream', 'incarnation', at(3), false, (event) => void events.push(event))
  watchers.tell('stream', ['3', '4'], at(5), false)
  watchers.tell('stream', [], at(5), true)
  expect(events).toEqual([
    { type: 'append', from: at(3), next: at(5), records: ['3', '4'], closed: false },
    { type: 'append', from: at(5), next: at(5), records: [], closed: true },
  ])
  expect(watchers.get('stream')).toMatchObject({ told: 5, closed: true })
})

describe('an inbox', () => {
  /** Watches with an inbox; `calls` counts how often it was called. */
  function inboxOf(watchers: Watchers, position = 0) {
    const inbox = new StreamInbox(() => void watched.calls++)
    const stop = watchers.add('stream', 'incarnation', at(position), false, inbox)
    const watched = { inbox, stop, calls: 0 }
    return watched
  }

  function takeAll(inbox: StreamInbox): StreamEvent[] {
    const events: StreamEvent[] = []
    for (let event = inbox.take(); event; event = inbox.take()) events.push(event)
    return events
  }

  it('gathers in order, as one event, and is called once until all was taken', () => {
    const watchers = new Watchers(silentLogger)
    const watched = inboxOf(watchers)
    for (let n = 0; n < 3; n++) append(watchers, n)
    expect(watched.calls).toBe(1)
    expect(takeAll(watched.inbox)).toEqual([
      { type: 'append', from: at(0), next: at(3), records: ['0', '1', '2'], closed: false },
    ])
    append(watchers, 3)
    expect(watched.calls).toBe(2)
    expect(takeAll(watched.inbox)).toMatchObject([{ from: at(3), next: at(4), records: ['3'] }])
  })

  it('gives that the stream is gone last, after what was not taken', () => {
    const watchers = new Watchers(silentLogger)
    const watched = inboxOf(watchers)
    append(watchers, 0)
    watchers.tell('stream', ['1'], at(2), true)
    watchers.tellGone('stream', 'expired')
    expect([watched.calls, watchers.size]).toEqual([1, 0])
    expect(takeAll(watched.inbox)).toEqual([
      { type: 'append', from: at(0), next: at(2), records: ['0', '1'], closed: true },
      { type: 'gone', reason: 'expired' },
    ])
  })

  it('gives nothing and is not called after stop, though events wait', () => {
    const watchers = new Watchers(silentLogger)
    const watched = inboxOf(watchers)
    const other = inboxOf(watchers)
    append(watchers, 0)
    watched.stop()
    append(watchers, 1)
    watched.stop()
    watchers.tellGone('stream', 'deleted')
    expect([takeAll(watched.inbox), watched.calls]).toEqual([[], 1])
    expect(takeAll(other.inbox)).toHaveLength(2)
  })

  it('gives nothing once everybody was forgotten', () => {
    const watchers = new Watchers(silentLogger)
    const watched = inboxOf(watchers)
    append(watchers, 0)
    watchers.clear()
    append(watchers, 1)
    expect([takeAll(watched.inbox), watched.calls]).toEqual([[], 1])
  })

  it('keeps a stream watched until it stops, as a listener does', () => {
    const watchers = new Watchers(silentLogger)
    const listener = recorder()
    const watched = inboxOf(watchers)
    const stop = watchers.add('stream', 'incarnation', at(0), false, listener.listener)
    stop()
    expect(watchers.size).toBe(1)
    append(watchers, 0)
    expect([listener.told, takeAll(watched.inbox).length]).toEqual([[], 1])
    watched.stop()
    expect(watchers.size).toBe(0)
  })

  it('is not disordered by a listener that appends from within its event', () => {
    const watchers = new Watchers(silentLogger)
    const first = inboxOf(watchers)
    watchers.add('stream', 'incarnation', at(0), false, (event) => {
      if (event.type === 'append' && event.next.position < 4) append(watchers, event.next.position)
    })
    const second = inboxOf(watchers)
    append(watchers, 0)
    for (const { inbox } of [first, second]) {
      expect(takeAll(inbox)).toMatchObject([{ from: at(0), next: at(4), records: ['0', '1', '2', '3'] }])
    }
  })

  it('disorders nobody when its owner appends as soon as it is called', () => {
    const watchers = new Watchers(silentLogger)
    const taken: StreamEvent[] = []
    const eager = new StreamInbox(() => {
      taken.push(...takeAll(eager))
      if (taken.length < 3) append(watchers, taken.length)
    })
    watchers.add('stream', 'incarnation', at(0), false, eager)
    const watched = inboxOf(watchers)
    const listener = recorder()
    watchers.add('stream', 'incarnation', at(0), false, listener.listener)
    append(watchers, 0)
    expect(taken.flatMap((event) => (event.type === 'append' ? event.records : []))).toEqual(['0', '1', '2'])
    expect(takeAll(watched.inbox)).toMatchObject([{ from: at(0), next: at(3), records: ['0', '1', '2'] }])
    expect(listener.told).toEqual([0, 1, 2])
  })

  it('begins inside a listener with what comes after, and not with what waits', () => {
    const watchers = new Watchers(silentLogger)
    let inside: ReturnType<typeof inboxOf> | undefined
    watchers.add('stream', 'incarnation', at(0), false, () => {
      if (inside) return
      append(watchers, 1)
      inside = inboxOf(watchers, 2)
    })
    append(watchers, 0)
    append(watchers, 2)
    expect(inside && takeAll(inside.inbox)).toMatchObject([{ from: at(2), next: at(3), records: ['2'] }])
  })
})
