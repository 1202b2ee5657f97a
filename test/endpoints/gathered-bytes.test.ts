/** Bodies that come in pieces: what is kept of them. */
import { Buffer } from 'node:buffer'
import { expect, it } from 'vitest'
import { GatheredBytes } from '../../src/endpoints/http/writes/gathered-bytes.ts'

it('pieces of any size come out as one, in their order', () => {
  const gathered = new GatheredBytes()
  const all: Uint8Array[] = []
  const lengths = [1, 5000, 0, 3, 4095, 4096, 70_000, 1, ...Array<number>(100).fill(3000), 9000, 2]
  for (const [index, length] of lengths.entries()) {
    const piece = Buffer.alloc(length, index)
    gathered.add(piece)
    all.push(Buffer.from(piece))
  }
  expect(gathered.size).toBe(Buffer.concat(all).length)
  expect(gathered.take().equals(Buffer.concat(all))).toBe(true)
  expect(new GatheredBytes().take()).toHaveLength(0)
})

it('a body that comes byte by byte takes what its bytes take', () => {
  const gathered = new GatheredBytes()
  const before = process.memoryUsage().heapUsed
  for (let count = 0; count < 1_000_000; count++) gathered.add(new Uint8Array(1))
  // Kept as they came, they would be more than 100 MB; what is not kept is collected now and then.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(64 * 1024 * 1024)
  expect(gathered.take()).toHaveLength(1_000_000)
})
