/**
 * A frame of records as an endpoint may send it to a reader that is late: its records merged into one, from the same
 * place to the same place. The contract lets it: frames say where they begin and end, and nobody counts records.
 */
import type { Json } from '../../src/protocol/json.ts'
import { readServerFrame } from '../../src/protocol/stream-frames.ts'

export function mergedFrame(text: string): string {
  const frame = readServerFrame(text)
  if (frame?.type !== 'records' || frame.encoding !== undefined) return text
  if (frame.records.length < 2) return text
  return JSON.stringify({ ...frame, records: [{ merged: frame.records }] })
}

/** The records of one that may be merged. */
export function recordsIn(record: unknown): readonly Json[] {
  const { merged } = (typeof record === 'object' && record !== null ? record : {}) as {
    readonly merged?: Json[]
  }
  return merged ?? [record as Json]
}
