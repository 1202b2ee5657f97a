/** What a client may be told about an error. */
import { HttpError } from '../protocol/errors.ts'
import type { InputIssue } from '../protocol/stream-frames.ts'
import { STREAM_ERRORS } from '../protocol/stream-errors.ts'
import { RunError } from '../runs/errors.ts'
import { StoreError, StreamRequestError } from '../streams/errors.ts'

export interface PublicError {
  /** A code of `STREAM_ERRORS`, of `RUN_ERRORS`, or of an `HttpError`. */
  readonly code: string
  readonly message: string
  /** Whether the client caused the error. Otherwise the server failed, and the error belongs in its log. */
  readonly expected: boolean
  /** Seconds after which a retry may succeed, if waiting is enough. */
  readonly retryAfter?: number
  /** What is wrong with an input. */
  readonly issues?: readonly InputIssue[]
}

/** Codes of errors that may pass in a moment. */
const PASSING: ReadonlySet<string> = new Set(['process_full', 'too_many_runs', 'input_undecided'])

/** Seconds after which a run may have ended. */
const RETRY_AFTER = 5

export function publicError(error: unknown): PublicError {
  if (error instanceof RunError || error instanceof StreamRequestError || error instanceof HttpError) {
    const retryAfter = retryAfterOf(error)
    return {
      code: error.code,
      message: error.message,
      expected: true,
      ...(retryAfter !== undefined && { retryAfter }),
      ...(error instanceof RunError && error.issues && { issues: error.issues }),
    }
  }
  const code = error instanceof StoreError ? 'store_failed' : 'internal_error'
  return { code, message: STREAM_ERRORS[code], expected: false }
}

function retryAfterOf(error: RunError | StreamRequestError | HttpError): number | undefined {
  if (PASSING.has(error.code)) return RETRY_AFTER
  const said = error instanceof HttpError ? error.headers['retry-after'] : undefined
  return said !== undefined && /^\d{1,9}$/.test(said) ? Number(said) : undefined
}
