/**
 * Bounds the writes that a store has accepted and not answered yet. While it cannot write (another process holds the
 * file, a server is unavailable), they wait in memory; more are refused at once.
 */
import { StoreError } from '../errors.ts'

/** Bytes that may wait in one store. A single write may be as large as an append may be. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024

/** Bytes that a write takes beside its content, about. */
const WRITE_BYTES = 512

/** The parts of a request that may be large. */
export interface WrittenParts {
  /** Of its records. */
  readonly bytes: number
  readonly metadata?: string | undefined
  readonly checkpoint?: string | undefined
}

/** Bytes of a request: its records, metadata and checkpoint. */
export function writtenBytes({ bytes, metadata = '', checkpoint = '' }: WrittenParts): number {
  return bytes + metadata.length + checkpoint.length
}

export class WaitingWrites {
  #bytes = 0

  /**
   * Accepts a write of this many bytes. Give them back once it is answered.
   *
   * @throws {StoreError} `overloaded` if there is no room for it.
   */
  take(bytes: number): void {
    const taken = bytes + WRITE_BYTES
    if (this.#bytes > 0 && this.#bytes + taken > MAX_WAITING_BYTES) {
      throw new StoreError('overloaded', 'The stream store has too many writes waiting: try again later')
    }
    this.#bytes += taken
  }

  give(bytes: number): void {
    this.#bytes -= bytes + WRITE_BYTES
  }
}
