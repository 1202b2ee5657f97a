/** Options that every stream store takes. */
import type { OptionNames } from '../protocol/known-options.ts'
import type { Logger } from '../logging/logger.ts'
import { StreamRequestError } from './errors.ts'
import { checkInteger, DEFAULT_LIMITS } from './bookkeeping/requests.ts'
import type { RetentionOption } from './retention.ts'
import type { StreamLimits } from './stream.ts'

export interface StreamStoreOptions {
  /** Limits other than the defaults; each a positive integer. */
  readonly limits?: Partial<StreamLimits>
  /** Milliseconds since 1970. Default `Date.now`. It may jump: expiry follows it, order does not depend on it. */
  readonly clock?: () => number
  /** Milliseconds from any start that never jump or go back. Default `performance.now`. For tests. */
  readonly monotonic?: () => number
  /**
   * Seconds for which the clock must have agreed with `monotonic` before a sweep removes expired streams. Default
   * 600.
   */
  readonly settle?: number
  /**
   * The retention of streams created without one; it may depend on the stream and its owner. Default: all records are
   * kept.
   */
  readonly retention?: RetentionOption
  /**
   * Logs errors of watchers and failures of background work. Default: the log of `millrace serve` and `millrace
   * worker`; in any other program, none.
   */
  readonly logger?: Logger
}

export const STREAM_STORE_OPTIONS: OptionNames<StreamStoreOptions> = {
  limits: {
    recordBytes: true,
    appendRecords: true,
    appendBytes: true,
    metadataBytes: true,
    endBytes: true,
    checkpointBytes: true,
    producers: true,
  },
  clock: true,
  monotonic: true,
  settle: true,
  retention: true,
  logger: true,
}

/** Over HTTP, an end is a header, in which one character may take six. */
const MAX_END = 4 * 1024

/**
 * The limits of a store. If only one of `recordBytes` and `appendBytes` is given, the other follows it.
 *
 * @throws {StreamRequestError} `invalid_limit` for an invalid limit, and if an append could not hold a record.
 */
export function limitsOf(options: StreamStoreOptions): StreamLimits {
  const given = options.limits ?? {}
  const {
    recordBytes = Math.min(DEFAULT_LIMITS.recordBytes, given.appendBytes ?? Infinity),
    appendBytes = Math.max(DEFAULT_LIMITS.appendBytes, recordBytes),
  } = given
  const limits = { ...DEFAULT_LIMITS, ...given, recordBytes, appendBytes }
  for (const [name, value] of Object.entries(limits)) {
    checkInteger(value, 1, 512 * 1024 * 1024, 'invalid_limit', `The limit ${name}`)
  }
  checkInteger(limits.endBytes, 1, MAX_END, 'invalid_limit', 'The limit endBytes')
  if (appendBytes < recordBytes) {
    throw new StreamRequestError(
      'invalid_limit',
      `The limit appendBytes is ${appendBytes}: no append would hold a record of ${recordBytes} bytes`,
    )
  }
  return limits
}
