/** What happens before a flush, and while it is under way. */
import { describe, expect, it } from 'vitest'
import { created } from '../streams/created.ts'
import { Delivery } from '../../src/delivery/delivery.ts'
import { silentLogger } from '../../src/logging/logger.ts'
import type { Offset } from '../../src/protocol/offset.ts'
import { append, CountingEncoder, FakeReader, make, numbered } from './readers.ts'
import { told } from './told-store.ts'

describe('what was not flushed yet', () => {
  /** A delivery whose next flush waits: the clock has flushed another stream just now. */
  async function busy(batchSize?: number) {
    const store = await make()
    await store.create('other')
    const delivery = new Delivery({ store, minWindowMs: 20, ...(batchSize && { batchSize }) })
    const reader = new FakeReader().follow(delivery, 's')
    const other = new FakeReader().follow(delivery, 'other')
    await Promise.all([reader, other].map((one) => one.until(() => one.opened !== undefined)))
    await store.append('other', { records: ['0'] })
    await other.until(() => other.records.length === 1)
    other.stop()
    return { store, delivery, reader }
  }

  it('reaches those who wait, also in many batches, and then the end of the stream', async () => {
    const { store, delivery, reader } = await busy(20)
    await append(store, numbered(0, 30))
    const now = new FakeReader().follow(delivery, 's', 'now')
    await now.until(() => now.opened !== undefined)
    expect([now.opened?.position, reader.records]).toEqual([30, []])
    await append(store, numbered(30, 50))
    await store.delete('s')
    expect(await reader.untilOver()).toEqual({ type: 'gone', reason: 'deleted' })
    expect(await now.untilOver()).toEqual({ type: 'gone', reason: 'deleted' })
    expect(reader.records).toEqual(numbered(0, 50))
    expect(now.records).toEqual(numbered(30, 50))
  })

  it('is shared by those who came at the same place in the middle of it', async () => {
    const { store, delivery, reader } = await busy()
    await append(store, numbered(0, 3))
    const encoder = new CountingEncoder()
    const late = [1, 2, 3].map(() => new FakeReader(undefined, encoder).follow(delivery, 's', 'now'))
    await Promise.all(late.map((one) => one.until(() => one.opened !== undefined)))
    await append(store, numbered(3, 5))
    await store.delete('s')
    await Promise.all([reader, ...late].map((one) => one.untilOver()))
    expect(reader.records).toEqual(numbered(0, 5))
    expect(late.map(({ records }) => records)).toEqual(late.map(() => numbered(3, 5)))
    expect(encoder.made).toBe(1)
  })

  it('does not hide that a stream is another one by now', async () => {
    const { store, delivery, reader } = await busy()
    await append(store, numbered(0, 2))
    await store.delete('s')
    const info = await created(store, 's', { records: ['true'], closed: true, end: 'new' })
    const anew = new FakeReader().follow(delivery, 's', 'start', info.incarnation)
    expect([reader.end, delivery.readers('s')]).toEqual([undefined, 1])
    expect(await anew.untilOver()).toMatchObject({ type: 'end', end: 'new' })
    expect(anew.records).toEqual(['true'])
    expect(await reader.untilOver()).toEqual({ type: 'gone', reason: 'deleted' })
    expect(reader.records).toEqual(numbered(0, 2))
    expect(delivery.streams).toBe(0)
  })

  it('is not sent once delivery is closed', async () => {
    const { store, delivery, reader } = await busy()
    await append(store, numbered(0, 2))
    delivery.close()
    expect([reader.end, reader.frames]).toEqual([{ type: 'closing' }, []])
    expect([delivery.held, delivery.streams]).toEqual([0, 0])
  })

  it('may be the close alone, also when the records before were sent long ago', async () => {
    const { store, reader } = await busy()
    await append(store, numbered(0, 3))
    await reader.until(() => reader.records.length === 3)
    await store.append('s', { close: true, end: 'over' })
    expect(await reader.untilOver()).toMatchObject({ type: 'end', at: { position: 3 }, end: 'over' })
    expect(reader.frames).toHaveLength(1)
  })

  it('ends when its store tells of another history', async () => {
    const store = await make()
    const { store: wrapped, tell } = told(store)
    const reader = new FakeReader().follow(new Delivery({ store: wrapped }), 's')
    await reader.until(() => reader.opened !== undefined)
    const from = reader.opened as Offset
    const next = { position: 1, stamp: 'a' }
    tell({ type: 'append', from, next, records: ['1'], closed: false })
    const anew = { position: 1, stamp: 'b' }
    tell({ type: 'append', from: anew, next: { ...anew, position: 2 }, records: ['2'], closed: false })
    expect(await reader.untilOver()).toEqual({ type: 'gone', reason: 'lost' })
    expect(reader.records).toEqual(['1'])
  })

  it('may have been told before: nobody gets it twice', async () => {
    const store = await make()
    const { store: wrapped, tell } = told(store)
    const logger = { ...silentLogger, error: () => {} }
    const reader = new FakeReader().follow(new Delivery({ store: wrapped, logger }), 's')
    await reader.until(() => reader.opened !== undefined)
    const from = reader.opened as Offset
    await append(store, numbered(0, 6), true)
    const at = (position: number): Offset => ({ ...from, position })
    tell({ type: 'append', from, next: at(4), records: numbered(0, 4), closed: false })
    await reader.until(() => reader.records.length === 4)
    tell({ type: 'append', from: at(2), next: at(6), records: numbered(2, 6), closed: true })
    await reader.untilOver()
    expect(reader.records).toEqual(numbered(0, 6))
  })
})

describe('while it is flushed', () => {
  /** Readers of one stream, each of which does something when it is sent its first frame. */
  async function crowd(size: number, act: (all: FakeReader[], index: number) => void) {
    const store = await make()
    const delivery = new Delivery({ store })
    const all: FakeReader[] = []
    for (let index = 0; index < size; index++) {
      const reader: FakeReader = new FakeReader()
      const { push } = reader.frames
      reader.frames.push = (...frames) => {
        const length = push.apply(reader.frames, frames)
        if (length === 1) act(all, index)
        return length
      }
      all.push(reader.follow(delivery, 's'))
    }
    await all[0]!.until(() => all.every(({ opened }) => opened !== undefined))
    return { store, delivery, all }
  }

  it.each([
    ['itself', (index: number) => index],
    ['the next', (index: number) => index + 1],
    ['the one before', (index: number) => index - 1],
    ['the first', () => 0],
    ['the last', () => 8],
  ])('a reader may end %s: all others get everything once', async (_who, victimOf) => {
    const stopped = new Set<number>()
    const { store, all, delivery } = await crowd(9, (readers, index) => {
      const victim = victimOf(index)
      if (index % 3 !== 0 || !readers[victim]) return
      stopped.add(victim)
      readers[victim].stop()
    })
    await append(store, numbered(0, 2))
    // One flush serves all of them.
    await Promise.race(all.map((reader) => reader.until(() => reader.records.length > 0)))
    const left = all.filter((_, index) => !stopped.has(index))
    expect(delivery.readers('s')).toBe(left.length)
    await append(store, numbered(2, 3), true)
    await Promise.all(left.map((reader) => reader.untilOver()))
    for (const reader of left) expect(reader.records).toEqual(numbered(0, 3))
    expect([delivery.streams, delivery.held]).toEqual([0, 0])
  })

  it('a reader may join, or block and go on at once', async () => {
    const joined: FakeReader[] = []
    const { store, delivery, all } = await crowd(5, (readers, index) => {
      if (index === 1) joined.push(new FakeReader().follow(delivery, 's'))
      if (index === 2) readers[index]!.room = 1
      if (index === 3) readers[2]!.drain(10)
    })
    await append(store, numbered(0, 2))
    await all[0]!.until(() => all[0]!.records.length === 2)
    all[2]!.drain(10)
    await append(store, numbered(2, 4), true)
    const everybody = [...all, ...joined]
    await Promise.all(everybody.map((reader) => reader.untilOver()))
    expect(joined).toHaveLength(1)
    for (const reader of everybody) expect(reader.records).toEqual(numbered(0, 4))
    expect([delivery.streams, delivery.held]).toEqual([0, 0])
  })

  it('an encoder that throws ends its readers and no others', async () => {
    const store = await make()
    let errors = 0
    const logger = { ...silentLogger, error: () => void errors++ }
    const delivery = new Delivery({ store, logger })
    const error = new Error('no frame')
    class Broken extends CountingEncoder {
      override encode(): never {
        throw error
      }
    }
    const before = new FakeReader().follow(delivery, 's')
    const broken = new FakeReader(undefined, new Broken()).follow(delivery, 's')
    const after = new FakeReader().follow(delivery, 's')
    await after.until(() => after.opened !== undefined)
    await append(store, numbered(0, 2), true)
    expect(await broken.untilOver()).toEqual({ type: 'failed', error })
    await Promise.all([before.untilOver(), after.untilOver()])
    expect([before.records, after.records, errors]).toEqual([numbered(0, 2), numbered(0, 2), 1])
  })
})
