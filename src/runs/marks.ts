/** The records by which a new attempt at a run is known, as its kind gives them. */
import { Buffer } from 'node:buffer'
import { kindRecords } from './kind-records.ts'
import type { NewAttempt, RunKind, RunSettings } from './options.ts'
import type { RunRecord } from './run-record.ts'

export interface Marks {
  readonly records: readonly string[]
  /** Their bytes. */
  readonly size: number
}

/** @throws as `kindRecords` does, and `RangeError` for no record at all. */
export function marksOf(
  settings: RunSettings,
  run: string,
  { kind = '' }: Pick<RunRecord, 'kind'>,
  newAttempt: RunKind['newAttempt'],
  attempt: NewAttempt,
): Marks {
  const give = (): readonly unknown[] => newAttempt?.(attempt) ?? []
  const outcome = 'its run takes no notice'
  const records = kindRecords(settings, { of: 'newAttempt', kind, run, outcome, give })
  if (records.length === 0) throw new RangeError('newAttempt returned no record')
  return { records, size: records.reduce((sum, record) => sum + Buffer.byteLength(record), 0) }
}
