import { isResponse } from '../../consumers/thrown-response.ts'
import type { User } from '../../consumers/scope.ts'
import { scopeForLog } from '../../consumers/scope.ts'
import { callHandler, loggingOwner } from '../../logging/late-errors.ts'
import type { Logger } from '../../logging/logger.ts'
import { HttpError } from '../../protocol/errors.ts'
import type { Authenticate } from '../../routing/route.ts'
import { LONGEST_TIMER } from '../../time/duration.ts'
import type { RequestScope } from './request-scope.ts'

/** How an application asks who its clients are. */
export interface AuthenticationOptions {
  /**
   * Seconds that `authenticate` may take, over HTTP and for WebSockets; then the answer is 503. Up to
   * 2,147,483. Default 5.
   */
  readonly authenticateTimeout?: number | undefined
  readonly logger: Logger
}

/** Seconds. */
export const DEFAULT_TIMEOUT: number = 5

/** Seconds after which a client may ask again when nobody could say who it is. */
const RETRY_AFTER = '5'

/** @throws {RangeError} for a limit that is none: `authenticate` always has one. */
export function checkAuthenticateTimeout(seconds: number = DEFAULT_TIMEOUT): void {
  if (seconds > 0 && seconds <= LONGEST_TIMER) return
  throw new RangeError(
    `authenticateTimeout is ${seconds}; it takes seconds above 0, and at most ${LONGEST_TIMER}`,
  )
}

/** @throws {RangeError} for what is no interval. */
export function checkAuthenticateInterval(seconds: number = 0): void {
  if (seconds >= 0 && seconds <= LONGEST_TIMER) return
  throw new RangeError(`authenticateInterval is ${seconds}; it takes 0 to ${LONGEST_TIMER} seconds`)
}

/**
 * Asks the application who is connecting and puts the answer in the scope. `signal` tells the hook
 * that nobody waits any more.
 *
 * @throws {HttpError} 401 when the hook knows nobody; 503 when it does not answer in time, or what it
 * asks cannot be reached; 500 for what is no user; and what the hook threw. Anything else that it
 * throws is a failure of the application.
 */
export async function authenticate(
  scope: RequestScope,
  hook: Authenticate | false | undefined,
  options: AuthenticationOptions,
  signal?: AbortSignal,
): Promise<void> {
  if (!hook) return
  scope.hook = hook
  scope.askedAt = performance.now()
  const user = await ask(scope, hook, options, signal)
  // `false` is what a check that failed says, and it must not become the name of a user; nor must the
  // empty text of a header that is not there.
  if (user === undefined || user === null || user === false || user === '')
    throw new HttpError('unauthenticated')
  refuseMistakes(user, scope, options.logger)
  // eslint-disable-next-line typescript/no-unnecessary-type-assertion -- needed where `Register` names a type
  scope.user = user as User
}

/** Of what it threw where nobody could catch it. */
const LATE = { name: 'authenticate', outcome: 'the server goes on' }

/** The hook may ignore its signal: what it answers too late is of no use. */
async function ask(
  scope: RequestScope,
  hook: Authenticate,
  { authenticateTimeout: seconds = DEFAULT_TIMEOUT, logger }: AuthenticationOptions,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  signal?.throwIfAborted()
  const owner = loggingOwner(logger, LATE, { scope: scopeForLog(scope) })
  const controller = new AbortController()
  const { promise: over, reject } = Promise.withResolvers<never>()
  over.catch(ignore)
  const end = (reason: unknown): void => {
    callHandler(owner, () => controller.abort(reason))
    reject(reason)
  }
  const leave = (): void => end(signal?.reason)
  signal?.addEventListener('abort', leave, { once: true })
  const timer = setTimeout(() => {
    logger.warn({ scope: scopeForLog(scope), seconds }, 'authenticate did not answer in time')
    end(unavailable())
  }, seconds * 1000)
  try {
    const asked = callHandler(owner, () => hook(scope.toRequest(controller.signal)))
    return await Promise.race([asked, over])
  } catch (error) {
    if (signal?.aborted || error instanceof HttpError || !isUnreachable(error)) throw error
    logger.error({ err: error, scope: scopeForLog(scope) }, 'authenticate could not reach what it asks')
    throw unavailable()
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', leave)
  }
}

/**
 * What a hook returns where it should have thrown it: it would become a user, and everybody would be let
 * in. Told by its shape, since an adapter may have put a class of its own in the place of the global one.
 */
function refuseMistakes(user: unknown, scope: RequestScope, logger: Logger): void {
  // Says what is meant, so it is done.
  if (user instanceof HttpError) throw user
  const what = mistakeIn(user)
  if (what === undefined) return
  const advice =
    'return the user, or null for nobody; to refuse, throw unauthenticated(), forbidden() or a Response'
  logger.error({ scope: scopeForLog(scope) }, `authenticate returned ${what}, which is no user: ${advice}`)
  throw new HttpError('internal_error')
}

function mistakeIn(user: unknown): string | undefined {
  if (typeof user === 'function') return 'a function'
  if (typeof user === 'symbol') return 'a symbol'
  if (typeof user !== 'object' || user === null) return undefined
  if (user instanceof Error) return 'an Error'
  return isResponse(user) ? 'a Response' : undefined
}

function unavailable(): HttpError {
  return new HttpError('authentication_unavailable', undefined, { 'retry-after': RETRY_AFTER })
}

/** Codes of Node and of its `fetch` for a service that does not answer. */
const UNREACHABLE =
  /^(?:ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_\w*(?:TIMEOUT|SOCKET))$/

/** Whether what was thrown says that a service is down, and not that the application is wrong. */
function isUnreachable(error: unknown, depth = 0): boolean {
  // An error may be its own cause.
  if (!(error instanceof Error) || depth > 3) return false
  if (error.name === 'TimeoutError') return true
  // `fetch` says "fetch failed", and why in its cause; so does a connection that tried several addresses.
  const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: readonly unknown[] }
  if (typeof code === 'string' && UNREACHABLE.test(code)) return true
  const reasons: readonly unknown[] = Array.isArray(errors)
    ? [cause, ...(errors as readonly unknown[])]
    : [cause]
  return reasons.some((one) => isUnreachable(one, depth + 1))
}

function ignore(): void {}
