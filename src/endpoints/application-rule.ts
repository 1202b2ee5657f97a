/** Calls a rule of the application, such as `mayStart`, which may throw and may never answer. */
import { type Scope, scopeForLog } from '../consumers/scope.ts'
import { callHandler, loggingOwner } from '../logging/late-errors.ts'
import type { Logger } from '../logging/logger.ts'
import { type ErrorCode, HttpError } from '../protocol/errors.ts'

/** Seconds that a rule may take. */
const ASK_TIMEOUT = 5

/** Seconds after which a retry may succeed. */
const RETRY_AFTER = '5'

export interface RuleQuestion {
  /** The name of the option. */
  readonly name: string
  /** Who asks. */
  readonly scope: Scope<unknown>
  /** The error for the client when the rule does not answer in time. */
  readonly undecided: ErrorCode
  /** Aborts when the answer is no longer needed. */
  readonly signal: AbortSignal
  readonly logger: Logger
}

/**
 * Calls a rule with a signal that aborts when the answer is no longer needed: after 5 s at the latest. Errors that
 * the rule throws later are attributed to it, not to the client's connection.
 *
 * @throws {HttpError} `undecided`, when it does not answer in time; and what the rule throws.
 */
export async function askRule(
  { name, scope, undecided, signal, logger }: RuleQuestion,
  rule: (signal: AbortSignal) => unknown,
): Promise<unknown> {
  const owner = loggingOwner(logger, { name, outcome: 'the server goes on' }, { scope: scopeForLog(scope) })
  const { promise: late, reject } = Promise.withResolvers<never>()
  const limit = AbortSignal.any([signal, AbortSignal.timeout(ASK_TIMEOUT * 1000)])
  const asking = new AbortController()
  const leave = (): void => {
    callHandler(owner, () => asking.abort(limit.reason))
    reject(limit.reason)
  }
  limit.addEventListener('abort', leave, { once: true })
  try {
    limit.throwIfAborted()
    return await Promise.race([callHandler(owner, () => rule(asking.signal)), late])
  } catch (error) {
    if (error instanceof HttpError || signal.aborted || !limit.aborted) throw error
    logger.warn({ seconds: ASK_TIMEOUT }, `${name} did not answer in time`)
    throw new HttpError(undecided, undefined, { 'retry-after': RETRY_AFTER })
  } finally {
    limit.removeEventListener('abort', leave)
  }
}
