/** The routes of paths, and the functions that make them. */
import { type OptionNames, checkOptions } from '../protocol/known-options.ts'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AnyConsumerClass, ConsumerClass } from '../consumers/consumer.ts'
import type { Params, Scope, User } from '../consumers/scope.ts'
import type { ChannelRoute } from './channel-route.ts'
import { type Origins, checkOrigins } from './origins.ts'
import { type ParamsOf, type Pattern, parsePattern } from './pattern.ts'

/** What an HTTP handler gets in addition to the request. Hono handlers find it in `c.env`. */
export interface HttpContext<P = Params> {
  readonly params: P
  readonly scope: Scope<P>
  /**
   * Aborts when the answer has ended, and when the server shuts down, which then waits for the handler for a
   * while. Its `reason` is an `AbortError` when the answer is complete or the client left, and otherwise an
   * `HttpError` whose `code` is `draining` or `response_timeout`. `request.signal` is the same.
   */
  readonly signal: AbortSignal
  /**
   * Calls `end` when the user signs out or has to be authenticated again, for answers that do not end by
   * themselves. The returned function cancels that. Undefined when there is no `authenticate`.
   */
  readonly whileSignedIn?: (end: () => void) => () => void
  /** The `node:http` pair under the request, if there is one. */
  readonly incoming?: IncomingMessage
  readonly outgoing?: ServerResponse
}

export type HttpHandler<P = Params> = (
  request: Request,
  context: HttpContext<P>,
) => Response | Promise<Response>

/** A handler, an object with a `fetch` such as a Hono application, or a handler for each method. */
export type HttpTarget<P = Params> =
  | HttpHandler<P>
  | { readonly fetch: HttpHandler<P> }
  | { readonly [M in Method]?: HttpHandler<P> }

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS'

/**
 * Finds the user of a request, from its head alone. The return value becomes `scope.user`; `undefined`,
 * `null` and `false` answer 401. Throw `unauthenticated()` or `forbidden()` for an answer in your own words,
 * or a `Response` with any status, headers and body. `request.signal` aborts when the answer is not needed
 * any more.
 */
export type Authenticate = (request: Request) => AuthenticateResult | Promise<AuthenticateResult>
type AuthenticateResult =
  | ([unknown] extends [User] ? unknown : User)
  | typeof ANONYMOUS
  | null
  | undefined
  | false

/** What an `Authenticate` returns to let a client in without a user, as a route does that asks nobody. */
export const ANONYMOUS: unique symbol = Symbol('anonymous')

/** Who may use a route. A route's own guards replace those of the routers and the application around it. */
export interface Guards {
  /** `false` lets everybody in. */
  readonly authenticate?: Authenticate | false
  readonly origins?: Origins
}

/** The guards among other options. Guards that are not given are left out, so that outer ones hold. */
export function guardsOf({ authenticate, origins }: Guards): Guards {
  return { ...(authenticate !== undefined && { authenticate }), ...(origins !== undefined && { origins }) }
}

/** For the compiler only; no route has this property. As a parameter, the needs of several routes add up. */
declare const NEEDS: unique symbol

export interface WebSocketOptions extends Guards {
  /**
   * Bytes of the largest message that a client may send here, up to 512 MiB. A larger one closes the
   * connection with 1009 before it is complete. Default: the server's `maxMessageSize`.
   */
  readonly maxMessageSize?: number
}

export const GUARDS: OptionNames<Guards> = { authenticate: true, origins: true }

export const WEBSOCKET_OPTIONS: OptionNames<WebSocketOptions> = { ...GUARDS, maxMessageSize: true }

export interface WebSocketRoute<Needs extends object = object> extends WebSocketOptions {
  readonly kind: 'websocket'
  /** Whether the route is Millrace's own. */
  readonly own?: boolean
  readonly pattern: Pattern
  readonly consumer: AnyConsumerClass
  readonly [NEEDS]?: (params: Needs) => void
}

export interface HttpRoute extends Guards {
  readonly kind: 'http'
  /** Whether the route is Millrace's own. Without guards around it, such a route has the application's. */
  readonly own?: boolean
  readonly pattern: Pattern
  readonly target: HttpTarget<never>
}

export interface RouterRoute<Needs extends object = object> extends Guards {
  readonly kind: 'router'
  readonly pattern: Pattern
  readonly routes: readonly PathRoute[]
  readonly [NEEDS]?: (params: Needs) => void
}

/**
 * A route of a path. `Needs` are the parameters that its consumers declare and its own path lacks. A router
 * around it has to provide them, and an application takes only routes that need none.
 */
export type PathRoute<Needs extends object = object> = WebSocketRoute<Needs> | HttpRoute | RouterRoute<Needs>

/** Any route. One of a channel has no path and cannot be in a router. */
export type Route<Needs extends object = object> = PathRoute<Needs> | ChannelRoute

/** The parameters that a consumer needs and this path lacks, so that a router has to provide them. */
type Missing<Needed, Path extends string> = string extends keyof Needed
  ? object
  : {
      readonly [
        K in keyof Needed as K extends keyof ParamsOf<Path>
          ? ParamsOf<Path>[K] extends Needed[K]
            ? never
            : K
          : K
      ]: Needed[K]
    }

/**
 * Connects a path to a consumer: `websocket('/ws/chat/:room/', ChatConsumer)`.
 *
 * @throws {TypeError} for a malformed pattern or origin, or a value that is not a consumer class.
 * @throws {RangeError} for a `maxMessageSize` out of range.
 */
export function websocket<const Path extends string, P = Params>(
  path: Path,
  consumer: ConsumerClass<P>,
  options: WebSocketOptions = {},
): WebSocketRoute<Missing<P, Path>> {
  if (typeof consumer !== 'function') throw new TypeError(`websocket(${path}): the consumer is not a class`)
  checkOptions(`websocket(${path})`, options, WEBSOCKET_OPTIONS)
  checkOrigins(options.origins, `websocket(${path})`)
  checkMessageSize(options.maxMessageSize, `websocket(${path})`)
  return { kind: 'websocket', pattern: parsePattern(path), consumer, ...options }
}

/** More than the longest text in V8, which is a little less than half a gigabyte. */
const LONGEST_MESSAGE = 512 * 1024 * 1024

function checkMessageSize(size: number | undefined, where: string): void {
  if (size === undefined || (Number.isSafeInteger(size) && size > 0 && size <= LONGEST_MESSAGE)) return
  throw new RangeError(
    `${where}: maxMessageSize is ${size}; it takes a whole number from 1 to ${LONGEST_MESSAGE}`,
  )
}

/**
 * Connects a path to a fetch handler: `http('/hello/:name', (request, { params }) => …)`, `http('/api/*',
 * hono)`, `http('/items', { GET: list, POST: create })`. The handler sees the whole URL without the root
 * path. Only guards given here or on a router around it apply, not the application's own.
 */
export function http<const Path extends string>(
  path: Path,
  target: HttpTarget<ParamsOf<Path>>,
  guards: Guards = {},
): HttpRoute {
  checkOptions(`http(${path})`, guards, GUARDS)
  checkOrigins(guards.origins, `http(${path})`)
  const callable = typeof target === 'function' || (typeof target === 'object' && target !== null)
  if (!callable)
    throw new TypeError(`http(${path}): give a handler, an object with fetch, or handlers by method`)
  return { kind: 'http', pattern: parsePattern(path), target, ...guards }
}

/** Puts routes under a common prefix, and gives them its parameters: `router('/teams/:team', [...])`. */
export function router<const Prefix extends string, Needs extends object = object>(
  prefix: Prefix,
  routes: readonly PathRoute<Needs>[],
  guards: Guards = {},
): RouterRoute<Missing<Needs, Prefix>> {
  const pattern = parsePattern(prefix)
  if (pattern.segments.some((segment) => segment.kind === 'rest')) {
    throw new TypeError(`router(${prefix}): a prefix cannot take the rest of the path`)
  }
  if ((routes as readonly Route[]).some((route) => route.kind === 'channel')) {
    throw new TypeError(`router(${prefix}): a channel has no path; put channel(…) beside the router`)
  }
  checkOptions(`router(${prefix})`, guards, GUARDS)
  checkOrigins(guards.origins, `router(${prefix})`)
  // The types have been checked here, so the needs of the routes are dropped.
  return { kind: 'router', pattern, routes: routes as readonly PathRoute[], ...guards }
}
