/**
 * From where a provider goes on: what is kept as the checkpoint of a run's stream, in one step with the
 * records that it covers.
 */
import type { Json } from '../../protocol/json.ts'
import type { StreamStore } from '../../streams/store.ts'
import type { StreamInfo } from '../../streams/stream.ts'
import { member, numberIn } from '../records/json-members.ts'

export interface Checkpoint {
  /** As the provider gave it; undefined where an attempt began anew, which has none yet. */
  readonly value?: Json
  /** How many records of the run it covers: those behind it come again when the provider goes on. */
  readonly at: number
  /** Bytes of the records that it covers. */
  readonly bytes: number
}

export function encodeCheckpoint({ value, at, bytes }: Checkpoint): Json {
  return { ...(value !== undefined && { value }), at, bytes }
}

/** The checkpoint of a run's stream; undefined where it has none, or what it has is none. */
export function readCheckpoint({ checkpoint }: Pick<StreamInfo, 'checkpoint'>): Checkpoint | undefined {
  const value = member(checkpoint, 'value')
  const at = numberIn(checkpoint, 'at')
  if (at === undefined) return undefined
  return { ...(value !== undefined && { value }), at, bytes: numberIn(checkpoint, 'bytes') ?? 0 }
}

/** Bytes that the value of a checkpoint may have as JSON; the others are for what is kept with it. */
export function checkpointValueBytes({ limits }: Pick<StreamStore, 'limits'>): number {
  return limits.checkpointBytes / 2
}
