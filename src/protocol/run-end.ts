/**
 * How a run ended, as its stream says it. Pure; the browser's client reads it too.
 *
 * The last record of a run's stream is `{"type":"millrace.end","status":"completed"}`, appended in
 * the step that closes the stream. It is known by its place: a record that looks like it anywhere
 * else is a provider's own.
 */
import type { Json } from './json.ts'

export type RunStatus = 'running' | 'completed' | 'stopped' | 'failed'

export interface RunEnd {
  readonly status: Exclude<RunStatus, 'running'>
  /** A stable code; absent for a run that completed, or that somebody stopped. docs/runs.md lists them. */
  readonly reason?: string
  /** What happened and what to do about it, for the person who reads. */
  readonly message?: string
}

const TYPE = 'millrace.end'

/** The text of the last record. */
export function encodeRunEnd({ status, reason, message }: RunEnd): string {
  return JSON.stringify({ type: TYPE, status, reason, message })
}

/** How the run ended, if this value of the last record of a closed stream says so. */
export function readRunEnd(record: Json): RunEnd | undefined {
  if (typeof record !== 'object' || record === null || !('type' in record) || record.type !== TYPE)
    return undefined
  const { status, reason, message } = record
  if (!isEndStatus(status)) return undefined
  return {
    status,
    ...(typeof reason === 'string' && { reason }),
    ...(typeof message === 'string' && { message }),
  }
}

export function isEndStatus(value: unknown): value is RunEnd['status'] {
  return value === 'completed' || value === 'stopped' || value === 'failed'
}
