/** The meaning of the `finish_reason` of Chat Completions, in the words of many services. Pure. */
import { failed, incomplete } from './answer.ts'
import type { AnswerOutcome } from './answer.ts'
import { UpstreamError } from '../upstream-error.ts'
import type { UpstreamErrorCode } from '../upstream-error.ts'

/** Reasons of a complete answer. */
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

/** Reasons of a failed answer. */
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
 * How an answer with this reason ended; undefined for a value that is not a reason. An unknown reason ended
 * the answer early.
 */
export function outcomeOfReason(reason: unknown): AnswerOutcome | undefined {
  if (!isReason(reason)) return undefined
  const known = reason.toLowerCase()
  if (COMPLETED.has(known)) return { status: 'completed' }
  const code = Object.hasOwn(FAILED, known) ? FAILED[known] : undefined
  return code === undefined ? incomplete(reason) : failed(new UpstreamError(code, `finish_reason ${known}`))
}

/** Some services send '' or 'null' until the answer ends. */
export function isReason(reason: unknown): reason is string {
  return typeof reason === 'string' && reason !== '' && reason !== 'null'
}
