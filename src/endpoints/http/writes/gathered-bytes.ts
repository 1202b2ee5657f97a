/**
 * Gathers bytes that come in pieces of any size. A client may send a body byte by byte; each piece is an object of a
 * few hundred bytes that the limit on bodies would not count, so small pieces are copied together.
 */
import { Buffer } from 'node:buffer'

const BLOCK = 64 * 1024

/** Pieces of at least this length are kept as they came, and so are the first few: most bodies are one piece. */
const LARGE = 4 * 1024
const FEW = 8

export class GatheredBytes {
  readonly #pieces: Uint8Array[] = []
  #block: Buffer = Buffer.alloc(0)
  /** Bytes of the block in use, and how many of them are already in the pieces. */
  #used = 0
  #kept = 0
  #size = 0

  /** Bytes so far. */
  get size(): number {
    return this.#size
  }

  add(piece: Uint8Array): void {
    this.#size += piece.length
    if (piece.length >= LARGE || this.#pieces.length < FEW) {
      this.#keep()
      this.#pieces.push(piece)
      return
    }
    if (this.#used + piece.length > this.#block.length) {
      this.#keep()
      this.#block = Buffer.allocUnsafe(BLOCK)
      this.#used = this.#kept = 0
    }
    this.#block.set(piece, this.#used)
    this.#used += piece.length
  }

  /** All bytes, concatenated. */
  take(): Buffer {
    this.#keep()
    return Buffer.concat(this.#pieces)
  }

  #keep(): void {
    if (this.#used > this.#kept) this.#pieces.push(this.#block.subarray(this.#kept, this.#used))
    this.#kept = this.#used
  }
}
