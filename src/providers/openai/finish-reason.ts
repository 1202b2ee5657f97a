/** What the `finish_reason` of Chat Completions means, in the words of every service that speaks it. Pure. */
import { failed, incomplete } from './answer.ts'
import type { AnswerOutcome } from './answer.ts'
import { UpstreamError } from '../upstream-error.ts'
import type { UpstreamErrorCode } from '../upstream-error.ts'

/** They say that the model had said all. */
const COMPLETED: ReadonlySet<string> = new Set([
  'stop',
  'tool_calls',
  'tool_use',
  'function_call',
  'end_turn',
  'stop_sequence',
  'eos',
  'eos_token',
  'complete',
  'completed',
])

/** They say that the service gave up. */
const FAILED: Readonly<Record<string, UpstreamErrorCode>> = {
  error: 'failed',
  failed: 'failed',
  network_error: 'unavailable',
  insufficient_system_resource: 'unavailable',
  overloaded: 'unavailable',
  timeout: 'unavailable',
  abort: 'cancelled',
  aborted: 'cancelled',
  cancelled: 'cancelled',
  canceled: 'cancelled',
  malformed_function_call: 'failed',
}

/**
 * How an answer with this reason ended; undefined for what is no reason yet. A reason that nobody knows
 * is one that ended the answer early.
 */
export function outcomeOfReason(reason: unknown): AnswerOutcome | undefined {
  if (!isReason(reason)) return undefined
  const known = reason.toLowerCase()
  if (COMPLETED.has(known)) return { status: 'completed' }
  const code = Object.hasOwn(FAILED, known) ? FAILED[known] : undefined
  return code === undefined ? incomplete(reason) : failed(new UpstreamError(code, `finish_reason ${known}`))
}

/** Some services say '' or 'null' until the answer ends. */
export function isReason(reason: unknown): reason is string {
  return typeof reason === 'string' && reason !== '' && reason !== 'null'
}
