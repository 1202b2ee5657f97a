/**
 * How much a store has taken on to write and not answered yet. While it cannot write (another process
 * holds the file, a server is away) what waits is held in memory: so it is bounded, and more is refused
 * at once.
 */
import { StoreError } from '../errors.ts'

/** Bytes that may wait in one store. One write alone may be as large as an append may be. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024

/** Bytes that a write takes itself, or somewhat less. */
const WRITE_BYTES = 512

/** The parts of a request that may be large. */
export interface WrittenParts {
  /** Of its records. */
  readonly bytes: number
  readonly metadata?: string | undefined
  readonly checkpoint?: string | undefined
}

/** Bytes of a request, its records, metadata and checkpoint together. */
export function writtenBytes({ bytes, metadata = '', checkpoint = '' }: WrittenParts): number {
  return bytes + metadata.length + checkpoint.length
}

export class WaitingWrites {
  #bytes = 0

  /**
   * Takes on a write of so many bytes, which are to be given back once it is answered.
   *
   * @throws {StoreError} `overloaded` when there is no room for it.
   */
  take(bytes: number): void {
    const taken = bytes + WRITE_BYTES
    if (this.#bytes > 0 && this.#bytes + taken > MAX_WAITING_BYTES) {
      throw new StoreError('overloaded', 'The stream store has too much to write already: try again later')
    }
    this.#bytes += taken
  }

  give(bytes: number): void {
    this.#bytes -= bytes + WRITE_BYTES
  }
}
