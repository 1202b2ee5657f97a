/** A rule of the application's own, `mayStart` for one, which may throw and may never answer. */
import { type Scope, scopeForLog } from '../consumers/scope.ts'
import { callHandler, loggingOwner } from '../logging/late-errors.ts'
import type { Logger } from '../logging/logger.ts'
import { type ErrorCode, HttpError } from '../protocol/errors.ts'

/** Seconds that a rule may take. */
const ASK_TIMEOUT = 5

/** Seconds after which it is worth a try whether it answers. */
const RETRY_AFTER = '5'

export interface RuleQuestion {
  /** The option that the rule was given as. */
  readonly name: string
  /** Who asks. */
  readonly scope: Scope<unknown>
  /** What the client is told when the rule does not answer in time. */
  readonly undecided: ErrorCode
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal
  readonly logger: Logger
}

/**
 * Calls a rule, whose signal aborts when its answer is of no use any more: after 5 s at the latest. What it
 * throws later is its own, and not the client's connection's.
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
