/** A way to bring records to readers, in the process that is measured. */
import type { BenchRecord } from '../record.ts'

export interface PeerOptions {
  /** They are called `s0`, `s1` and so on. */
  readonly streams: number
  /** What every stream holds when a reader comes: it is sent first. */
  readonly history: readonly BenchRecord[]
  /** For Millrace: a file of SQLite; without it, memory. */
  readonly store?: string | undefined
}

export interface Peer {
  readonly port: number
  /** Sends one record to the readers of one stream; a promise when the next one has to wait. */
  put(stream: number, record: BenchRecord): Promise<unknown> | undefined
}

/** Unsent bytes at which a source that is not paced waits for the readers, and at which it goes on. */
export const FULL = 1024 * 1024
export const ROOM: number = FULL / 2

export const streamName = (stream: number): string => `s${stream}`
