import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ChunkPool, LARGEST_CHUNK } from '../../../src/streams/memory/chunk-pool.ts'
import type { Chunk } from '../../../src/streams/memory/chunk-pool.ts'

/** A chunk's bytes. */
const bytesOf = ({ slab, begin, end }: Chunk): Buffer => slab.subarray(begin, end)

it.each([
  [0, 512],
  [1, 512],
  [512, 512],
  [513, 1024],
  [LARGEST_CHUNK - 1, LARGEST_CHUNK],
  [LARGEST_CHUNK, LARGEST_CHUNK],
  [LARGEST_CHUNK + 1, LARGEST_CHUNK],
  [Number.MAX_SAFE_INTEGER, LARGEST_CHUNK],
])('for %i bytes has a chunk of %i', (size, length) => {
  expect(bytesOf(new ChunkPool().take(size))).toHaveLength(length)
})

it('gives no byte to two chunks at a time, whatever is taken and given back', () => {
  const step = fc.oneof(
    fc.record({ take: fc.integer({ min: 1, max: 70_000 }) }),
    fc.record({ give: fc.nat() }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const pool = new ChunkPool()
      const held: { chunk: Chunk; mark: number }[] = []
      let marks = 0
      for (const one of steps) {
        if ('take' in one) {
          const chunk = pool.take(one.take)
          const mark = ++marks
          bytesOf(chunk).fill(mark)
          held.push({ chunk, mark })
        } else {
          const [given] = held.splice(one.give % Math.max(1, held.length), 1)
          if (given) pool.give(given.chunk)
        }
      }
      for (const { chunk, mark } of held) {
        const bytes = bytesOf(chunk)
        expect(bytes.equals(Buffer.alloc(bytes.length, mark))).toBe(true)
      }
    }),
  )
})

it('uses a chunk again for its own size only', () => {
  const pool = new ChunkPool()
  const chunk = pool.take(1024)
  bytesOf(chunk).fill(7)
  pool.give(chunk)
  bytesOf(pool.take(512)).fill(0)
  bytesOf(pool.take(2048)).fill(0)
  expect(pool.take(600)).toBe(chunk)
  expect(pool.take(600)).not.toBe(chunk)
})

it('does not take what is not of a pool', () => {
  const pool = new ChunkPool()
  const foreign: Chunk = { slab: Buffer.alloc(512), begin: 0, end: 512 }
  pool.give(foreign)
  expect(pool.take(512)).not.toBe(foreign)
})
