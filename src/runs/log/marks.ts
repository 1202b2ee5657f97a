/** The records by which a new attempt at a run is known, as its kind gives them. */
import { Buffer } from 'node:buffer'
import { kindRecords } from './kind-records.ts'
import type { NewAttempt, RunDefinition } from '../definition.ts'
import type { RunSettings } from '../options.ts'
import type { RunRecord } from '../records/run-record.ts'

export interface Marks {
  readonly records: readonly string[]
  /** Their bytes. */
  readonly size: number
  /** How often the run began anew, this time included. */
  readonly restarts: number
}

/** What is to be marked. */
export interface Marking {
  readonly run: string
  readonly record: Pick<RunRecord, 'kind' | 'restarts'>
  readonly newAttempt: RunDefinition['newAttempt']
  readonly reason: NewAttempt['reason']
}

/** @throws as `kindRecords` does, and `RangeError` for no record at all. */
export function marksOf(settings: RunSettings, { run, record, newAttempt, reason }: Marking): Marks {
  const { kind = '' } = record
  const restarts = (record.restarts ?? 0) + 1
  const attempt = { attempt: restarts + 1, reason }
  const give = (): readonly unknown[] => newAttempt?.(attempt) ?? []
  const outcome = 'its run takes no notice'
  const records = kindRecords(settings, { of: 'newAttempt', kind, run, outcome, give })
  if (records.length === 0) throw new RangeError('newAttempt returned no record')
  return { records, size: records.reduce((sum, text) => sum + Buffer.byteLength(text), 0), restarts }
}
