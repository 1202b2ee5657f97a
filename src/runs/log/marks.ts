/** The records that mark a new attempt at a run, given by its kind. */
import { Buffer } from 'node:buffer'
import { kindRecords } from './kind-records.ts'
import type { NewAttempt, RunDefinition } from '../definition.ts'
import type { RunSettings } from '../options.ts'
import type { RunRecord } from '../records/run-record.ts'

export interface Marks {
  readonly records: readonly string[]
  /** Bytes of the records. */
  readonly size: number
  /** How often the run began anew, including this time. */
  readonly restarts: number
}

/** The attempt to be marked. */
export interface Marking {
  readonly run: string
  readonly record: Pick<RunRecord, 'kind' | 'restarts'>
  readonly newAttempt: RunDefinition['newAttempt']
  readonly reason: NewAttempt['reason']
}

/** @throws as `kindRecords` does, and `RangeError` if there is no record. */
export function marksOf(settings: RunSettings, { run, record, newAttempt, reason }: Marking): Marks {
  const { kind = '' } = record
  const restarts = (record.restarts ?? 0) + 1
  const attempt = { attempt: restarts + 1, reason }
  const give = (): readonly unknown[] => newAttempt?.(attempt) ?? []
  const outcome = 'its run goes on'
  const records = kindRecords(settings, { of: 'newAttempt', kind, run, outcome, give })
  if (records.length === 0) throw new RangeError('newAttempt returned no record')
  return { records, size: records.reduce((sum, text) => sum + Buffer.byteLength(text), 0), restarts }
}
