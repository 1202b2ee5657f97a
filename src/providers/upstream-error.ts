/**
 * The registry of errors between this server and a model service. Each has a stable code, a sentence for the
 * user, and whether a retry may help.
 */

import { waitInWords } from './retry-after.ts'

/** The end of sentences about faults that only the operator can repair. */
const TELL = 'Please tell the person who runs this server.'

/** A stable name of an upstream error. */
export type UpstreamErrorCode =
  | 'key_missing'
  | 'key_refused'
  | 'access_denied'
  | 'quota_exhausted'
  | 'model_not_found'
  | 'endpoint_not_found'
  | 'bad_request'
  | 'context_too_long'
  | 'content_refused'
  | 'rate_limited'
  | 'unavailable'
  | 'unreachable'
  | 'timed_out'
  | 'queued_too_long'
  | 'stalled'
  | 'cut'
  | 'expired'
  | 'bad_answer'
  | 'background_unsupported'
  | 'failed'
  | 'cancelled'
  | 'stopped'
  | 'sdk_missing'
  | 'unknown'

export const UPSTREAM_ERRORS: Readonly<
  Record<UpstreamErrorCode, { readonly retryable: boolean; readonly sentence: string }>
> = {
  key_missing: { retryable: false, sentence: `This server has no key for the model service. ${TELL}` },
  key_refused: { retryable: false, sentence: `The model service refused this server's key. ${TELL}` },
  access_denied: {
    retryable: false,
    sentence: `The model service does not allow this server to use what it requested. ${TELL}`,
  },
  quota_exhausted: {
    retryable: false,
    sentence: `This server's account at the model service has no quota left. ${TELL}`,
  },
  model_not_found: {
    retryable: false,
    sentence: `The model service does not have the model that this server requested. ${TELL}`,
  },
  endpoint_not_found: {
    retryable: false,
    sentence: `The model service's address, as this server has it, does not accept such requests. ${TELL}`,
  },
  bad_request: { retryable: false, sentence: `The model service could not accept the request. ${TELL}` },
  context_too_long: {
    retryable: false,
    sentence: 'This is too long for the model. Please shorten it and try again.',
  },
  content_refused: {
    retryable: false,
    sentence: 'The model service refused this because of its content rules. Please rephrase it.',
  },
  rate_limited: {
    retryable: true,
    sentence:
      'The model service is getting too many requests from this server. Please try again in a moment.',
  },
  unavailable: {
    retryable: true,
    sentence: 'The model service has a problem or is overloaded. Please try again in a moment.',
  },
  unreachable: {
    retryable: true,
    sentence: 'This server could not reach the model service. Please try again in a moment.',
  },
  timed_out: {
    retryable: true,
    sentence: 'The model service did not begin to answer in time. Please try again.',
  },
  queued_too_long: {
    retryable: true,
    sentence: 'This waited too long in the queue of the model service. Please try again.',
  },
  stalled: {
    retryable: true,
    sentence: 'The model service stopped sending in the middle of the answer. Please try again.',
  },
  cut: {
    retryable: true,
    sentence: 'The connection to the model service broke before the answer was complete. Please try again.',
  },
  expired: {
    retryable: true,
    sentence:
      'The model service does not keep this answer any more, so the rest of it is lost. Please try again.',
  },
  bad_answer: {
    retryable: false,
    sentence: `This server does not understand the answer of the model service. ${TELL}`,
  },
  background_unsupported: {
    retryable: false,
    sentence: `The model service does not support answers in the background, which this server requested. ${TELL}`,
  },
  failed: { retryable: true, sentence: 'The model service gave up on this answer. Please try again.' },
  cancelled: { retryable: true, sentence: 'This answer was cancelled at the model service.' },
  stopped: { retryable: true, sentence: 'The answer was stopped.' },
  sdk_missing: {
    retryable: false,
    sentence:
      'The package "openai" is not installed on this server. The person who runs the server must run: npm install openai',
  },
  unknown: { retryable: true, sentence: 'The answer failed for an unknown reason.' },
}

/** An upstream error, for a program, a user and an operator. Contains nothing secret. */
export interface UpstreamFault {
  readonly code: UpstreamErrorCode
  /** For the user: what happened and what to do. */
  readonly sentence: string
  /** Whether the same request may succeed later. */
  readonly retryable: boolean
  /**
   * For the operator's log, not for the user: the status, the service's codes, the request id and, when it
   * cannot quote a key, the service's message. One line, redacted; empty when nothing more is known.
   */
  readonly detail: string
  /** Seconds after which the service accepts a retry, if it tells. */
  readonly retryAfter?: number
}

/**
 * The error of a provider whose model service fails. It has no `cause`: errors of the SDK quote keys, headers
 * and bodies, and loggers print causes.
 */
export class UpstreamError extends Error implements UpstreamFault {
  override readonly name = 'UpstreamError'
  readonly code: UpstreamErrorCode
  readonly retryable: boolean
  readonly detail: string
  declare readonly retryAfter?: number

  /** `detail` must be redacted already. */
  constructor(code: UpstreamErrorCode, detail: string = '', retryAfter?: number) {
    super(sentenceFor(code, retryAfter))
    this.code = code
    this.retryable = UPSTREAM_ERRORS[code].retryable
    this.detail = detail
    if (retryAfter !== undefined) this.retryAfter = retryAfter
  }

  get sentence(): string {
    return this.message
  }
}

/** The sentence of an error, with the time of a retry if the service told it. */
function sentenceFor(code: UpstreamErrorCode, retryAfter: number = 0): string {
  const { sentence } = UPSTREAM_ERRORS[code]
  const wait = waitInWords(retryAfter)
  return wait ? sentence.replace(/try again(?: in a moment)?\.$/, `try again ${wait}.`) : sentence
}
