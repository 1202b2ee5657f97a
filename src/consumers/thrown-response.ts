/** The response that a hook throws, to answer a handshake or a request itself. */
import { HttpError } from '../protocol/errors.ts'

export type ThrownResponse = HttpError | Response

export function isThrownResponse(thrown: unknown): thrown is ThrownResponse {
  return thrown instanceof HttpError || isResponse(thrown)
}

/** Checks the shape, because an adapter may have replaced the global class. */
export function isResponse(value: unknown): value is Response {
  return (
    typeof value === 'object' && value !== null && 'headers' in value && 'body' in value && 'status' in value
  )
}
