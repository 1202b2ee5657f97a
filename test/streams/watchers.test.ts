import { expect, it } from 'vitest'
import { silentLogger } from '../../src/logging/logger.ts'
import type { StreamEvent } from '../../src/streams/store.ts'
import { Watchers } from '../../src/streams/watchers.ts'

const at = (position: number) => ({ incarnation: 'incarnation', position })

function append(from: number): StreamEvent {
  return { type: 'append', from: at(from), next: at(from + 1), records: [`${from}`], closed: false }
}

/** What a listener was told: the positions at which events began, or that the stream is gone. */
function recorder(): { told: (number | 'gone')[]; listener: (event: StreamEvent) => void } {
  const told: (number | 'gone')[] = []
  return { told, listener: (event) => void told.push(event.type === 'gone' ? 'gone' : event.from.position) }
}

it('tells in the order events came, also of one that a listener causes', () => {
  const watchers = new Watchers(silentLogger)
  const late = recorder()
  watchers.add('stream', at(0), false, (event) => {
    if (event.type === 'append' && event.from.position === 0) watchers.tell('stream', append(1))
  })
  watchers.add('stream', at(0), false, late.listener)
  watchers.tell('stream', append(0))
  expect(late.told).toEqual([0, 1])
})

it('tells who begins to watch inside a listener of what comes after, and not of what waits', () => {
  const watchers = new Watchers(silentLogger)
  const inside = recorder()
  let begun = false
  watchers.add('stream', at(0), false, () => {
    if (begun) return
    begun = true
    watchers.tell('stream', append(1))
    watchers.add('stream', at(2), false, inside.listener)
  })
  watchers.tell('stream', append(0))
  expect(inside.told).toEqual([])
  watchers.tell('stream', append(2))
  expect(inside.told).toEqual([2])
})

it('tells nothing to who stopped, not even of an event that is being told', () => {
  const watchers = new Watchers(silentLogger)
  const other = recorder()
  watchers.add('stream', at(0), false, () => stop())
  const stop = watchers.add('stream', at(0), false, other.listener)
  watchers.tell('stream', append(0))
  expect(other.told).toEqual([])
})

it('goes on after a listener that throws', () => {
  let errors = 0
  const watchers = new Watchers({ ...silentLogger, error: () => void errors++ })
  const other = recorder()
  watchers.add('stream', at(0), false, () => {
    throw new Error('no')
  })
  watchers.add('stream', at(0), false, other.listener)
  watchers.tell('stream', append(0))
  watchers.tell('stream', append(1))
  expect([other.told, errors]).toEqual([[0, 1], 2])
})

it('takes what get gave in place of the id, and tells nobody by it once nobody watches', () => {
  const watchers = new Watchers(silentLogger)
  const first = recorder()
  const stop = watchers.add('stream', at(0), false, first.listener)
  const kept = watchers.get('stream')
  if (!kept) throw new Error('the stream is watched')
  watchers.tell(kept, append(0))
  expect([first.told, kept.told]).toEqual([[0], 1])
  stop()
  expect(watchers.get('stream')).toBeUndefined()
  watchers.tell(kept, append(1))
  expect(first.told).toEqual([0])
})

it('forgets a stream that is gone', () => {
  const watchers = new Watchers(silentLogger)
  const watcher = recorder()
  watchers.add('stream', at(0), false, watcher.listener)
  watchers.tell('stream', { type: 'gone', reason: 'deleted' })
  watchers.tell('stream', append(0))
  expect([watcher.told, watchers.size]).toEqual([['gone'], 0])
})
