/** The records by which a new attempt at a run is known, as its kind gives them. */
import { Buffer } from 'node:buffer'
import { failureFor } from './end-reasons.ts'
import { jsonText } from './json-members.ts'
import type { NewAttempt, RunKind } from './options.ts'

export interface Marks {
  readonly records: readonly string[]
  /** Their bytes. */
  readonly size: number
}

/** @throws what the kind throws, `RangeError` for no record at all, and `RunFailure` `not_json`. */
export function marksOf(newAttempt: RunKind['newAttempt'], attempt: NewAttempt): Marks {
  const records = newAttempt?.(attempt).map((mark) => {
    const text = jsonText(mark)
    if (text === undefined) throw failureFor('not_json')
    return text
  })
  if (!records?.length) throw new RangeError('newAttempt returned no record')
  return { records, size: records.reduce((sum, record) => sum + Buffer.byteLength(record), 0) }
}
