/**
 * The registry of what can go wrong between this server and a model service: for each a stable
 * code, the sentence that a person at the page reads, and whether asking again may help.
 */

import { waitInWords } from './retry-after.ts'

/** How the sentences name whoever can mend what the reader cannot. */
const TELL = 'Please tell the person who runs this server.'

/** A stable name of what went wrong upstream. */
export type UpstreamErrorCode =
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
  key_refused: { retryable: false, sentence: `The model service refused this server's key. ${TELL}` },
  access_denied: {
    retryable: false,
    sentence: `The model service does not let this server use what it asked for. ${TELL}`,
  },
  quota_exhausted: {
    retryable: false,
    sentence: `This server has used up what its account at the model service allows. ${TELL}`,
  },
  model_not_found: {
    retryable: false,
    sentence: `The model service does not have the model this server asked for. ${TELL}`,
  },
  endpoint_not_found: {
    retryable: false,
    sentence: `The address this server has for the model service does not answer such requests. ${TELL}`,
  },
  bad_request: { retryable: false, sentence: `The model service could not accept the request. ${TELL}` },
  context_too_long: {
    retryable: false,
    sentence: 'This is longer than the model can read at once. Please shorten it and try again.',
  },
  content_refused: {
    retryable: false,
    sentence: 'The model service does not answer this, by its rules on content. Please put it differently.',
  },
  rate_limited: {
    retryable: true,
    sentence:
      'The model service is getting too many requests from this server. Please try again in a moment.',
  },
  unavailable: {
    retryable: true,
    sentence: 'The model service has a problem of its own or is overloaded. Please try again in a moment.',
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
    sentence: 'The model service kept this waiting in its queue for too long. Please try again.',
  },
  stalled: {
    retryable: true,
    sentence: 'The model service fell silent in the middle of the answer. Please try again.',
  },
  cut: {
    retryable: true,
    sentence: 'The connection to the model service broke before the answer was complete. Please try again.',
  },
  expired: {
    retryable: true,
    sentence: 'The model service no longer keeps this answer, so the rest of it is lost. Please try again.',
  },
  bad_answer: {
    retryable: false,
    sentence: `The model service answered in a way this server does not understand. ${TELL}`,
  },
  background_unsupported: {
    retryable: false,
    sentence: `The model service cannot answer in the background, as this server asked it to. ${TELL}`,
  },
  failed: { retryable: true, sentence: 'The model service gave up on this answer. Please try again.' },
  cancelled: { retryable: true, sentence: 'This answer was cancelled at the model service.' },
  stopped: { retryable: true, sentence: 'The answer was stopped.' },
  sdk_missing: {
    retryable: false,
    sentence:
      'The package "openai" is not installed on this server. Whoever runs it must run: npm install openai',
  },
  unknown: { retryable: true, sentence: 'The answer failed for a reason this server does not know.' },
}

/** What went wrong upstream, for a program, a person and an operator. Holds nothing secret. */
export interface UpstreamFault {
  readonly code: UpstreamErrorCode
  /** For the person at the page: what happened and what to do. */
  readonly sentence: string
  /** Whether the same request may succeed when it is sent again. */
  readonly retryable: boolean
  /**
   * For the operator's log, never for the page: status, the service's own codes, request id and,
   * where it cannot echo a key, its message. One line, redacted; empty when nothing more is known.
   */
  readonly detail: string
  /** Seconds after which the service may be asked again, where it says so. */
  readonly retryAfter?: number
}

/**
 * How a provider rejects when the model service fails. It keeps no `cause`: the SDK's errors quote
 * keys, headers and bodies, and loggers print causes.
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

/** A person who is to try again is told when, where the service said so. */
function sentenceFor(code: UpstreamErrorCode, retryAfter: number = 0): string {
  const { sentence } = UPSTREAM_ERRORS[code]
  const wait = waitInWords(retryAfter)
  return wait ? sentence.replace(/try again(?: in a moment)?\.$/, `try again ${wait}.`) : sentence
}
