/**
 * Finds the `UpstreamError` for anything that was thrown or sent on the way to a model service.
 *
 * It reads the shape of errors, not their class: the SDK is loaded only by the provider that uses it, and an
 * error from another bundle or worker has the shape but not the class. Pure.
 */
import { faultOf, statusOf } from './api-fault.ts'
import type { ApiFault } from './api-fault.ts'
import { plainWords, redact } from './redact.ts'
import { retryAfterOf } from './retry-after.ts'
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
  insufficient_balance: 'quota_exhausted',
  insufficient_credits: 'quota_exhausted',
  exceeded_current_quota_error: 'quota_exhausted',
  rate_limit_exceeded: 'rate_limited',
  rate_limit_error: 'rate_limited',
  slow_down: 'rate_limited',
  server_error: 'unavailable',
  server_is_overloaded: 'unavailable',
  overloaded_error: 'unavailable',
  vector_store_timeout: 'unavailable',
  model_not_found: 'model_not_found',
  context_length_exceeded: 'context_too_long',
  context_window_exceeded: 'context_too_long',
  exceed_context_size_error: 'context_too_long',
  request_too_large: 'context_too_long',
  string_above_max_length: 'context_too_long',
  content_filter: 'content_refused',
  content_policy_violation: 'content_refused',
  image_content_policy_violation: 'content_refused',
  moderation_blocked: 'content_refused',
  bio_policy: 'content_refused',
  misalignment_policy_violation: 'content_refused',
  invalid_prompt: 'content_refused',
  // Names of errors in libraries that services are built with, and in Google's service.
  authenticationerror: 'key_refused',
  unauthenticated: 'key_refused',
  permissiondeniederror: 'access_denied',
  permission_denied: 'access_denied',
  ratelimiterror: 'rate_limited',
  resource_exhausted: 'rate_limited',
  contextwindowexceedederror: 'context_too_long',
  contentpolicyviolationerror: 'content_refused',
  internalservererror: 'unavailable',
  serviceunavailableerror: 'unavailable',
  unavailable: 'unavailable',
  deadline_exceeded: 'unavailable',
  timeout: 'unavailable',
  badrequesterror: 'bad_request',
  invalid_argument: 'bad_request',
}

/** Messages of errors for which services have no code, or one with several meanings. */
const SAID: readonly (readonly [RegExp, UpstreamErrorCode])[] = [
  [
    /maximum context length|context (?:size|length|window)|(?:prompt|input) is too long|input token count|too many (?:input )?tokens/i,
    'context_too_long',
  ],
  [
    /insufficient[ _](?:credit|balance|fund|quota)|credit balance is too low|out of credits?/i,
    'quota_exhausted',
  ],
  [/(?:invalid|incorrect) api[ _-]?key|api[ _-]?key (?:is )?(?:not valid|invalid)/i, 'key_refused'],
]

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

/** Messages of the SDK, fetch and its bodies for any other failure of the connection. */
const BROKEN: ReadonlySet<string> = new Set(['Connection error.', 'fetch failed', 'terminated'])

/** The meaning of an error of the API. `secrets` are removed from its detail. */
export function apiError(
  fault: ApiFault,
  secrets: readonly string[] = [],
  retryAfter?: number,
): UpstreamError {
  const code = apiErrorCode(fault)
  const message = text(fault.message)
  const parts = [
    fault.status === undefined ? '' : `HTTP ${fault.status}`,
    fault.status !== undefined && fault.code === fault.status ? '' : name(fault.code) || name(fault.type),
    // The type of an error tells more than a status.
    fault.status === undefined && statusOf(fault.code) !== undefined ? text(fault.type) : '',
    labelled('parameter', fault.param),
    labelled('request', fault.requestId),
    retryAfter === undefined ? '' : `again after ${retryAfter} s`,
    quotesTheKey(code, fault.status) ? plainWords(message, secrets) : message,
  ]
  const detail = redact(parts.filter((part) => part !== '').join(', '), secrets)
  return new UpstreamError(code, detail, retryAfter)
}

function apiErrorCode(fault: ApiFault): UpstreamErrorCode {
  const { code, type } = fault
  const named = lookUp(API_CODES, code) ?? lookUp(API_CODES, type)
  const message = text(fault.message)
  const status = fault.status ?? statusOf(code)
  if (named !== undefined && named !== 'bad_request') return named
  const meant = status !== undefined && status >= 500 ? undefined : saidCode(message)
  // A rate limit may mention tokens, too.
  if (meant !== undefined && (status !== 429 || meant === 'quota_exhausted')) return meant
  if (named !== undefined) return named
  if (status === undefined) return type === 'invalid_request_error' ? 'bad_request' : 'failed'
  if (status === 404 && /model/i.test(message)) return 'model_not_found'
  return STATUSES[status] ?? (status >= 500 ? 'unavailable' : 'bad_request')
}

function saidCode(message: string): UpstreamErrorCode | undefined {
  return SAID.find(([says]) => says.test(message))?.[1]
}

/** Whether the message may quote the key. OpenAI's 401 quotes a part, and other services may quote more. */
function quotesTheKey(code: UpstreamErrorCode, status: number | undefined): boolean {
  return status === 401 || status === 403 || code === 'key_refused' || code === 'access_denied'
}

/**
 * The meaning of an error of the OpenAI SDK, of fetch, or of Millrace.
 *
 * @param secrets texts that must not appear in the detail, such as the key that was sent.
 */
export function upstreamError(error: unknown, secrets: readonly string[] = []): UpstreamError {
  if (error instanceof UpstreamError) return error
  if (!isRecord(error)) return new UpstreamError('unknown')
  const status = typeof error.status === 'number' ? error.status : undefined
  const body = isRecord(error.error) ? error.error : undefined
  if (status !== undefined || body !== undefined) {
    const { code, type, param, requestID } = error
    // The error's own message is not used: for any other body the SDK puts the whole body there.
    const said = body ? faultOf(body) : undefined
    const fault = {
      status,
      code: code ?? said?.code,
      type: type ?? said?.type,
      param,
      requestId: requestID ?? said?.requestId,
      message: said?.message,
    }
    return apiError(fault, secrets, retryAfterOf(error))
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
  // The SDK aborts a request that takes too long, so its timeout has an abort as its cause.
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
  if (typeof key !== 'string') return undefined
  if (Object.hasOwn(table, key)) return table[key]
  const lower = key.toLowerCase()
  return Object.hasOwn(table, lower) ? table[lower] : undefined
}

/** A code or a type, which may be a number. */
function name(value: unknown): string {
  return typeof value === 'number' ? String(value) : text(value)
}

/** The value if it is text, and an empty text otherwise. */
function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function labelled(label: string, value: unknown): string {
  return text(value) === '' ? '' : `${label} ${text(value)}`
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
