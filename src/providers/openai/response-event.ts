/** Checks events of the Responses API before they are passed on. Pure. */
import type { OpenAI } from 'openai'
import { faultIn } from '../api-fault.ts'
import { isSignOfLife } from './event-data.ts'
import { redact } from '../redact.ts'
import { apiError } from '../upstream-cause.ts'
import { UpstreamError } from '../upstream-error.ts'

export type ResponseStreamEvent = OpenAI.Responses.ResponseStreamEvent

/**
 * The event to pass on, or undefined for one that only keeps the connection alive.
 *
 * @throws {UpstreamError} for an error of the service in the stream, and for data that is not an event.
 */
export function readEvent(data: unknown, secrets: readonly string[]): ResponseStreamEvent | undefined {
  const event = data as { readonly type?: unknown } | null
  if (event?.type === undefined || event.type === 'error') {
    const fault = faultIn(data)
    if (fault) throw apiError(fault, secrets)
  }
  if (isSignOfLife(data)) return undefined
  if (typeof event?.type !== 'string') throw new UpstreamError('bad_answer', 'an event without a type')
  const known = event as ResponseStreamEvent
  return known.type === 'response.failed' ? withoutSecrets(known, secrets) : known
}

/** Redacts the message of a failed response, in which a proxy may quote the key. */
function withoutSecrets(
  event: OpenAI.Responses.ResponseFailedEvent,
  secrets: readonly string[],
): ResponseStreamEvent {
  const { error } = event.response ?? {}
  if (!error) return event
  return {
    ...event,
    response: { ...event.response, error: { ...error, message: redact(error.message, secrets) } },
  }
}
