/** What a client may be told of an error. */
import { HttpError } from '../protocol/errors.ts'
import { STREAM_ERRORS } from '../protocol/stream-errors.ts'
import { RunError } from '../runs/errors.ts'
import { StoreError, StreamRequestError } from '../streams/errors.ts'

export interface PublicError {
  /** One of `STREAM_ERRORS` or of `RUN_ERRORS`, or that of an `HttpError`. */
  readonly code: string
  readonly message: string
  /** The client asked for what cannot be; otherwise the server failed, and the error belongs in its log. */
  readonly expected: boolean
}

export function publicError(error: unknown): PublicError {
  if (error instanceof RunError || error instanceof StreamRequestError || error instanceof HttpError) {
    return { code: error.code, message: error.message, expected: true }
  }
  const code = error instanceof StoreError ? 'store_failed' : 'internal_error'
  return { code, message: STREAM_ERRORS[code], expected: false }
}
