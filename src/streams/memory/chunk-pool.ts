/**
 * Memory for the records of a store: chunks of a few sizes, cut from large slabs and reused once their stream is
 * gone. A store keeps its peak memory.
 *
 * It is shared memory, although nothing shares it: V8 counts all other buffer memory, and runs a full garbage
 * collection for every 64 MiB of it. Here that would free nothing, because memory is given back explicitly, and would
 * pause every reader.
 *
 * A chunk is a place in its slab and has no buffer object: with thousands of streams, an append would wait for that
 * object to be fetched from slow memory, while the few slabs stay in the cache.
 */
import { Buffer } from 'node:buffer'

/** Chunk sizes are powers of two. Two bytes address a place in the largest. */
const SMALLEST = 512
export const LARGEST_CHUNK: number = 64 * 1024

/** Bytes of a slab. Unwritten parts take no memory yet. */
const SLAB = 4 * 1024 * 1024

export interface Chunk {
  readonly slab: Buffer
  /** Its bytes are those of the slab from `begin` to `end`, with undefined contents. */
  readonly begin: number
  readonly end: number
}

export class ChunkPool {
  readonly #idle = new Map<number, Chunk[]>()
  /** Number of additional owners of a chunk, by its slab and begin. */
  readonly #shared = new Map<Buffer, Map<number, number>>()
  #slab: Buffer | undefined
  /** Bytes of the slab that are in use. */
  #cut = 0

  /** A chunk of at least `size` bytes, or the largest size. */
  take(size: number): Chunk {
    let length = SMALLEST
    while (length < size && length < LARGEST_CHUNK) length *= 2
    return this.#idle.get(length)?.pop() ?? this.#new(length)
  }

  /** Adds an owner to a chunk, which will give it back as well. */
  share({ slab, begin }: Chunk): void {
    if (!isOfPool(slab)) return
    const shared = this.#shared.get(slab) ?? new Map<number, number>()
    this.#shared.set(slab, shared.set(begin, (shared.get(begin) ?? 0) + 1))
  }

  /** Takes a chunk back from one of its owners. A chunk that is not of a pool is left to V8. */
  give(chunk: Chunk): void {
    if (!isOfPool(chunk.slab) || this.#isStillHad(chunk)) return
    const length = chunk.end - chunk.begin
    const idle = this.#idle.get(length)
    if (idle) idle.push(chunk)
    else this.#idle.set(length, [chunk])
  }

  #isStillHad({ slab, begin }: Chunk): boolean {
    const shared = this.#shared.get(slab)
    const others = shared?.get(begin)
    if (!shared || others === undefined) return false
    if (others > 1) shared.set(begin, others - 1)
    else if (shared.delete(begin) && shared.size === 0) this.#shared.delete(slab)
    return true
  }

  #new(length: number): Chunk {
    if (!this.#slab || this.#cut + length > SLAB) {
      this.#slab = Buffer.from(new SharedArrayBuffer(SLAB))
      this.#cut = 0
    }
    const begin = this.#cut
    this.#cut += length
    return { slab: this.#slab, begin, end: this.#cut }
  }
}

function isOfPool(slab: Buffer): boolean {
  return slab.buffer instanceof SharedArrayBuffer
}
