/** How much each write adds to its transaction. */
import type { StreamRecord } from '../../stream.ts'
import { writtenBytes } from '../../bookkeeping/waiting-writes.ts'
import type { WrittenParts } from '../../bookkeeping/waiting-writes.ts'
import type { Weight } from '../commits/pending-write.ts'
import { SWEEP_SLICE } from '../commits/writes.ts'

/** A write of a few rows. */
export const FEW_ROWS: Weight = { records: 1, bytes: 0 }
/** A delete, or a trim: the records are removed behind it. */
export const DELETE: Weight = { ...FEW_ROWS, frees: true }
export const SWEEP: Weight = { records: SWEEP_SLICE, bytes: 0, frees: true }

export function weightOf(parts: WrittenParts & { readonly records: readonly StreamRecord[] }): Weight {
  return { records: parts.records.length, bytes: writtenBytes(parts) }
}
