import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { splitJson } from '../../../src/streams/bookkeeping/json-text.ts'
import { ChunkPool, LARGEST_CHUNK } from '../../../src/streams/memory/chunk-pool.ts'
import { RecordLog } from '../../../src/streams/memory/record-log.ts'
import type { Stretch } from '../../../src/streams/memory/record-log.ts'
import type { Chunk } from '../../../src/streams/memory/chunk-pool.ts'
import type { RecordKind } from '../../../src/streams/bookkeeping/requests.ts'
import type { StreamRecord } from '../../../src/streams/stream.ts'

/** The log beside the array that it should be equal to. */
class Both {
  readonly log: RecordLog
  readonly model: StreamRecord[] = []
  readonly #kind: RecordKind

  constructor(kind: RecordKind, pool: ChunkPool) {
    this.log = new RecordLog(kind, pool)
    this.#kind = kind
  }

  append(records: readonly StreamRecord[]): void {
    this.log.append(
      records,
      records.reduce((bytes, record) => bytes + sizeOf(record), 0),
    )
    this.model.push(...records)
  }

  /** @param maxRecords that a page may hold, `maxBytes` likewise: see `StreamStore.read`. */
  page(position: number, maxRecords: number, maxBytes: number): StreamRecord[] {
    const page: StreamRecord[] = []
    let bytes = 0
    for (const record of this.model.slice(position, position + maxRecords)) {
      if (bytes >= maxBytes) break
      page.push(record)
      bytes += sizeOf(record)
    }
    return page
  }

  /** Reads a stretch and compares it; where it ends. */
  checkStretch(position: number): number {
    const cursor = this.log.cursor(position)
    const stretch = this.log.next(cursor)
    expect(cursor.position).toBe(position + stretch.length)
    return this.checkNext(position, stretch)
  }

  /** A stretch from a position on; where it ends. */
  checkNext(position: number, { length, json, records }: Stretch): number {
    expect(length).toBeGreaterThan(0)
    const due = this.model.slice(position, position + length)
    if (this.#kind === 'bytes') {
      expect(json).toBeUndefined()
      expectSame(records, due)
    } else {
      expect(records).toBeUndefined()
      const text = textOf(json)
      expect(text === due.join(',')).toBe(true)
      expectSame(splitJson(text), due)
    }
    return position + length
  }

  /** Everything, by pages of all sizes and by stretches from every place. */
  checkAll(): void {
    const { length } = this.model
    expect(this.log.length).toBe(length)
    expectSame(recordsOf(this.log.read(0, length + 1, Infinity)), this.model)
    expectSame(recordsOf(this.log.read(length, 1000, Infinity)), [])
    for (let position = 0; position < length; position++) {
      expectSame(recordsOf(this.log.read(position, 1, 1)), this.page(position, 1, 1))
      this.checkStretch(position)
    }
    let position = 0
    while (position < length) position = this.checkStretch(position)
    expect(position).toBe(length)
  }
}

const textOf = (json: Buffer | undefined): string => json?.toString() ?? ''

function recordsOf({ length, json, records }: Stretch): readonly StreamRecord[] {
  return records ?? (length === 0 ? [] : splitJson(textOf(json)))
}

function sizeOf(record: StreamRecord): number {
  return typeof record === 'string' ? Buffer.byteLength(record) : record.length
}

/** Quick, and short when it fails: records may be long. */
function expectSame(found: readonly StreamRecord[] | undefined, due: readonly StreamRecord[]): void {
  expect(found?.length).toBe(due.length)
  const isSame = (record: StreamRecord, n: number): boolean => {
    const other = found?.[n] as StreamRecord
    if (typeof record === 'string' || typeof other === 'string') return record === other
    return Buffer.compare(record, other) === 0
  }
  expect(due.findIndex((record, n) => !isSame(record, n))).toBe(-1)
}

const SCRIPTS = ['a', 'é', '\u2028', '漢', '😀', ',', '"', '\\', ']', '}', '\ufeff'] as const

/** JSON text of so many bytes: of ASCII, and of a character that repeats as often as it fits. */
function jsonOf(size: number, script: string): string {
  if (size < 2) return '1'
  const unit = JSON.stringify(script).slice(1, -1)
  const times = Math.floor((size - 2) / Buffer.byteLength(unit))
  return `"${unit.repeat(times)}${'x'.repeat(size - 2 - times * Buffer.byteLength(unit))}"`
}

function bytesOf(size: number, first: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, n) => first + n * 7)
}

/** Sizes around all at which a chunk is full, doubles, or is too small for a record. */
const size = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 40 }) },
  { weight: 3, arbitrary: fc.integer({ min: 500, max: 516 }) },
  { weight: 2, arbitrary: fc.integer({ min: 1016, max: 2050 }) },
  { weight: 1, arbitrary: fc.integer({ min: LARGEST_CHUNK / 2 - 6, max: LARGEST_CHUNK / 2 + 2 }) },
  { weight: 1, arbitrary: fc.integer({ min: LARGEST_CHUNK - 6, max: LARGEST_CHUNK + 3 }) },
)

const record: Record<RecordKind, fc.Arbitrary<StreamRecord>> = {
  json: fc.oneof(
    { weight: 4, arbitrary: fc.tuple(size, fc.constantFrom(...SCRIPTS)).map((of) => jsonOf(...of)) },
    { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.stringify(value, null, 1)) },
  ),
  bytes: fc.tuple(size, fc.nat(255)).map((of) => bytesOf(...of)),
}

const appends = (kind: RecordKind, max = 12): fc.Arbitrary<StreamRecord[][]> =>
  fc.array(fc.array(record[kind], { maxLength: 8 }), { maxLength: max })

describe.each(['json', 'bytes'] as const)('a log of %s', (kind) => {
  it('holds what was appended, from every place', () => {
    fc.assert(
      fc.property(appends(kind), (given) => {
        const both = new Both(kind, new ChunkPool())
        for (const records of given) both.append(records)
        both.checkAll()
      }),
    )
  })

  it('reads pages as they are asked for', () => {
    const page = fc.record({
      from: fc.nat(),
      maxRecords: fc.integer({ min: 1, max: 50 }),
      maxBytes: fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 200_000 })),
    })
    fc.assert(
      fc.property(appends(kind), fc.array(page, { minLength: 10 }), (given, pages) => {
        const both = new Both(kind, new ChunkPool())
        for (const records of given) both.append(records)
        for (const { from, maxRecords, maxBytes } of pages) {
          const position = from % (both.model.length + 1)
          const found = both.log.read(position, maxRecords, maxBytes)
          const due = both.page(position, maxRecords, maxBytes)
          expect(found.length).toBe(due.length)
          expectSame(recordsOf(found), due)
        }
      }),
    )
  })

  it('follows its end, a stretch at a time, while it grows', () => {
    fc.assert(
      fc.property(appends(kind), (given) => {
        const both = new Both(kind, new ChunkPool())
        const cursor = both.log.cursor(0)
        for (const records of given) {
          both.append(records)
          while (cursor.position < both.model.length) {
            const { position } = cursor
            expect(both.checkNext(position, both.log.next(cursor))).toBe(cursor.position)
          }
        }
        both.checkAll()
      }),
    )
  })

  it('shares a pool with others, before and after they are released', () => {
    const steps = fc.array(
      fc.tuple(
        fc.nat(3),
        fc.oneof({ weight: 4, arbitrary: appends(kind, 3) }, fc.constant('release' as const)),
      ),
      { maxLength: 16 },
    )
    fc.assert(
      fc.property(steps, (given) => {
        const pool = new ChunkPool()
        const logs = Array.from({ length: 4 }, () => new Both(kind, pool))
        const taken: { readonly found: readonly StreamRecord[]; readonly due: readonly StreamRecord[] }[] = []
        for (const [which, step] of given) {
          const both = logs[which] as Both
          if (step !== 'release') for (const records of step) both.append(records)
          else {
            const { length } = both.model
            const stretch = length > 0 ? both.log.next(both.log.cursor(0)) : undefined
            const found = stretch ? recordsOf(stretch) : []
            taken.push(
              { found: recordsOf(both.log.read(0, length, Infinity)), due: both.model },
              { found, due: both.model.slice(0, stretch?.length ?? 0) },
            )
            both.log.release()
            logs[which] = new Both(kind, pool)
          }
        }
        for (const both of logs) both.checkAll()
        for (const { found, due } of taken) expectSame(found, due)
      }),
    )
  })

  it('holds records of every size at which something changes', () => {
    const sizes = [
      ...range(1, 10),
      ...range(500, 520),
      ...range(1018, 1030),
      ...range(LARGEST_CHUNK / 2 - 6, LARGEST_CHUNK / 2 + 3),
      ...range(LARGEST_CHUNK - 8, LARGEST_CHUNK + 4),
      2 * LARGEST_CHUNK + 1,
    ]
    for (const first of sizes) {
      const both = new Both(kind, new ChunkPool())
      const make = (of: number): StreamRecord =>
        kind === 'json' ? jsonOf(of, of % 2 === 0 ? 'a' : 'é') : bytesOf(of, of)
      both.append([make(first)])
      both.append([make(3), make(first), make(first)])
      both.append([make(5)])
      both.checkAll()
      expect(both.log.length).toBe(5)
    }
  })

  it('fills a chunk to its last byte, and begins another with one more', () => {
    const gap = kind === 'json' ? 1 : 0
    const make = (of: number): StreamRecord => (kind === 'json' ? jsonOf(of, 'a') : bytesOf(of, of))
    // Beside a record of 100 bytes, which take two more for where it ends.
    for (const [more, length] of [
      [0, 2],
      [1, 1],
    ] as const) {
      const both = new Both(kind, new ChunkPool())
      both.append([make(100)])
      both.append([make(512 - 102 - gap - 2 + more)])
      expect(both.log.next(both.log.cursor(0)).length).toBe(length)
      both.checkAll()
    }
  })
})

it('gives its chunks back', () => {
  const pool = new ChunkPool()
  const given: Chunk[] = []
  const give = pool.give.bind(pool)
  pool.give = (chunk) => {
    given.push(chunk)
    give(chunk)
  }
  const both = new Both('json', pool)
  for (let n = 0; n < 40; n++) both.append([jsonOf(100, 'a')])
  both.log.release()
  const sizes = given.map(({ begin, end }) => end - begin)
  expect(sizes.reduce((sum, length) => sum + length, 0)).toBeGreaterThan(4000)
  both.log.release()
  expect(given, 'none of them twice').toHaveLength(sizes.length)
  expect(new Set(given.map(({ begin }) => begin)).size).toBe(sizes.length)
  expect(given).toContain(pool.take(512))
})

it('hands out bytes that nobody shares with it', () => {
  const log = new RecordLog('bytes', new ChunkPool())
  const mine = Uint8Array.of(1, 2, 3)
  log.append([mine], 3)
  mine.fill(9)
  const [first] = log.read(0, 1, 1).records as Uint8Array[]
  expect(first?.buffer).toBeInstanceOf(ArrayBuffer)
  expect(first?.buffer.byteLength).toBe(3)
  first?.fill(8)
  log.next(log.cursor(0)).records?.[0]?.fill(7)
  expect(log.read(0, 1, 1).records).toEqual([Uint8Array.of(1, 2, 3)])
})

it('keeps a mark of the byte order that a text holds', () => {
  const both = new Both('json', new ChunkPool())
  both.append(['"\ufeff"', '"\ufeffé"'])
  both.checkAll()
  expect(textOf(both.log.next(both.log.cursor(0)).json)).toBe('"\ufeff","\ufeffé"')
})

/** Has no more memory at every third chunk that it is asked for. */
class ScarcePool extends ChunkPool {
  #taken = 0

  override take(size: number): Chunk {
    if (++this.#taken % 3 === 0) throw new RangeError('no memory')
    return super.take(size)
  }
}

it.each(['json', 'bytes'] as const)(
  'a log of %s is as it was after an append that found no memory',
  (kind) => {
    let failed = 0
    const record = fc.integer({ min: 1, max: 700 }).map((size) => {
      return kind === 'json'
        ? `"${'é'.repeat(size % 2)}${'x'.repeat(size)}"`
        : new Uint8Array(size).fill(size)
    })
    fc.assert(
      fc.property(
        fc.array(fc.array(record, { minLength: 1, maxLength: 12 }), { maxLength: 12 }),
        (appends) => {
          const both = new Both(kind, new ScarcePool())
          for (const records of appends) {
            try {
              both.append(records)
            } catch (error) {
              expect(error).toBeInstanceOf(RangeError)
              failed++
            }
            expect(both.log.length).toBe(both.model.length)
            both.checkAll()
          }
        },
      ),
    )
    expect(failed).toBeGreaterThan(0)
  },
)

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, n) => from + n)
}
