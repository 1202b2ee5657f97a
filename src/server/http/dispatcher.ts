/** Finds the handler of an HTTP request, and calls it. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isResponse } from '../../consumers/thrown-response.ts'
import { scopeForLog } from '../../consumers/scope.ts'
import { callHandler, loggingOwner } from '../../logging/late-errors.ts'
import type { Logger } from '../../logging/logger.ts'
import { HttpError } from '../../protocol/errors.ts'
import { type FoundRoute, findRoute } from '../../routing/find-route.ts'
import { parsePattern } from '../../routing/pattern.ts'
import type {
  Authenticate,
  HttpContext,
  HttpHandler,
  HttpTarget,
  Method,
  Route,
} from '../../routing/route.ts'
import type { Origins } from '../../routing/origins.ts'
import { authenticate } from '../request/authentication.ts'
import { crossingOf, preflightAnswer, withCrossing } from '../request/cross-origin.ts'
import { OriginRefusals } from '../request/origin-refusals.ts'
import type { RequestScope } from '../request/request-scope.ts'
import type { SignIns, SignedIn } from '../request/sign-ins.ts'

/** The `node:http` pair that a request came in on. */
export interface NodePair {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
}

export interface HttpDispatcherOptions {
  /** The open connections of signed-in users. */
  readonly signIns?: SignIns
  readonly routes?: readonly Route[]
  readonly fetch?: HttpHandler
  /** Applies to Millrace's own routes. */
  readonly authenticate?: Authenticate
  readonly authenticateTimeout?: number
  /** Origins whose pages may read answers and send requests, unless the route has its own. */
  readonly origins?: Origins
  readonly logger: Logger
}

export class HttpDispatcher {
  readonly #options: HttpDispatcherOptions
  readonly #refusals: OriginRefusals

  constructor(options: HttpDispatcherOptions) {
    this.#options = options
    this.#refusals = new OriginRefusals(options.logger)
  }

  /** Whether this application answers requests to a path, even if with an error. */
  serves(path: string): boolean {
    return (
      this.#options.fetch !== undefined || findRoute(this.#options.routes ?? [], 'http', path) !== undefined
    )
  }

  /**
   * Answers a request, also when the handler fails. Never rejects.
   *
   * @param origins of the server that the request came to.
   */
  async respond(
    request: Request,
    scope: RequestScope,
    pair?: NodePair,
    origins?: readonly string[],
  ): Promise<Response> {
    try {
      return await this.#answer(request, scope, pair, origins)
    } catch (error) {
      if (error instanceof HttpError) return error.toResponse()
      if (isResponse(error)) return error
      const { signal } = request
      // Reading the body of a client that has left fails with the error of its connection.
      const isConsequence = isAbort(error, signal) || (error !== null && error === pair?.incoming.errored)
      if (!(signal.aborted && isConsequence)) {
        this.#options.logger.error({ err: error, scope: scopeForLog(scope) }, 'handler failed')
      } else if (signal.reason instanceof HttpError) {
        return signal.reason.toResponse()
      }
      return new HttpError('internal_error').toResponse()
    }
  }

  async #answer(
    request: Request,
    scope: RequestScope,
    pair: NodePair | undefined,
    origins: readonly string[] | undefined,
  ): Promise<Response> {
    const found = findRoute(this.#options.routes ?? [], 'http', scope.path)
    if (typeof found === 'object') return await this.#cross(found, request, scope, pair, origins)
    if (found === undefined && this.#options.fetch) {
      const { fetch: handler } = this.#options
      return checkResponse(await this.#run('fetch', handler, request, scope, pair), 'fetch')
    }
    const socket = findRoute(this.#options.routes ?? [], 'websocket', scope.path)
    if (typeof socket === 'object')
      return await this.#cross({ ...socket, route: beside(socket) }, request, scope, pair, origins)
    return await this.#cross(NOWHERE, request, scope, pair, origins)
  }

  /** Calls a route, and adds the CORS headers for the page that sent the request. */
  async #cross(
    found: FoundRoute<'http'>,
    request: Request,
    scope: RequestScope,
    pair: NodePair | undefined,
    origins: readonly string[] | undefined,
  ): Promise<Response> {
    const crossing = crossingOf(scope, [found.guards.origins ?? this.#options.origins, origins])
    // Set here, not on the response: some handlers write the answer themselves, and some fail.
    if (pair)
      for (const [name, value] of Object.entries(crossing.headers)) pair.outgoing.setHeader(name, value)
    const answered = crossing.preflight
      ? Promise.resolve(preflightAnswer())
      : this.#call(found, request, scope, pair, crossing.allowed)
    if (pair) return await answered
    try {
      return withCrossing(await answered, crossing.headers)
    } catch (error) {
      if (error instanceof HttpError) return withCrossing(error.toResponse(), crossing.headers)
      throw error
    }
  }

  async #call(
    found: FoundRoute<'http'>,
    request: Request,
    scope: RequestScope,
    pair: NodePair | undefined,
    allowed: boolean,
  ): Promise<Response> {
    // A browser sends some of these requests without a preflight, and cookies with them. Routes of the
    // application decide themselves which origins they accept.
    if (found.route.own && !allowed && !SAFE.has(request.method)) throw this.#refusals.origin(scope)
    scope.params = found.params
    const inherited = found.route.own ? this.#options.authenticate : undefined
    const hook = found.guards.authenticate ?? inherited
    if (hook) await authenticate(scope, hook, this.#options, request.signal)
    const handler = handlerOf(found.route.target as HttpTarget, request.method)
    const { own, pattern } = found.route
    // Late errors of Millrace's own handlers belong to no single request.
    const answer = own
      ? handler(request, contextOf(request, scope, pair, this.#options.signIns))
      : this.#run(pattern.source, handler, request, scope, pair)
    return checkResponse(await answer, pattern.source)
  }

  /** Calls a handler of the application, named by its pattern. */
  #run(
    name: string,
    handler: HttpHandler,
    request: Request,
    scope: RequestScope,
    pair: NodePair | undefined,
  ): Response | Promise<Response> {
    const words = { name: `the HTTP handler of ${name}`, outcome: 'the server goes on' }
    scope.owner = loggingOwner(this.#options.logger, words, { scope: scopeForLog(scope) })
    return callHandler(scope.owner, () =>
      handler(request, contextOf(request, scope, pair, this.#options.signIns)),
    )
  }
}

/** Methods that change nothing. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD'])

const UPGRADE = { upgrade: 'websocket', connection: 'Upgrade' }

/**
 * The answer to a plain request at a WebSocket's path. It shows the error of a client that may not connect,
 * which a browser does not show for a handshake.
 */
function beside({ route: { pattern } }: FoundRoute<'websocket'>): FoundRoute<'http'>['route'] {
  const target = (): never => {
    throw new HttpError('upgrade_required', undefined, UPGRADE)
  }
  return { kind: 'http', pattern, target, own: true }
}

/** The answer at a path that no route serves. Pages of allowed origins can read it. */
const NOWHERE: FoundRoute<'http'> = {
  params: {},
  guards: {},
  route: {
    kind: 'http',
    pattern: parsePattern('/*path'),
    target: (_request: Request, { scope }: HttpContext): never => {
      throw new HttpError('route_not_found', `Nothing is served at ${scope.path}`)
    },
  },
}

/** Whether an error says only that a signal aborted. */
function isAbort(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason || (error instanceof Error && error.name === 'AbortError')
}

function checkResponse(value: unknown, where: string): Response {
  if (!isResponse(value)) throw new TypeError(`The handler of ${where} returned no Response`)
  return value
}

function handlerOf(target: HttpTarget, method: string): HttpHandler {
  if (typeof target === 'function') return target
  if ('fetch' in target) return (request, context) => target.fetch(request, context)
  const handler = Object.hasOwn(target, method) ? target[method as Method] : undefined
  if (handler) return handler
  if (method === 'HEAD' && target.GET) return target.GET
  const methods = Object.keys(target)
  const allow = (target.GET && !target.HEAD ? [...methods, 'HEAD'] : methods).join(', ')
  throw new HttpError('method_not_allowed', `${method} is not allowed here. Allowed: ${allow}.`, { allow })
}

/** The signal is a getter, because it costs an AbortController that few handlers need. */
function contextOf(
  request: Request,
  scope: RequestScope,
  pair: NodePair | undefined,
  signIns: SignIns | undefined,
): HttpContext {
  return {
    params: scope.params,
    scope,
    get signal() {
      return request.signal
    },
    ...(scope.hook && signIns && { whileSignedIn: (end: () => void) => signIns.add(scope, endingOnce(end)) }),
    ...pair,
  }
}

/** A request is not authenticated again: it ends, and the client's next request is authenticated. */
function endingOnce(end: () => void): SignedIn {
  return { signOut: end, renew: () => Promise.resolve('gone') }
}
