/**
 * Memory for the records of a store: chunks of a few sizes, cut from large slabs and used again once
 * their stream is gone. A store keeps what it needed at its fullest.
 *
 * It is shared memory, though nobody shares it: V8 counts all other memory of buffers, and collects all
 * garbage of the process for every 64 MiB that come. That would find nothing here, where memory is
 * given back by hand, and would hold up every reader meanwhile.
 */
import { Buffer } from 'node:buffer'

/** Sizes of chunks are powers of two. Two bytes address a place in the largest. */
const SMALLEST = 512
export const LARGEST_CHUNK: number = 64 * 1024

/** Bytes of a slab. What nobody has written to takes no memory yet. */
const SLAB = 1024 * 1024

export class ChunkPool {
  readonly #idle = new Map<number, Buffer[]>()
  #slab: SharedArrayBuffer | undefined
  /** Bytes of the slab that were cut off. */
  #cut = 0

  /** A chunk of `size` bytes or more, but none larger than the largest. What it holds is anything. */
  take(size: number): Buffer {
    let length = SMALLEST
    while (length < size && length < LARGEST_CHUNK) length *= 2
    return this.#idle.get(length)?.pop() ?? this.#new(length)
  }

  /** Takes back a chunk that nobody looks at any more. What is not of this pool is left to V8. */
  give(chunk: Buffer): void {
    if (!(chunk.buffer instanceof SharedArrayBuffer)) return
    const idle = this.#idle.get(chunk.length)
    if (idle) idle.push(chunk)
    else this.#idle.set(chunk.length, [chunk])
  }

  #new(length: number): Buffer {
    if (!this.#slab || this.#cut + length > SLAB) {
      this.#slab = new SharedArrayBuffer(SLAB)
      this.#cut = 0
    }
    const chunk = Buffer.from(this.#slab, this.#cut, length)
    this.#cut += length
    return chunk
  }
}
