/**
 * The reasons for which a run ends other than by completing or by a requested stop: for each a stable code and the
 * sentence that a person reads. A provider adds codes of its own with `RunFailedError`, and those of a model service
 * come from `UpstreamError`.
 */
import type { Logger } from '../logging/logger.ts'
import { UpstreamError } from '../providers/upstream-error.ts'
import type { RunEnd } from '../protocol/run-end.ts'

/** Ends sentences about faults that the reader cannot mend. */
const TELL = 'Please tell the person who runs this server.'

export const END_REASONS = {
  unread: { status: 'stopped', message: 'The answer was stopped because nobody was reading it.' },
  interrupted: {
    status: 'failed',
    message: 'The server was interrupted in the middle of this answer. Please try again.',
  },
  invalid_input: {
    status: 'failed',
    message:
      'The server was interrupted, and what you asked is no longer something that it answers. Please ask again.',
  },
  replay_differs: {
    status: 'failed',
    message: 'The answer could not be continued where it had been interrupted. Please try again.',
  },
  silent: { status: 'failed', message: 'Nothing came for too long, so the answer ends here.' },
  thinking_exceeded: {
    status: 'failed',
    message: 'The model thought for longer than this server allows, so the answer ends here.',
  },
  life_exceeded: {
    status: 'failed',
    message: 'The answer took longer than this server allows and ends here.',
  },
  records_exceeded: {
    status: 'failed',
    message: 'The answer became longer than this server allows and ends here.',
  },
  bytes_exceeded: {
    status: 'failed',
    message: 'The answer became larger than this server allows and ends here.',
  },
  record_too_large: {
    status: 'failed',
    message: `A part of the answer is larger than this server can keep. ${TELL}`,
  },
  not_json: { status: 'failed', message: `The answer holds something that this server cannot keep. ${TELL}` },
  bad_checkpoint: {
    status: 'failed',
    message: `The answer could not be kept in a way that lets it be continued. ${TELL}`,
  },
  store: {
    status: 'failed',
    message: 'The server could not keep the rest of this answer. Please try again later.',
  },
  provider_failed: { status: 'failed', message: 'The answer failed. Please try again.' },
} as const satisfies Record<string, Required<Pick<RunEnd, 'status' | 'message'>>>

/** A stable name for why Millrace ended a run. */
export type EndReason = keyof typeof END_REASONS

/** Longest message, in characters. */
const MAX_MESSAGE = 500
/** Control characters but line breaks. Each takes six characters in JSON, and is not readable. */
const CONTROL = /(?!\n)\p{Cc}/gu
const CODE = /^[a-z][a-z0-9_]{0,63}$/

/**
 * Thrown by a provider to record in the log why its run failed:
 *
 *     throw new RunFailedError('out_of_credits', 'Your credits are used up.')
 *
 * Any other error becomes `provider_failed`, and is written to the server's log only.
 */
export class RunFailedError extends Error {
  override readonly name = 'RunFailedError'
  readonly code: string

  /**
   * @param code lower-case letters, digits and underscores; at most 64.
   * @param message for the reader: nothing secret. At most 500 characters are kept.
   * @throws {RangeError} for any other code.
   */
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    if (!CODE.test(code)) throw new RangeError('A code is 1 to 64 lower-case letters, digits and underscores')
    this.code = code
  }
}

/** The end for a reason of the registry. */
export function endFor(reason: EndReason): RunEnd {
  return { reason, ...END_REASONS[reason] }
}

/** A failure for a reason of the registry. */
export function failureFor(reason: EndReason, options?: ErrorOptions): RunFailedError {
  return new RunFailedError(reason, END_REASONS[reason].message, options)
}

/** The end of a run whose provider threw. */
export function endAfterError(error: unknown): RunEnd {
  if (!(error instanceof RunFailedError) && !(error instanceof UpstreamError))
    return endFor('provider_failed')
  const message = error.message.toWellFormed().replace(CONTROL, ' ').slice(0, MAX_MESSAGE).toWellFormed()
  return { status: 'failed', reason: error.code, message }
}

/** The same, and logs it. */
export function failedEnd(logger: Logger, run: string, err: unknown): RunEnd {
  const end = endAfterError(err)
  const detail = upstreamDetail(err)
  logger.warn({ err, run, ...end, ...(detail && { detail }) }, 'run failed')
  return end
}

/** What a model service said, for the log: from the error or one of its causes. */
function upstreamDetail(error: unknown): string | undefined {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++) {
    if (cause instanceof UpstreamError) return cause.detail || undefined
  }
  return undefined
}
