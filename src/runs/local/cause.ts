/** What ended the work on a run in this process. */
import type { RunEnd } from '../../protocol/run-end.ts'
import type { WriteRefusal } from '../log/log-writer.ts'

export type Cause =
  | { readonly type: 'end'; readonly end: RunEnd }
  /** It is left to whoever takes it over. */
  | { readonly type: 'released' }
  /** The log takes nothing more of it. */
  | { readonly type: 'refused'; readonly refusal: WriteRefusal }

/** Of a log that nobody fills any more. */
const FINAL: ReadonlySet<WriteRefusal> = new Set(['gone', 'closed'])

/** Whether nobody wants what is under way upstream: the run ended, or its log is no more. */
export function isForNobody(cause: Cause): boolean {
  return cause.type === 'end' || (cause.type === 'refused' && FINAL.has(cause.refusal))
}
