import { isResponse } from '../../consumers/thrown-response.ts'
import type { User } from '../../consumers/scope.ts'
import { scopeForLog } from '../../consumers/scope.ts'
import { callHandler, loggingOwner } from '../../logging/late-errors.ts'
import type { Logger } from '../../logging/logger.ts'
import { HttpError } from '../../protocol/errors.ts'
import { ANONYMOUS, type Authenticate } from '../../routing/route.ts'
import { LONGEST_TIMER } from '../../time/duration.ts'
import type { RequestScope } from './request-scope.ts'

/** The options of `authenticate`. */
export interface AuthenticationOptions {
  /**
   * Seconds that `authenticate` may take, for HTTP and WebSockets; then the answer is 503. Up to 2,147,483.
   * Default 5.
   */
  readonly authenticateTimeout?: number | undefined
  readonly logger: Logger
}

/** Seconds. */
export const DEFAULT_TIMEOUT: number = 5

/** Seconds after which a client may retry when its user could not be determined. */
const RETRY_AFTER = '5'

/** @throws {RangeError} for a value out of range. There is always a limit. */
export function checkAuthenticateTimeout(seconds: number = DEFAULT_TIMEOUT): void {
  if (seconds > 0 && seconds <= LONGEST_TIMER) return
  throw new RangeError(
    `authenticateTimeout is ${seconds}; it takes seconds above 0, and at most ${LONGEST_TIMER}`,
  )
}

/** @throws {RangeError} for a value out of range. */
export function checkAuthenticateInterval(seconds: number = 0): void {
  if (seconds >= 0 && seconds <= LONGEST_TIMER) return
  throw new RangeError(`authenticateInterval is ${seconds}; it takes 0 to ${LONGEST_TIMER} seconds`)
}

/**
 * Calls the application's `authenticate` hook and puts the user in the scope. The signal aborts when the
 * answer is not needed any more.
 *
 * @throws {HttpError} 401 when the hook returns no user; 503 when it does not answer in time, or cannot reach
 * a service; 500 when it returns something that is not a user; and an `HttpError` that the hook throws. Any
 * other error of the hook is a failure of the application.
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
  if (user === ANONYMOUS) {
    scope.user = undefined
    return
  }
  // A failed check may return `false`, and a missing header an empty text. Neither is a user.
  if (user === undefined || user === null || user === false || user === '')
    throw new HttpError('unauthenticated')
  refuseMistakes(user, scope, options.logger)
  // eslint-disable-next-line typescript/no-unnecessary-type-assertion -- needed where `Register` names a type
  scope.user = user as User
}

/** For late errors of the hook, which no caller can catch. */
const LATE = { name: 'authenticate', outcome: 'the server goes on' }

/** Calls the hook, and ignores an answer that comes too late, as the hook may ignore its signal. */
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
    logger.error({ err: error, scope: scopeForLog(scope) }, 'authenticate could not reach a service')
    throw unavailable()
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', leave)
  }
}

/**
 * Refuses a value that the hook should have thrown. As a user it would let everybody in. A `Response` is
 * recognised by its shape, because an adapter may have replaced the global class.
 */
function refuseMistakes(user: unknown, scope: RequestScope, logger: Logger): void {
  // The meaning of a returned error is clear.
  if (user instanceof HttpError) throw user
  const what = mistakeIn(user)
  if (what === undefined) return
  const advice =
    'return the user, or null when there is none; to refuse, throw unauthenticated(), forbidden() or a Response'
  logger.error({ scope: scopeForLog(scope) }, `authenticate returned ${what} instead of a user: ${advice}`)
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

/** Whether an error says that a service cannot be reached, and not that the application has a bug. */
function isUnreachable(error: unknown, depth = 0): boolean {
  // An error may be its own cause.
  if (!(error instanceof Error) || depth > 3) return false
  if (error.name === 'TimeoutError') return true
  // `fetch` gives the reason as the cause, and a connection that tried several addresses as several errors.
  const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: readonly unknown[] }
  if (typeof code === 'string' && UNREACHABLE.test(code)) return true
  const reasons: readonly unknown[] = Array.isArray(errors)
    ? [cause, ...(errors as readonly unknown[])]
    : [cause]
  return reasons.some((one) => isUnreachable(one, depth + 1))
}

function ignore(): void {}
