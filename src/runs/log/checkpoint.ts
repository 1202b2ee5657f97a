/** Where a provider continues: the checkpoint of a run's stream, written in one step with the records it covers. */
import type { Json } from '../../protocol/json.ts'
import type { StreamStore } from '../../streams/store.ts'
import type { StreamInfo } from '../../streams/stream.ts'
import { member, numberIn } from '../records/json-members.ts'

export interface Checkpoint {
  /** As given by the provider; undefined after an attempt began anew and has none yet. */
  readonly value?: Json
  /** Number of records it covers. The provider yields the later ones again when it continues. */
  readonly at: number
  /** Bytes of those records. */
  readonly bytes: number
}

export function encodeCheckpoint({ value, at, bytes }: Checkpoint): Json {
  return { ...(value !== undefined && { value }), at, bytes }
}

/** The checkpoint of a run's stream; undefined if it has none or a malformed one. */
export function readCheckpoint({ checkpoint }: Pick<StreamInfo, 'checkpoint'>): Checkpoint | undefined {
  const value = member(checkpoint, 'value')
  const at = numberIn(checkpoint, 'at')
  if (at === undefined) return undefined
  return { ...(value !== undefined && { value }), at, bytes: numberIn(checkpoint, 'bytes') ?? 0 }
}

/** Most bytes of a checkpoint's value as JSON. The rest of the store's limit is for the fields beside it. */
export function checkpointValueBytes({ limits }: Pick<StreamStore, 'limits'>): number {
  return limits.checkpointBytes / 2
}
