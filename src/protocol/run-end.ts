/**
 * How a run ended, as its stream says it. Pure; the browser's client reads it too.
 *
 * It is what the stream is closed with: `{"status":"completed"}`, kept with the close and no record. Any
 * other stream may be closed with the like, and is then read as having ended so.
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

/** How a closed stream ended: as its run did, or `closed` where its end is none of a run. */
export type EndStatus = RunEnd['status'] | 'closed'

/** How a run ended, if what its stream is closed with says so. */
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

/** What to close the stream of a run with. */
export function writeRunEnd({ status, reason, message }: RunEnd): Json {
  return { status, ...(reason !== undefined && { reason }), ...(message !== undefined && { message }) }
}

export function isEndStatus(value: unknown): value is RunEnd['status'] {
  return value === 'completed' || value === 'stopped' || value === 'failed'
}
