/**
 * From whatever was thrown or sent on the way to a model service to what it means.
 *
 * Reads errors by their shape, not their class: the SDK is loaded only by the provider that uses it,
 * and an error that crossed a bundle or a worker has the shape but not the class. Pure.
 */
import { redact } from './redact.ts'
import { UpstreamError } from './upstream-error.ts'
import type { UpstreamErrorCode } from './upstream-error.ts'

/** The `code` or `type` of an error of the OpenAI API, over HTTP or within a stream. */
const API_CODES: Readonly<Record<string, UpstreamErrorCode>> = {
  invalid_api_key: 'key_refused',
  authentication_error: 'key_refused',
  account_deactivated: 'key_refused',
  unsupported_country_region_territory: 'access_denied',
  permission_error: 'access_denied',
  insufficient_quota: 'quota_exhausted',
  credit_balance_exhausted: 'quota_exhausted',
  billing_hard_limit_reached: 'quota_exhausted',
  billing_not_active: 'quota_exhausted',
  rate_limit_exceeded: 'rate_limited',
  rate_limit_error: 'rate_limited',
  slow_down: 'rate_limited',
  server_error: 'unavailable',
  server_is_overloaded: 'unavailable',
  overloaded_error: 'unavailable',
  vector_store_timeout: 'unavailable',
  model_not_found: 'model_not_found',
  context_length_exceeded: 'context_too_long',
  string_above_max_length: 'context_too_long',
  content_filter: 'content_refused',
  content_policy_violation: 'content_refused',
  image_content_policy_violation: 'content_refused',
  moderation_blocked: 'content_refused',
  bio_policy: 'content_refused',
  misalignment_policy_violation: 'content_refused',
  invalid_prompt: 'content_refused',
}

const STATUSES: Readonly<Record<number, UpstreamErrorCode>> = {
  401: 'key_refused',
  402: 'quota_exhausted',
  403: 'access_denied',
  404: 'endpoint_not_found',
  405: 'endpoint_not_found',
  408: 'timed_out',
  409: 'unavailable',
  413: 'context_too_long',
  429: 'rate_limited',
}

/** The `code` of an error of Node's sockets, DNS or fetch (undici). */
const NETWORK_CODES: Readonly<Record<string, UpstreamErrorCode>> = {
  ECONNREFUSED: 'unreachable',
  ECONNRESET: 'unreachable',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  ENOTFOUND: 'unreachable',
  EAI_AGAIN: 'unreachable',
  EPIPE: 'unreachable',
  ETIMEDOUT: 'unreachable',
  UND_ERR_SOCKET: 'unreachable',
  UND_ERR_CONNECT_TIMEOUT: 'unreachable',
  UND_ERR_HEADERS_TIMEOUT: 'timed_out',
  UND_ERR_BODY_TIMEOUT: 'stalled',
}

/** What the SDK, fetch and a body of fetch say of any other failure of the connection. */
const BROKEN: ReadonlySet<string> = new Set(['Connection error.', 'fetch failed', 'terminated'])

/** What the API says of an error: the body of an HTTP error, an `error` event, or a failed response. */
export interface ApiFault {
  readonly status?: number | undefined
  readonly code?: unknown
  readonly type?: unknown
  readonly param?: unknown
  readonly message?: unknown
  readonly requestId?: unknown
}

/** What an error of the API means. `secrets` are taken out of its detail. */
export function apiError(fault: ApiFault, secrets: readonly string[] = []): UpstreamError {
  const code = apiErrorCode(fault)
  const parts = [
    fault.status === undefined ? '' : `HTTP ${fault.status}`,
    text(fault.code) || text(fault.type),
    labelled('parameter', fault.param),
    labelled('request', fault.requestId),
    quotesTheKey(code, fault.status) ? '' : text(fault.message),
  ]
  return new UpstreamError(code, redact(parts.filter((part) => part !== '').join(', '), secrets))
}

function apiErrorCode({ status, code, type, message }: ApiFault): UpstreamErrorCode {
  const named = lookUp(API_CODES, code) ?? lookUp(API_CODES, type)
  if (named !== undefined) return named
  if (status === undefined) return type === 'invalid_request_error' ? 'bad_request' : 'failed'
  if (status === 404 && /model/i.test(text(message))) return 'model_not_found'
  return STATUSES[status] ?? (status >= 500 ? 'unavailable' : 'bad_request')
}

/** OpenAI's 401 quotes part of the key, and other services may quote more of it in other ways. */
function quotesTheKey(code: UpstreamErrorCode, status: number | undefined): boolean {
  return status === 401 || status === 403 || code === 'key_refused' || code === 'access_denied'
}

/**
 * What anything thrown means: by the OpenAI SDK, by fetch, or by Millrace.
 *
 * @param secrets what must not appear in the detail: the key that was sent, at the least.
 */
export function upstreamError(error: unknown, secrets: readonly string[] = []): UpstreamError {
  if (error instanceof UpstreamError) return error
  if (!isRecord(error)) return new UpstreamError('unknown')
  const status = typeof error.status === 'number' ? error.status : undefined
  const body = isRecord(error.error) ? error.error : undefined
  if (status !== undefined || body !== undefined) {
    const { code, type, param, requestID } = error
    // Not the error's own message: for a body that is no API error the SDK puts all of it there.
    return apiError({ status, code, type, param, requestId: requestID, message: body?.message }, secrets)
  }
  return thrownError(error, secrets)
}

function thrownError(error: Readonly<Record<string, unknown>>, secrets: readonly string[]): UpstreamError {
  const message = text(error.message)
  const chain = causes(error)
  const codes = chain.map((cause) => text(cause.code)).filter((code) => code !== '')
  const detail = redact([...codes, message].join(', '), secrets)
  for (const code of codes) {
    const meaning = lookUp(NETWORK_CODES, code)
    if (meaning !== undefined) return new UpstreamError(meaning, detail)
  }
  // The SDK ends a request that takes too long by aborting it, so its timeout has an abort for a cause.
  if (message.startsWith('Request timed out')) return new UpstreamError('timed_out', detail)
  if (message === 'Request was aborted.' || chain.some((cause) => cause.name === 'AbortError')) {
    return new UpstreamError('stopped')
  }
  if (BROKEN.has(message)) return new UpstreamError('unreachable', detail)
  return new UpstreamError(error instanceof SyntaxError ? 'bad_answer' : 'unknown', detail)
}

/** The error and what caused it, outermost first. */
function causes(error: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>[] {
  const found: Readonly<Record<string, unknown>>[] = []
  // Bounded, because a cause may be its own cause.
  for (let next: unknown = error; isRecord(next) && found.length < 8; next = next.cause) found.push(next)
  return found
}

function lookUp<T>(table: Readonly<Record<string, T>>, key: unknown): T | undefined {
  return typeof key === 'string' && Object.hasOwn(table, key) ? table[key] : undefined
}

/** The value when it is text, and no text otherwise: nothing that a service sends is taken on trust. */
function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function labelled(label: string, value: unknown): string {
  return text(value) === '' ? '' : `${label} ${text(value)}`
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
