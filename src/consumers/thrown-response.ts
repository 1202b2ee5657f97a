/** What answers a handshake or a request in place of what was asked for, when a hook throws it. */
import { HttpError } from '../protocol/errors.ts'

export type ThrownResponse = HttpError | Response

export function isThrownResponse(thrown: unknown): thrown is ThrownResponse {
  return thrown instanceof HttpError || isResponse(thrown)
}

/** By its shape: an adapter may have put a class of its own in the place of the global one. */
export function isResponse(value: unknown): value is Response {
  return (
    typeof value === 'object' && value !== null && 'headers' in value && 'body' in value && 'status' in value
  )
}
