/**
 * How far a response in the background was read. `openai({ background: true })` keeps it as its checkpoint
 * with every event, and another process continues from it. Pure.
 */
import type { Json } from '../../protocol/json.ts'
import { UPSTREAM_ERRORS } from '../upstream-error.ts'
import type { UpstreamErrorCode } from '../upstream-error.ts'

export type BackgroundPlace = {
  /** The id of the response. */
  readonly response: string
  /** The `sequence_number` of the last event that was passed on. */
  readonly after: number
  /** When it entered the service's queue, in milliseconds since 1970; absent after it left the queue. */
  readonly queuedAt?: number
  /** Set when the last event was passed on: the answer is whole, or failed with this code. */
  readonly ended?: 'whole' | UpstreamErrorCode
}

/**
 * The place that a checkpoint names; undefined when there is none.
 *
 * @throws {TypeError} for a checkpoint of another provider.
 */
export function readPlace(checkpoint: Json | undefined): BackgroundPlace | undefined {
  if (checkpoint === undefined) return undefined
  const { response, after, queuedAt, ended } = (checkpoint ?? {}) as { readonly [name: string]: Json }
  if (typeof response === 'string' && response !== '' && isSequenceNumber(after) && isEnd(ended)) {
    return {
      response,
      after,
      ...(typeof queuedAt === 'number' && { queuedAt }),
      ...(ended !== undefined && { ended }),
    }
  }
  throw new TypeError('resumeFrom is not a checkpoint of openai({ background: true })')
}

export function isSequenceNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isEnd(value: Json | undefined): value is BackgroundPlace['ended'] {
  return (
    value === undefined ||
    value === 'whole' ||
    (typeof value === 'string' && Object.hasOwn(UPSTREAM_ERRORS, value))
  )
}
