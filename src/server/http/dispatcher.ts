/** From an HTTP request to the handler that answers it. */
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
  /** What is open for whom. */
  readonly signIns?: SignIns
  readonly routes?: readonly Route[]
  readonly fetch?: HttpHandler
  /** Holds for Millrace's own routes. */
  readonly authenticate?: Authenticate
  readonly authenticateTimeout?: number
  /** Whose pages may read answers and send requests, where no guard of the route says it. */
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

  /** Whether a request to this path is this application's to answer, if only with an error. */
  serves(path: string): boolean {
    return (
      this.#options.fetch !== undefined || findRoute(this.#options.routes ?? [], 'http', path) !== undefined
    )
  }

  /**
   * Answers a request, also when the handler fails. Never rejects. `origins` are those of the server that
   * it came to.
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
      // Reading the body of a client that left fails with what became of its connection.
      const isConsequence = isAbort(error, signal) || (error !== null && error === pair?.incoming.errored)
      if (!(signal.aborted && isConsequence)) {
        this.#options.logger.error({ err: error, scope: scopeForLog(scope) }, 'HTTP handler failed')
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

  /** Calls a route for a page, of whatever origin, or for none. */
  async #cross(
    found: FoundRoute<'http'>,
    request: Request,
    scope: RequestScope,
    pair: NodePair | undefined,
    origins: readonly string[] | undefined,
  ): Promise<Response> {
    const crossing = crossingOf(scope, [found.guards.origins ?? this.#options.origins, origins])
    // Here and not on the response, for handlers that write theirs themselves, and for what fails.
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
    // A browser sends some of these without asking, and cookies with them; the page cannot read the answer
    // of the others. What a route of the application's own takes from where is for it to say.
    if (found.route.own && !allowed && !SAFE.has(request.method)) throw this.#refusals.origin(scope)
    scope.params = found.params
    const inherited = found.route.own ? this.#options.authenticate : undefined
    const hook = found.guards.authenticate ?? inherited
    if (hook) await authenticate(scope, hook, this.#options, request.signal)
    const handler = handlerOf(found.route.target as HttpTarget, request.method)
    const { own, pattern } = found.route
    // The timers and connections of Millrace's own handlers are everybody's.
    const answer = own
      ? handler(request, contextOf(request, scope, pair, this.#options.signIns))
      : this.#run(pattern.source, handler, request, scope, pair)
    return checkResponse(await answer, pattern.source)
  }

  /** Calls a handler of the application's own, which is named by its pattern. */
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
 * What a request without an upgrade is answered with where WebSockets are served: whoever may not connect is
 * told so, which a browser does not tell of a handshake.
 */
function beside({ route: { pattern } }: FoundRoute<'websocket'>): FoundRoute<'http'>['route'] {
  const target = (): never => {
    throw new HttpError('upgrade_required', undefined, UPGRADE)
  }
  return { kind: 'http', pattern, target, own: true }
}

/** What a path is answered with that nobody serves: a page that may ask here reads it, as any other answer. */
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

/** Whether an error says no more than that a signal aborted. */
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
  throw new HttpError('method_not_allowed', `${method} is not answered here; ${allow} is.`, { allow })
}

/** `request` stays behind a getter: its signal costs an AbortController that few handlers want. */
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

/** A request is not asked anew who it is: it ends, and the next one is. */
function endingOnce(end: () => void): SignedIn {
  return { signOut: end, renew: () => Promise.resolve('gone') }
}
