/**
 * How a run ended. Pure; the browser's client reads it, too.
 *
 * The end is the value with which a run's stream is closed: `{"status":"completed"}`, kept with the close and
 * not as a record. Another stream that is closed with such a value is read in the same way.
 */
import type { Json } from './json.ts'

export type RunStatus = 'running' | 'completed' | 'stopped' | 'failed'

export interface RunEnd {
  readonly status: Exclude<RunStatus, 'running'>
  /** A stable code; absent for a run that completed or that a user stopped. docs/runs.md lists them. */
  readonly reason?: string
  /** What happened and what to do, for the reader. */
  readonly message?: string
}

/** How a closed stream ended: like its run, or `closed` when it has no end of a run. */
export type EndStatus = RunEnd['status'] | 'closed'

/** Reads the end of a run from the value with which a stream is closed; undefined for another value. */
export function readRunEnd(end: Json | undefined): RunEnd | undefined {
  if (typeof end !== 'object' || end === null || !('status' in end)) return undefined
  const { status, reason, message } = end
  if (!isEndStatus(status)) return undefined
  return {
    status,
    ...(typeof reason === 'string' && { reason }),
    ...(typeof message === 'string' && { message }),
  }
}

/** The value with which the stream of a run is closed. */
export function writeRunEnd({ status, reason, message }: RunEnd): Json {
  return { status, ...(reason !== undefined && { reason }), ...(message !== undefined && { message }) }
}

export function isEndStatus(value: unknown): value is RunEnd['status'] {
  return value === 'completed' || value === 'stopped' || value === 'failed'
}
