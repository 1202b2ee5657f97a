/** Encoders that belong to one reader, beside those that all readers of a format share. */
import { afterEach, describe, expect, it } from 'vitest'
import type { Batch, ReaderEncoder, SharedEncoder } from '../../src/delivery/batch.ts'
import { Delivery } from '../../src/delivery/delivery.ts'
import type { DeliveryOptions } from '../../src/delivery/delivery.ts'
import { LARGE } from '../../src/delivery/large-frames.ts'
import { type Logger, silentLogger } from '../../src/logging/logger.ts'
import { CountingEncoder, FakeReader, type Frame, append, make, numbered } from './readers.ts'

const deliveries: Delivery[] = []

afterEach(() => {
  for (const delivery of deliveries.splice(0)) delivery.close()
})

async function deliver(records: readonly string[], options: Partial<DeliveryOptions> = {}) {
  const store = await make()
  await append(store, records)
  const delivery = new Delivery({ store, logger: silentLogger, ...options })
  deliveries.push(delivery)
  return { store, delivery }
}

/** Numbers the records of one reader from 1 on, as a protocol does that counts for each request. */
class Numbering implements ReaderEncoder<Frame> {
  readonly own: 'head' | 'frame'
  readonly #shared: SharedEncoder<Frame>
  #count = 0
  #last: number | undefined

  constructor(shared: SharedEncoder<Frame>, own: 'head' | 'frame' = 'frame') {
    this.#shared = shared
    this.own = own
  }

  encode(batch: Batch): Frame {
    const { from, next, records } = batch.frame(this.#shared)
    if (this.#last !== undefined && from !== this.#last) throw new Error(`at ${this.#last} came ${from}`)
    this.#last = next
    return { stream: 's', from, next, records: records.map((record) => `${++this.#count} ${record}`) }
  }
}

/** What `Numbering` makes of these. */
const counted = (records: readonly string[]): string[] =>
  records.map((record, index) => `${index + 1} ${record}`)

describe('encoders of one reader', () => {
  it('are given every batch of their reader once and in order, whatever others were sent', async () => {
    const { store, delivery } = await deliver(numbered(0, 3000), { pageSize: 2000, recentSize: 2000 })
    const texts = new CountingEncoder()
    const fast = new FakeReader(undefined, new Numbering(texts)).follow(delivery, 's')
    const late = new FakeReader(1, new Numbering(texts)).follow(delivery, 's', { position: 1000 })
    const plain = new FakeReader(undefined, texts).follow(delivery, 's', { position: 2990 })
    await fast.until(() => fast.records.length === 3000)
    await append(store, numbered(3000, 5000), true)
    while (late.end === undefined) {
      await late.until(() => late.room === 0 || late.end !== undefined)
      late.drain()
    }
    await Promise.all([fast.untilOver(), plain.untilOver()])
    expect(fast.records).toEqual(counted(numbered(0, 5000)))
    expect(late.records).toEqual(counted(numbered(1000, 5000)))
    expect(plain.records).toEqual(numbered(2990, 5000))
  })

  it('take what is the same for all readers from a shared encoder, which makes it once', async () => {
    const { store, delivery } = await deliver([])
    const texts = new CountingEncoder()
    const readers = Array.from({ length: 50 }, () =>
      new FakeReader(undefined, new Numbering(texts)).follow(delivery, 's'),
    )
    await Promise.all(readers.map((reader) => reader.until(() => reader.opened !== undefined)))
    await append(store, numbered(0, 30), true)
    await Promise.all(readers.map((reader) => reader.untilOver()))
    for (const reader of readers) expect(reader.records).toEqual(counted(numbered(0, 30)))
    expect(texts.made).toBe(readers[0]!.frames.length)
  })

  it('are told where their reader begins before the first batch', async () => {
    const { store, delivery } = await deliver(numbered(0, 10))
    const seen: (number | undefined)[] = []
    const texts = new CountingEncoder()
    const reader: FakeReader = new FakeReader(undefined, {
      own: 'frame',
      encode(batch) {
        seen.push(reader.opened?.position, batch.from.position)
        return batch.frame(texts)
      },
    })
    reader.follow(delivery, 's', { position: 4 })
    await store.append('s', { close: true })
    await reader.untilOver()
    expect(seen).toEqual([4, 4])
  })

  it('make a frame each time: a page that is kept keeps none of theirs', async () => {
    const { store, delivery } = await deliver(numbered(0, 500), { pageSize: 1000 })
    await store.append('s', { close: true })
    // While one has no room, the stream is read and its page kept.
    const first = new FakeReader(1).follow(delivery, 's')
    await first.until(() => first.frames.length === 1)
    const texts = new CountingEncoder()
    const encoder: ReaderEncoder<Frame> & { made: number } = {
      own: 'head',
      made: 0,
      encode(batch) {
        this.made++
        return batch.frame(texts)
      },
    }
    for (const times of [1, 2]) {
      await new FakeReader(undefined, encoder).follow(delivery, 's').untilOver()
      expect(encoder.made).toBe(times * texts.made)
    }
  })

  it.each([
    ['frame', 2],
    ['head', 1],
  ] as const)('whose %s is their own hold large records %i times for two readers', async (own, times) => {
    const { delivery } = await deliver(['1'.repeat(2 * LARGE)])
    const encoders = [1, 2].map(() => new Numbering(new CountingEncoder(), own))
    const readers = encoders.map((encoder) => new FakeReader(1, encoder).follow(delivery, 's'))
    await Promise.all(readers.map((reader) => reader.until(() => reader.frames.length === 1)))
    expect(delivery.large.used).toBe(times * 2 * LARGE)
    for (const reader of readers) reader.drain()
    expect(delivery.large.used).toBe(0)
  })

  it('wait for room with large frames of their own, each for its own', async () => {
    const { delivery } = await deliver(['1'.repeat(2 * LARGE)], { largeFramesSize: 4 * LARGE })
    const readers = [1, 2, 3].map(() =>
      new FakeReader(1, new Numbering(new CountingEncoder())).follow(delivery, 's'),
    )
    await expect.poll(() => delivery.large.waiting).toBe(1)
    expect(readers.map(({ frames }) => frames.length)).toEqual([1, 1, 0])
    readers[0]!.drain()
    await readers[2]!.until(() => readers[2]!.frames.length === 1)
    expect(readers[2]!.records[0]).toMatch(/^1 1/)
  })

  it('that throw end their own reader alone', async () => {
    const errors: unknown[] = []
    const logger: Logger = { ...silentLogger, error: (fields) => void errors.push(fields) }
    const { store, delivery } = await deliver([], { logger })
    const broken = new FakeReader(undefined, {
      own: 'head',
      encode() {
        throw new Error('no number is left')
      },
    }).follow(delivery, 's')
    const other = new FakeReader().follow(delivery, 's')
    await Promise.all([broken, other].map((reader) => reader.until(() => reader.opened !== undefined)))
    await append(store, numbered(0, 3), true)
    expect(await broken.untilOver()).toMatchObject({ type: 'failed' })
    await other.untilOver()
    expect(other.records).toEqual(numbered(0, 3))
    expect(errors).toHaveLength(1)
  })
})
