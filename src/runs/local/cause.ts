/** Why this process stopped working on a run. */
import type { RunEnd } from '../../protocol/run-end.ts'
import type { WriteRefusal } from '../log/log-writer.ts'

export type Cause =
  | { readonly type: 'end'; readonly end: RunEnd }
  /** It is left to the process that takes it over. */
  | { readonly type: 'released' }
  /** The log refuses further writes. */
  | { readonly type: 'refused'; readonly refusal: WriteRefusal }

/** Refusals by a log that no process fills any more. */
const FINAL: ReadonlySet<WriteRefusal> = new Set(['gone', 'closed'])

/** Whether the upstream work is no longer needed: the run has ended, or its log is gone. */
export function isForNobody(cause: Cause): boolean {
  return cause.type === 'end' || (cause.type === 'refused' && FINAL.has(cause.refusal))
}
