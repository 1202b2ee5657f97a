/** A chunk with records in it, and their places; the layout is described in record-log.ts. */
import { Buffer } from 'node:buffer'
import type { Chunk } from './chunk-pool.ts'

const COMMA = 0x2c

/** A chunk with records. All places are offsets in its slab. */
export interface FilledChunk extends Chunk {
  /** Position of its first record. */
  readonly first: number
  readonly count: number
  /** Where its last record ends. */
  readonly used: number
}

/** Some consecutive records of a chunk. */
export interface Part {
  readonly piece: FilledChunk
  readonly from: number
  readonly to: number
}

export function recordBegin(piece: FilledChunk, n: number, gap: number): number {
  return n === 0 ? piece.begin : recordEnd(piece, n - 1) + gap
}

export function recordEnd({ slab, begin, end, count, used }: FilledChunk, n: number): number {
  if (n === count - 1) return used
  const slot = end - 2 * (n + 1)
  return begin + (slab[slot] as number) + (slab[slot + 1] as number) * 256
}

/** Copies JSON records, with commas between them, from their chunks. */
export function joinedParts(parts: readonly Part[]): Buffer {
  const places = parts.map(({ piece, from, to }) => {
    return { slab: piece.slab, begin: recordBegin(piece, from, 1), end: recordEnd(piece, to - 1) }
  })
  const commas = Math.max(0, places.length - 1)
  const json = Buffer.allocUnsafe(places.reduce((sum, { begin, end }) => sum + end - begin, commas))
  let at = 0
  for (const { slab, begin, end } of places) {
    if (at > 0) json[at++] = COMMA
    slab.copy(json, at, begin, end)
    at += end - begin
  }
  return json
}

/** The records of bytes in a part. Copies, because the memory of a chunk is reused once its stream is gone. */
export function recordsOf({ piece, from, to }: Part): Uint8Array[] {
  const { slab } = piece
  return Array.from({ length: to - from }, (_, n) => {
    return new Uint8Array(slab.subarray(recordBegin(piece, from + n, 0), recordEnd(piece, from + n)))
  })
}

/** Bytes of the records of a part, without the gaps between them. */
export function bytesIn({ piece, from, to }: Part, gap: number): number {
  return to > from ? recordEnd(piece, to - 1) - recordBegin(piece, from, gap) - gap * (to - from - 1) : 0
}
