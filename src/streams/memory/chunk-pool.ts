/**
 * Memory for the records of a store: chunks of a few sizes, cut from large slabs and used again once
 * their stream is gone. A store keeps what it needed at its fullest.
 *
 * It is shared memory, though nobody shares it: V8 counts all other memory of buffers, and collects all
 * garbage of the process for every 64 MiB that come. That would find nothing here, where memory is
 * given back by hand, and would hold up every reader meanwhile.
 *
 * A chunk is a place in its slab and has no buffer of its own: with thousands of streams, an append
 * would have to wait for that object to come out of slow memory, while the few slabs are always at hand.
 */
import { Buffer } from 'node:buffer'

/** Sizes of chunks are powers of two. Two bytes address a place in the largest. */
const SMALLEST = 512
export const LARGEST_CHUNK: number = 64 * 1024

/** Bytes of a slab. What nobody has written to takes no memory yet. */
const SLAB = 4 * 1024 * 1024

export interface Chunk {
  readonly slab: Buffer
  /** Its bytes are those of the slab from `begin` up to `end`. What they hold is anything. */
  readonly begin: number
  readonly end: number
}

export class ChunkPool {
  readonly #idle = new Map<number, Chunk[]>()
  /** How many more than one have a chunk, by its slab and where it begins there. */
  readonly #shared = new Map<Buffer, Map<number, number>>()
  #slab: Buffer | undefined
  /** Bytes of the slab that were cut off. */
  #cut = 0

  /** A chunk of `size` bytes or more, but none larger than the largest. */
  take(size: number): Chunk {
    let length = SMALLEST
    while (length < size && length < LARGEST_CHUNK) length *= 2
    return this.#idle.get(length)?.pop() ?? this.#new(length)
  }

  /** One more has this chunk, and will give it back as well. */
  share({ slab, begin }: Chunk): void {
    if (!isOfPool(slab)) return
    const shared = this.#shared.get(slab) ?? new Map<number, number>()
    this.#shared.set(slab, shared.set(begin, (shared.get(begin) ?? 0) + 1))
  }

  /** Takes back a chunk that nobody looks at any more but those it is shared with. What is not of a pool is left to V8. */
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
