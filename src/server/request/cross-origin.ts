/**
 * What pages of other origins may do over HTTP (CORS, the Fetch standard): the same list that lets them
 * open WebSockets lets them read answers and send requests, with cookies.
 */
import type { IncomingMessage } from 'node:http'
import type { Origins } from '../../routing/origins.ts'
import { originStanding } from './origin-policy.ts'

/** Schemes of `Authorization` that browsers speak by themselves; a page that means another sets it itself. */
const AMBIENT = /^(?:basic|digest|negotiate|ntlm)\b/i

/** Seconds for which a browser need not ask again before a request that wants leave. */
const PREFLIGHT_AGE = '600'

/** Headers of Millrace's own answers that a page may read. */
const EXPOSED = [
  'etag',
  'location',
  'producer-epoch',
  'producer-expected-seq',
  'producer-received-seq',
  'producer-seq',
  'retry-after',
  'stream-closed',
  'stream-cursor',
  'stream-end',
  'stream-expires-at',
  'stream-first-offset',
  'stream-from-offset',
  'stream-next-offset',
  'stream-sse-data-encoding',
  'stream-ttl',
  'stream-up-to-date',
  'www-authenticate',
  'x-workflow-run-id',
  'x-workflow-stream-tail-index',
].join(', ')

/** What a request is to a route: how it stands to its origins, and the headers that say so. */
export interface Crossing {
  /** Whether a page may make this request, and read its answer. One of the server's own may. */
  readonly allowed: boolean
  /** Whether another origin's page asks for leave, and what it is answered with then. */
  readonly preflight: boolean
  /** For the answer, whatever it is. */
  readonly headers: Readonly<Record<string, string>>
}

/** What is read of a request. */
export interface CrossingRequest {
  readonly method: string
  readonly origin: string | undefined
  readonly host: string
  readonly headers: Pick<Headers, 'get' | 'has'>
}

/** @param origins of the route or the application, and of the server; without any, none is let in. */
export function crossingOf(request: CrossingRequest, origins: readonly (Origins | undefined)[]): Crossing {
  const standing = originStanding(request.origin, request.host, origins)
  const lists = origins.some((one) => typeof one === 'function' || (one !== undefined && one.length > 0))
  const vary: Record<string, string> = lists ? { vary: 'Origin' } : {}
  // A page that nobody listed comes without what a browser sends for its visitor, or not at all.
  const allowed = standing === 'any' ? !hasCredentials(request.headers) : standing !== 'foreign'
  const crossing = standing === 'listed' || standing === 'any'
  const asked = request.method === 'OPTIONS' ? request.headers.get('access-control-request-method') : null
  const preflight = asked !== null && request.origin !== undefined
  if (!allowed || !crossing) return { allowed, preflight: preflight && crossing, headers: vary }
  const headers = {
    ...vary,
    'access-control-allow-origin': request.origin ?? '',
    'access-control-allow-credentials': 'true',
  }
  return {
    allowed,
    preflight,
    headers: preflight
      ? { ...headers, ...leaveOf(request, asked) }
      : { ...headers, 'access-control-expose-headers': EXPOSED },
  }
}

/** A request whose host cannot be told: no page is its own. */
export function crossingRequestOf({ method = 'GET', headers }: IncomingMessage): CrossingRequest {
  const get = (name: string): string | null => {
    const value = headers[name]
    return typeof value === 'string' ? value : null
  }
  return { method, origin: headers.origin, host: '', headers: { get, has: (name) => get(name) !== null } }
}

function hasCredentials(headers: CrossingRequest['headers']): boolean {
  return headers.has('cookie') || AMBIENT.test(headers.get('authorization') ?? '')
}

/** The answer to a preflight; its headers are those of the crossing. */
export function preflightAnswer(): Response {
  return new Response(null, { status: 204 })
}

/** A response with the headers of a crossing, where its handler gave none of its own. */
export function withCrossing(response: Response, headers: Crossing['headers']): Response {
  const names = Object.keys(headers)
  if (names.length === 0 || response.headers.has('access-control-allow-origin')) return response
  const merged = new Headers(response.headers)
  for (const name of names) merged.append(name, headers[name] ?? '')
  return new Response(response.body, {
    status: response.status,
    statusText: response.statusText,
    headers: merged,
  })
}

/** Leave for what is asked: what the method and the headers mean is the route's affair. */
function leaveOf(request: CrossingRequest, method: string): Record<string, string> {
  const names = request.headers.get('access-control-request-headers')
  return {
    'access-control-allow-methods': method,
    ...(names !== null && { 'access-control-allow-headers': names }),
    'access-control-max-age': PREFLIGHT_AGE,
    vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
  }
}
