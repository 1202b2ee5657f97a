/** What every stream store can be told. */
import type { OptionNames } from '../protocol/known-options.ts'
import type { Logger } from '../logging/logger.ts'
import { StreamRequestError } from './errors.ts'
import { checkInteger, DEFAULT_LIMITS } from './bookkeeping/requests.ts'
import type { RetentionOption } from './retention.ts'
import type { StreamLimits } from './stream.ts'

export interface StreamStoreOptions {
  /** Limits other than the defaults; each a positive integer. */
  readonly limits?: Partial<StreamLimits>
  /** Milliseconds since 1970. Default `Date.now`. It may jump: what is hidden follows it, order never does. */
  readonly clock?: () => number
  /** Milliseconds that never jump nor go back, from any start. Default `performance.now`. Another is for tests. */
  readonly monotonic?: () => number
  /**
   * Seconds for which the clock must have gone on like `monotonic` before a sweep removes what is past its
   * time by it. Default 600.
   */
  readonly settle?: number
  /**
   * What is kept of the records of each stream that is created without a `retention` of its own; it may depend on the
   * stream and its owner. Default: all.
   */
  readonly retention?: RetentionOption
  /**
   * Hears of watchers that throw and of work in the background that fails. Default: the log of
   * `millrace serve` and `millrace worker`; in any other program nobody.
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

/** HTTP tells an end in a header, where one character may take six. */
const MAX_END = 4 * 1024

/**
 * The limits of a store. Where one of a record and an append is given, the other moves with it.
 *
 * @throws {StreamRequestError} `invalid_limit` for what cannot be one, and for records that no append holds.
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
