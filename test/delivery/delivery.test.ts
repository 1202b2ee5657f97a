import { describe, expect, it } from 'vitest'
import { Delivery } from '../../src/delivery/delivery.ts'
import { silentLogger } from '../../src/logging/logger.ts'
import { StoreError } from '../../src/streams/errors.ts'
import { START } from '../../src/protocol/offset.ts'
import type { Place } from '../../src/protocol/offset.ts'
import { memory } from '../../src/streams/memory/store.ts'
import type { StreamStore } from '../../src/streams/store.ts'
import type { StreamInfo } from '../../src/streams/stream.ts'
import type { WatchListener } from '../../src/streams/watching.ts'
import { append, CountingEncoder, FakeReader, make, numbered } from './readers.ts'
import { teller, told } from './told-store.ts'

describe('a reader', () => {
  it('gets the past, what comes, and the end', async () => {
    const store = await make(numbered(0, 3))
    const reader = new FakeReader().follow(new Delivery({ store }), 's')
    await reader.until(() => reader.records.length === 3)
    await store.append('s', { records: numbered(3, 5), close: true, end: { status: 'completed' } })
    const end = await reader.untilOver()
    expect(reader.records).toEqual(numbered(0, 5))
    expect(end).toMatchObject({ type: 'end', at: { position: 5 }, end: { status: 'completed' } })
  })

  it('begins where it says, and says where it begins', async () => {
    const store = await make(numbered(0, 4))
    const delivery = new Delivery({ store })
    const { tail } = (await store.head('s')) as StreamInfo
    const middle = new FakeReader().follow(delivery, 's', { ...tail, position: 2 })
    const now = new FakeReader().follow(delivery, 's', 'now')
    await now.until(() => now.opened !== undefined)
    await append(store, numbered(4, 6), true)
    await Promise.all([middle.untilOver(), now.untilOver()])
    expect([middle.opened, now.opened]).toEqual([{ ...tail, position: 2 }, tail])
    expect([middle.records, now.records]).toEqual([numbered(2, 6), numbered(4, 6)])
  })

  it('is told that a stream without a record is closed, and with nothing', async () => {
    const store = await make([], true)
    const reader = new FakeReader().follow(new Delivery({ store }), 's')
    expect(await reader.untilOver()).toMatchObject({ type: 'end', end: undefined })
    expect(reader.frames).toEqual([])
  })

  it('is told the end also when it has all records already', async () => {
    const store = await make(numbered(0, 3))
    await store.append('s', { close: true, end: 0 })
    const reader = new FakeReader().follow(new Delivery({ store }), 's', 'now')
    expect(await reader.untilOver()).toMatchObject({ type: 'end', at: { position: 3 }, end: 0 })
    expect(reader.frames).toEqual([])
  })

  it.each(['missing', 'missing by incarnation'])('is told that a stream is %s', async (how) => {
    const store = how === 'missing' ? memory() : await make()
    const reader = new FakeReader().follow(new Delivery({ store }), 's', 'start', 'anotherlife')
    expect(await reader.untilOver()).toEqual({ type: 'missing' })
  })

  it('is refused an offset of another history and one past the tail', async () => {
    const store = await make(numbered(0, 1))
    const delivery = new Delivery({ store })
    const { tail } = (await store.head('s')) as StreamInfo
    const foreign = new FakeReader().follow(delivery, 's', { position: 1, stamp: 'anotherlife' })
    const past = new FakeReader().follow(delivery, 's', { ...tail, position: 2 })
    expect(await foreign.untilOver()).toEqual({ type: 'refused', reason: 'lost' })
    expect(await past.untilOver()).toEqual({ type: 'refused', reason: 'past-end' })
    expect(delivery.readers('s')).toBe(0)
  })

  it('is refused at once for what cannot be an offset', async () => {
    const store = await make(numbered(0, 3))
    const delivery = new Delivery({ store })
    const { tail } = (await store.head('s')) as StreamInfo
    for (const position of [-1, 0.5]) {
      const follow = (): FakeReader => new FakeReader().follow(delivery, 's', { ...tail, position })
      expect(follow).toThrow(expect.objectContaining({ code: 'invalid_offset' }))
    }
    expect(delivery.streams).toBe(0)
  })

  it('begins where the log is though this process was told less, as another one appended', async () => {
    const store = await make(numbered(0, 1))
    const late: (() => void)[] = []
    const lagging: StreamStore = Object.assign(Object.create(store) as StreamStore, {
      read: store.read.bind(store),
      watch: (id: string, listener: WatchListener, signal?: AbortSignal) => {
        const tell = teller(listener)
        return store.watch(id, (event) => late.push(() => tell(event)), signal)
      },
    })
    const delivery = new Delivery({ store: lagging })
    const slow = new FakeReader().follow(delivery, 's')
    await slow.until(() => slow.records.length === 1)
    await append(store, numbered(1, 4))
    const { tail } = (await store.head('s')) as StreamInfo
    const atTail = new FakeReader().follow(delivery, 's', tail)
    const between = new FakeReader().follow(delivery, 's', { ...tail, position: 3 })
    const heard = (reader: FakeReader): boolean => (reader.opened ?? reader.end) !== undefined
    await Promise.all([atTail, between].map((reader) => reader.until(() => heard(reader))))
    await append(store, numbered(4, 6), true)
    for (const tell of late) tell()
    await Promise.all([slow, atTail, between].map((reader) => reader.untilOver()))
    expect([atTail.opened, between.opened]).toEqual([tail, { ...tail, position: 3 }])
    expect(slow.records).toEqual(numbered(0, 6))
    expect(between.records).toEqual(numbered(3, 6))
    expect(atTail.records).toEqual(numbered(4, 6))
  })

  it('hears nothing after it stopped', async () => {
    const store = await make()
    const delivery = new Delivery({ store })
    const reader = new FakeReader().follow(delivery, 's')
    const other = new FakeReader().follow(delivery, 's')
    await reader.until(() => reader.opened !== undefined)
    expect(delivery.readers('s')).toBe(2)
    reader.stop()
    expect(delivery.readers('s')).toBe(1)
    await append(store, numbered(0, 3), true)
    await other.untilOver()
    expect([reader.frames, reader.end]).toEqual([[], undefined])
    expect(delivery.streams).toBe(0)
  })

  it('that stops as it is given a batch of recent records is gone', async () => {
    const store = await make()
    const delivery = new Delivery({ store, minWindowMs: 0, maxWindowMs: 0 })
    const slow = new FakeReader(1).follow(delivery, 's')
    await append(store, numbered(0, 1))
    await slow.until(() => slow.room === 0)
    const other = new FakeReader().follow(delivery, 's')
    await other.until(() => other.records.length === 1)
    // It is flushed, and kept for the slow one.
    await append(store, numbered(1, 2))
    await other.until(() => other.records.length === 2)
    other.stop()
    const poll = new FakeReader()
    poll.stopsAfter = 1
    poll.follow(delivery, 's', { position: 1 })
    await poll.until(() => poll.frames.length > 0)
    expect(delivery.readers('s')).toBe(1)
    slow.stop()
    expect([delivery.readers('s'), delivery.streams, delivery.held]).toEqual([0, 0, 0])
  })

  it('hears nothing before follow has returned, and nothing at all when it stops at once', async () => {
    const store = await make(numbered(0, 2), true)
    const delivery = new Delivery({ store })
    const first = new FakeReader().follow(delivery, 's')
    await first.until(() => first.opened !== undefined)
    const second = new FakeReader().follow(delivery, 's')
    expect(second.opened).toBeUndefined()
    second.stop()
    await first.untilOver()
    expect([second.opened, second.frames, second.end]).toEqual([undefined, [], undefined])
  })
})

describe('readers together', () => {
  it('share one watch and one frame', async () => {
    const store = await make()
    let watches = 0
    const counted: StreamStore = Object.assign(Object.create(store) as StreamStore, {
      watch: (id: string, listener: WatchListener, signal?: AbortSignal) => {
        watches++
        return store.watch(id, listener, signal)
      },
      read: store.read.bind(store),
    })
    const delivery = new Delivery({ store: counted })
    const encoder = new CountingEncoder()
    const readers = Array.from({ length: 2000 }, () =>
      new FakeReader(undefined, encoder).follow(delivery, 's'),
    )
    await readers[0]!.until(() => readers[0]!.opened !== undefined)
    await append(store, numbered(0, 30), true)
    await Promise.all(readers.map((reader) => reader.untilOver()))
    for (const reader of readers) expect(reader.records).toEqual(numbered(0, 30))
    expect(watches).toBe(1)
    expect(encoder.made).toBe(readers[0]!.frames.length)
    expect(encoder.made).toBeLessThan(3)
  })

  it('get frames of their own format', async () => {
    const store = await make(numbered(0, 2), true)
    const delivery = new Delivery({ store })
    const encoders = [new CountingEncoder(), new CountingEncoder(), new CountingEncoder()]
    const readers = encoders.flatMap((encoder) =>
      [1, 2].map(() => new FakeReader(undefined, encoder).follow(delivery, 's')),
    )
    await Promise.all(readers.map((reader) => reader.untilOver()))
    expect(readers.map((reader) => reader.records)).toEqual(readers.map(() => numbered(0, 2)))
    expect(encoders.map(({ made }) => made)).toEqual([1, 1, 1])
  })

  it('that come late get the past in few large frames, made once', async () => {
    const store = await make()
    await append(store, numbered(0, 20_000), true)
    const delivery = new Delivery({ store })
    const encoder = new CountingEncoder()
    const readers = Array.from({ length: 50 }, () => new FakeReader(1, encoder).follow(delivery, 's'))
    for (const reader of readers) {
      while (reader.end === undefined) {
        await reader.until(() => reader.room === 0 || reader.end !== undefined)
        reader.drain(1)
      }
    }
    for (const reader of readers) expect(reader.records).toEqual(numbered(0, 20_000))
    expect(readers[0]!.frames.length).toBeLessThan(4)
    expect(encoder.made).toBe(readers[0]!.frames.length)
  })
})

describe('a slow reader', () => {
  it('holds a fixed amount while 100,000 records pass, and then gets every one', async () => {
    const store = await make()
    const delivery = new Delivery({ store })
    const fast = new FakeReader().follow(delivery, 's')
    const slow = new FakeReader(1).follow(delivery, 's')
    await fast.until(() => fast.opened !== undefined)
    let held = 0
    for (let n = 0; n < 100_000; n += 1000) {
      await append(store, numbered(n, n + 1000))
      await fast.until(() => fast.records.length > n)
      held = Math.max(held, delivery.held)
    }
    await append(store, [], true)
    await fast.untilOver()
    expect(held).toBeGreaterThan(200 * 1024)
    expect(held).toBeLessThan(300 * 1024)
    expect(slow.frames.length).toBe(1)
    while (slow.end === undefined) {
      slow.drain(1)
      await slow.until(() => slow.room === 0 || slow.end !== undefined)
    }
    expect(slow.records).toEqual(numbered(0, 100_000))
    expect(fast.records).toEqual(slow.records)
    expect(slow.frames.length).toBeLessThan(40)
    expect(delivery.held).toBe(0)
  }, 20_000)

  it('of each of many streams: all together hold what they may, and each gets every record', async () => {
    const store = memory()
    const delivery = new Delivery({ store, totalRecentSize: 10_000, keptPagesSize: 0 })
    const large = Array.from({ length: 3 }, (_, n) => JSON.stringify(String(n).repeat(1000)))
    const pairs = await Promise.all(
      Array.from({ length: 50 }, async (_, n) => {
        const id = `s${n}`
        await store.create(id)
        const [fast, slow] = [new FakeReader().follow(delivery, id), new FakeReader(1).follow(delivery, id)]
        await slow.until(() => slow.opened !== undefined)
        return { id, fast, slow }
      }),
    )
    for (const [n, record] of large.entries()) {
      await Promise.all(pairs.map(({ id }) => store.append(id, { records: [record] })))
      await Promise.all(pairs.map(({ fast }) => fast.until(() => fast.records.length === n + 1)))
    }
    expect(delivery.held).toBeLessThanOrEqual(10_000)
    for (const { slow } of pairs) {
      slow.drain(Infinity)
      await slow.until(() => slow.records.length === large.length)
      expect(slow.records).toEqual(large)
    }
    delivery.close()
  })

  it('gets what came while it was busy in its next frame', async () => {
    const store = await make()
    const delivery = new Delivery({ store })
    const fast = new FakeReader().follow(delivery, 's')
    const slow = new FakeReader(1).follow(delivery, 's')
    await fast.until(() => fast.opened !== undefined)
    for (let n = 0; n < 20; n++) {
      await append(store, numbered(n, n + 1))
      await fast.until(() => fast.records.length === n + 1)
    }
    expect(slow.records).toEqual(numbered(0, 1))
    slow.drain()
    expect(slow.frames.map((frame) => frame.records.length)).toEqual([1, 19])
    slow.drain()
    expect(delivery.held).toBe(0)
  })

  it('does not hold up a stream beside it on another socket, nor one behind it on its own', async () => {
    const store = await make(numbered(0, 10), true)
    await store.create('t', { records: numbered(0, 4), closed: true })
    const delivery = new Delivery({ store, pageSize: 1 })
    const shared = new FakeReader(1)
    shared.follow(delivery, 's')
    shared.follow(delivery, 't')
    let ends = 0
    while (ends < 2) {
      await shared.until(() => shared.room === 0 || shared.end !== undefined)
      if (shared.end) ends++
      shared.end = undefined
      shared.drain(1)
    }
    const streams = shared.frames.map((frame) => frame.stream).join('')
    expect(streams.slice(0, 8)).toMatch(/^(st|ts){4}$/)
    expect(shared.frames.filter((frame) => frame.stream === 's').flatMap((frame) => frame.records)).toEqual(
      numbered(0, 10),
    )
  })
})

describe('a stream under its readers', () => {
  it.each(['deleted', 'expired'] as const)(
    'is %s: they are told, and a new one is a new one',
    async (reason) => {
      let now = 1000
      const store = memory({ clock: () => now, settle: 0 })
      await store.create('s', { ttlMs: 500 })
      const delivery = new Delivery({ store })
      const readers = [1, 2].map(() => new FakeReader().follow(delivery, 's'))
      await readers[0]!.until(() => readers[0]!.opened !== undefined)
      await store.append('s', { records: ['1'] })
      if (reason === 'deleted') await store.delete('s')
      else {
        now = 5000
        await store.sweep()
      }
      for (const reader of readers) {
        expect(await reader.untilOver()).toEqual({ type: 'gone', reason })
        expect(reader.records).toEqual(['1'])
      }
      expect(delivery.streams).toBe(0)
      await store.create('s', { records: ['2'], closed: true })
      const anew = new FakeReader().follow(delivery, 's')
      await anew.untilOver()
      expect(anew.records).toEqual(['2'])
    },
  )

  it('shows nothing of one that had its id before', async () => {
    const store = await make()
    const delivery = new Delivery({ store, pageSize: 1000 })
    // As long as anybody reads, what was read is kept for others.
    await store.create('other')
    new FakeReader().follow(delivery, 'other')
    for (const first of [0, 1000]) {
      if (first > 0) await store.create('s')
      await append(store, numbered(first, first + 500), true)
      const reader = new FakeReader().follow(delivery, 's')
      expect(await reader.untilOver()).toMatchObject({ type: 'end' })
      expect(reader.records).toEqual(numbered(first, first + 500))
      await store.delete('s')
    }
    delivery.close()
  })

  it('shows nothing that was trimmed to who looked it up since', async () => {
    const store = await make(numbered(0, 500), true)
    const delivery = new Delivery({ store, pageSize: 1000 })
    await store.create('other')
    new FakeReader().follow(delivery, 'other')
    await new FakeReader().follow(delivery, 's').untilOver()
    await store.trim('s', { position: 250 })
    const { incarnation, first } = (await store.head('s')) ?? {}
    const readers = [1, 2].map(() => new FakeReader().follow(delivery, 's', 'start', incarnation, first))
    for (const reader of readers) {
      await reader.untilOver()
      expect(reader.opened).toEqual(first)
      expect(reader.records).toEqual(numbered(250, 500))
    }
    delivery.close()
  })

  it('is followed anew by whoever is told of its end', async () => {
    const store = await make()
    const delivery = new Delivery({ store })
    const reader = new FakeReader().follow(delivery, 's')
    const bystander = new FakeReader().follow(delivery, 's')
    await reader.until(() => reader.opened !== undefined)
    await store.delete('s')
    await store.create('s', { records: ['2'], closed: true })
    await reader.untilOver()
    const anew = new FakeReader().follow(delivery, 's')
    await Promise.all([anew.untilOver(), bystander.untilOver()])
    expect(anew.records).toEqual(['2'])
  })

  it('was lost by its store while a reader lagged', async () => {
    const store = await make(numbered(0, 10))
    const lossy: StreamStore = Object.assign(Object.create(store) as StreamStore, {
      watch: store.watch.bind(store),
      read: async (id: string, after: Place) =>
        after === 'start' ? store.read(id, after, { maxRecords: 5 }) : { outcome: 'past-end', tail: START },
    })
    const reader = new FakeReader().follow(new Delivery({ store: lossy, pageSize: 5 }), 's')
    expect(await reader.untilOver()).toEqual({ type: 'gone', reason: 'lost' })
  })
})

describe('a store', () => {
  /** A memory store whose calls fail until `mend` is called. */
  function failing(
    store: StreamStore,
    code: 'unavailable' | 'corrupt',
    calls: readonly ('watch' | 'read')[],
  ) {
    let broken = true
    let failed = 0
    const fails = (): boolean => broken && (failed++, true)
    const error = new StoreError(code, 'The store is out')
    const wrapped: StreamStore = Object.assign(Object.create(store) as StreamStore, {
      watch: (...args: Parameters<StreamStore['watch']>) =>
        calls.includes('watch') && fails() ? Promise.reject(error) : store.watch(...args),
      read: (...args: Parameters<StreamStore['read']>) =>
        calls.includes('read') && fails() ? Promise.reject(error) : store.read(...args),
    })
    return { wrapped, error, mend: () => (broken = false), attempts: () => failed }
  }

  it.each([['watch'], ['read']] as const)('whose %s fails for a time is asked again', async (call) => {
    const store = await make(numbered(0, 5), true)
    const { wrapped, mend, attempts } = failing(store, 'unavailable', [call])
    const warned = Promise.withResolvers<void>()
    const logger = { ...silentLogger, warn: () => warned.resolve() }
    const reader = new FakeReader().follow(new Delivery({ store: wrapped, logger }), 's')
    await warned.promise
    mend()
    await reader.untilOver()
    expect(reader.records).toEqual(numbered(0, 5))
    expect(attempts()).toBe(1)
  })

  it.each([['watch'], ['read']] as const)('whose %s fails for good ends its readers', async (call) => {
    const store = await make(numbered(0, 5), true)
    const { wrapped, error } = failing(store, 'corrupt', [call])
    const delivery = new Delivery({ store: wrapped })
    const reader = new FakeReader().follow(delivery, 's')
    expect(await reader.untilOver()).toEqual({ type: 'failed', error })
    expect(delivery.streams).toBe(0)
  })

  it('that told of records, and then could not be watched, is watched from further on', async () => {
    const store = await make()
    let watches = 0
    const watch: StreamStore['watch'] = async (id, listener, signal) => {
      if (++watches > 1) return store.watch(id, listener, signal)
      const { tail: from } = (await store.head('s')) as StreamInfo
      await append(store, numbered(0, 1))
      const next = { ...from, position: 1 }
      teller(listener)({ type: 'append', from, next, records: numbered(0, 1), closed: false })
      await append(store, numbered(1, 3), true)
      throw new StoreError('unavailable', 'Its answer was lost.')
    }
    const flaky: StreamStore = Object.assign(Object.create(store) as StreamStore, {
      read: store.read.bind(store),
      watch,
    })
    let errors = 0
    const logger = { ...silentLogger, error: () => void errors++ }
    const reader = new FakeReader().follow(new Delivery({ store: flaky, logger }), 's')
    await reader.untilOver()
    expect(reader.records).toEqual(numbered(0, 3))
    expect(errors).toBe(0)
  })

  it('that skips records in what it tells is read instead', async () => {
    const store = await make()
    const { store: skipping, tell } = told(store)
    let errors = 0
    const logger = { ...silentLogger, error: () => void errors++ }
    const reader = new FakeReader().follow(new Delivery({ store: skipping, logger }), 's')
    await reader.until(() => reader.opened !== undefined)
    await append(store, numbered(0, 7), true)
    const { tail } = (await store.head('s')) as StreamInfo
    tell({
      type: 'append',
      from: { ...tail, position: 4 },
      next: tail,
      records: numbered(4, 7),
      closed: true,
    })
    await reader.untilOver()
    expect(reader.records).toEqual(numbered(0, 7))
    expect(errors).toBe(1)
  })
})

describe('closing', () => {
  it('ends every reader, old and new', async () => {
    const store = await make()
    const delivery = new Delivery({ store })
    const reader = new FakeReader().follow(delivery, 's')
    await reader.until(() => reader.opened !== undefined)
    delivery.close()
    expect(reader.end).toEqual({ type: 'closing' })
    expect(await new FakeReader().follow(delivery, 's').untilOver()).toEqual({ type: 'closing' })
    expect(delivery.streams).toBe(0)
  })
})
