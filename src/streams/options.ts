/** What every stream store can be told. */
import type { Logger } from '../logging/logger.ts'
import { checkInteger, DEFAULT_LIMITS } from './requests.ts'
import type { StreamLimits } from './store.ts'

export interface StreamStoreOptions {
  /** Limits other than the defaults; each a positive integer. */
  readonly limits?: Partial<StreamLimits>
  /** Milliseconds since 1970. Default `Date.now`. It may jump: expiry follows it, order never does. */
  readonly clock?: () => number
  /**
   * Hears of watchers that throw and of work in the background that fails. Default: the log of
   * `millrace serve` and `millrace worker`; in any other program nobody.
   */
  readonly logger?: Logger
}

/** @throws {StreamRequestError} `invalid_limit` for what cannot be one. */
export function limitsOf(options: StreamStoreOptions): StreamLimits {
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  for (const [name, value] of Object.entries(limits)) {
    checkInteger(value, 1, 512 * 1024 * 1024, 'invalid_limit', `The limit ${name}`)
  }
  return limits
}
