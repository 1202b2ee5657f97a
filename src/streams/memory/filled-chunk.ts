/** A chunk with records in it, and where each of them lies: record-log.ts says how. */
import { Buffer } from 'node:buffer'
import type { Chunk } from './chunk-pool.ts'

const COMMA = 0x2c

/** A chunk with records in it. All places are those of its slab. */
export interface FilledChunk extends Chunk {
  /** Position of its first record. */
  readonly first: number
  readonly count: number
  /** Where its last record ends. */
  readonly used: number
}

/** The records of a piece from one on up to another. */
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

/** Records of JSON with commas between them, out of the chunks that they are in. */
export function joined(parts: readonly Part[]): Buffer {
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

/** The records of bytes in a part. Copies: the memory of a chunk is used again once its stream is gone. */
export function recordsOf({ piece, from, to }: Part): Uint8Array[] {
  const { slab } = piece
  return Array.from({ length: to - from }, (_, n) => {
    return new Uint8Array(slab.subarray(recordBegin(piece, from + n, 0), recordEnd(piece, from + n)))
  })
}

/** Bytes of the records of a part, without what lies between them. */
export function bytesIn({ piece, from, to }: Part, gap: number): number {
  return to > from ? recordEnd(piece, to - 1) - recordBegin(piece, from, gap) - gap * (to - from - 1) : 0
}
