/** The three kinds of route and how an application writes them. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AnyConsumerClass, ConsumerClass } from '../consumers/consumer.ts'
import type { Params, Scope, User } from '../consumers/scope.ts'
import { type ParamsOf, type Pattern, parsePattern } from './pattern.ts'

/** What an HTTP handler knows beside the request. Hono handlers find it in `c.env`. */
export interface HttpContext<P = Params> {
  readonly params: P
  readonly scope: Scope<P>
  /** Aborts when the client goes before the answer is complete. */
  readonly signal: AbortSignal
  /** The `node:http` pair under the request, where there is one. */
  readonly incoming?: IncomingMessage
  readonly outgoing?: ServerResponse
}

export type HttpHandler<P = Params> = (request: Request, context: HttpContext<P>) => Response | Promise<Response>

/** A handler, anything with a `fetch` such as a Hono application, or a handler for each method. */
export type HttpTarget<P = Params> =
  | HttpHandler<P>
  | { readonly fetch: HttpHandler<P> }
  | { readonly [M in Method]?: HttpHandler<P> }

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS'

/**
 * Says who asks, from the request alone. What it returns becomes `scope.user`; `undefined` or
 * `null` answers 401. Throw `unauthenticated()` or `forbidden()` for an answer in your own words.
 */
export type Authenticate = (request: Request) => AuthenticateResult | Promise<AuthenticateResult>
type AuthenticateResult = ([unknown] extends [User] ? unknown : User) | null | undefined

/**
 * Origins whose pages may open WebSockets, beside the server's own: a list (`https://app.example`,
 * `https://*.example.com`), `'*'` for all, or a function.
 */
export type Origins = '*' | readonly string[] | ((origin: string) => boolean)

/** Who may pass. A route's own guards replace those of the routers and the application around it. */
export interface Guards {
  /** `false` lets everybody in. */
  readonly authenticate?: Authenticate | false
  readonly origins?: Origins
}

export interface WebSocketRoute extends Guards {
  readonly kind: 'websocket'
  readonly pattern: Pattern
  readonly consumer: AnyConsumerClass
}

export interface HttpRoute extends Guards {
  readonly kind: 'http'
  readonly pattern: Pattern
  readonly target: HttpTarget<never>
}

export interface RouterRoute extends Guards {
  readonly kind: 'router'
  readonly pattern: Pattern
  readonly routes: readonly Route[]
}

export type Route = WebSocketRoute | HttpRoute | RouterRoute

/** Turns a consumer that needs parameters the path does not have into a compile error naming them. */
type Fits<Path extends string, Needed> =
  ParamsOf<Path> extends Needed ? unknown : { 'the path lacks parameters that the consumer needs': Needed }

/**
 * Connects a path to a consumer: `websocket('/ws/chat/:room/', ChatConsumer)`.
 *
 * @throws {TypeError} for a malformed pattern or what is not a consumer class.
 */
export function websocket<const Path extends string, P = Params>(
  path: Path,
  consumer: ConsumerClass<P> & Fits<Path, P>,
  guards: Guards = {},
): WebSocketRoute {
  if (typeof consumer !== 'function') throw new TypeError(`websocket(${path}): the consumer is not a class`)
  return { kind: 'websocket', pattern: parsePattern(path), consumer: consumer as AnyConsumerClass, ...guards }
}

/**
 * Connects a path to a fetch handler: `http('/hello/:name', (request, { params }) => …)`,
 * `http('/api/*', hono)`, `http('/items', { GET: list, POST: create })`. The handler sees the whole
 * URL. Only guards given here or on a router around it apply: the application's own do not.
 */
export function http<const Path extends string>(
  path: Path,
  target: HttpTarget<ParamsOf<Path>>,
  guards: Guards = {},
): HttpRoute {
  const callable = typeof target === 'function' || (typeof target === 'object' && target !== null)
  if (!callable) throw new TypeError(`http(${path}): give a handler, an application with fetch, or handlers by method`)
  return { kind: 'http', pattern: parsePattern(path), target: target as HttpTarget<never>, ...guards }
}

/** Puts routes under a common prefix, whose parameters they share: `router('/teams/:team', [...])`. */
export function router(prefix: string, routes: readonly Route[], guards: Guards = {}): RouterRoute {
  const pattern = parsePattern(prefix)
  if (pattern.segments.some((segment) => segment.kind === 'rest')) {
    throw new TypeError(`router(${prefix}): a prefix cannot take the rest of the path`)
  }
  return { kind: 'router', pattern, routes, ...guards }
}
