/** Makes what closes the log of a run: the closing records of its kind, and its end. */
import { writeRunEnd } from '../../protocol/run-end.ts'
import type { RunEnd } from '../../protocol/run-end.ts'
import { kindRecords } from './kind-records.ts'
import type { Closing } from './log-writer.ts'
import type { RunSettings } from '../options.ts'
import { encodeOwed } from '../owed/owed.ts'
import type { Owed } from '../owed/owed.ts'
import { encodeRunRecord } from '../records/run-record.ts'
import type { RunRecord } from '../records/run-record.ts'

export interface ClosingDue {
  /** Whether the run's record must be written with the close. */
  readonly noteDue: boolean
  readonly owed: Owed | undefined
}

export function closingOf(
  settings: RunSettings,
  run: string,
  record: RunRecord,
  end: RunEnd,
  { noteDue, owed }: ClosingDue,
): Closing {
  const owes = owed && encodeOwed(owed)
  return {
    records: closingRecords(settings, run, record.kind, end),
    end: writeRunEnd(end),
    ...(owes !== undefined && { owes }),
    ...(noteDue && { metadata: encodeRunRecord(record) }),
  }
}

/**
 * Empty for a run without a kind, and for a kind that gives none or is unknown here. If they cannot be written, this
 * is logged and all of them are left out: the run ends either way.
 */
function closingRecords(
  settings: RunSettings,
  run: string,
  kind: string | undefined,
  end: RunEnd,
): readonly string[] {
  const { closing } = (kind !== undefined && settings.kinds.get(kind)) || {}
  if (kind === undefined || !closing) return []
  try {
    const outcome = 'its run has its end'
    return kindRecords(settings, { of: 'closing', kind, run, outcome, give: () => closing({ ...end }) })
  } catch (err) {
    settings.logger.error({ err, run, kind }, 'closing records of a run could not be made')
    return []
  }
}
