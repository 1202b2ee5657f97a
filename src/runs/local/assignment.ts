/** What a process is given to work on a run. */
import type { Offset } from '../../protocol/offset.ts'
import type { RunEnd } from '../../protocol/run-end.ts'
import type { RunProvider } from '../../providers/provider.ts'
import type { Lease } from '../../streams/leases.ts'
import type { Checkpoint } from '../log/checkpoint.ts'
import type { RunDefinition } from '../definition.ts'
import type { RunRecord } from '../records/run-record.ts'

export interface Assignment extends Pick<RunDefinition, 'newAttempt'> {
  readonly lease: Lease
  readonly owner: string | undefined
  readonly record: RunRecord
  /** From where its provider continues; undefined for the start. */
  readonly checkpoint: Checkpoint | undefined
  /** The place after the last record of its log. */
  readonly tail: Offset
  /** Whether another process, or this one in an earlier life, worked on it before. */
  readonly takenOver: boolean
  /** Whether its provider can be called again to continue from a checkpoint. */
  readonly resumable: boolean
  /** Whether it begins anew, with the records of `newAttempt`. */
  readonly anew?: boolean
  /** Makes its provider, if this process can. */
  readonly provider: (() => RunProvider) | undefined
  /** Its end, if it is not to continue. */
  readonly end?: RunEnd
}
