/**
 * What a failure means that the AI SDK threw or gave. Read by its shape: pages may have another copy of the
 * package.
 */
import { apiError, upstreamError } from '../upstream-cause.ts'
import { faultIn } from '../api-fault.ts'
import { redact } from '../redact.ts'
import { UpstreamError } from '../upstream-error.ts'

/** The errors that hold what was tried: the last of them says why. */
const RETRIES = 'AI_RetryError'
/** A model was asked without a key: its message names the variable that is not set. */
const NO_KEY = 'AI_LoadAPIKeyError'

export function aiSdkError(error: unknown): UpstreamError {
  if (!isRecord(error) || error instanceof UpstreamError) return upstreamError(error)
  if (error.name === RETRIES && error.lastError !== undefined) return aiSdkError(error.lastError)
  if (error.name === NO_KEY) return new UpstreamError('key_missing', redact(String(error.message), []))
  const status = typeof error.statusCode === 'number' ? error.statusCode : undefined
  if (status === undefined) {
    const said = faultIn(error)
    return said && !(error instanceof Error) ? apiError(said) : upstreamError(error.cause ?? error)
  }
  return apiError({ message: error.message, ...faultIn(error.data), status })
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
