/**
 * What pages of other origins may do over HTTP (CORS, the Fetch standard). The list of origins that may open
 * WebSockets also lets pages read answers and send requests, with cookies.
 */
import type { IncomingMessage } from 'node:http'
import type { Origins } from '../../routing/origins.ts'
import { originStanding } from './origin-policy.ts'

/** Schemes of `Authorization` that browsers send by themselves. A page has to set others itself. */
const AMBIENT = /^(?:basic|digest|negotiate|ntlm)\b/i

/** Seconds for which a browser may remember a preflight. */
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

/** What a page may do with a route, and the CORS headers that tell it. */
export interface Crossing {
  /** Whether a page may make this request and read the answer. Pages of the server's own origin may. */
  readonly allowed: boolean
  /** Whether the request is a preflight of a page of another origin. */
  readonly preflight: boolean
  /** The CORS headers of any answer. */
  readonly headers: Readonly<Record<string, string>>
}

/** The parts of a request that decide. */
export interface CrossingRequest {
  readonly method: string
  readonly origin: string | undefined
  readonly host: string
  readonly headers: Pick<Headers, 'get' | 'has'>
}

/**
 * @param origins of the route or the application, and of the server. Without any, no other origin is allowed.
 */
export function crossingOf(request: CrossingRequest, origins: readonly (Origins | undefined)[]): Crossing {
  const standing = originStanding(request.origin, request.host, origins)
  const lists = origins.some((one) => typeof one === 'function' || (one !== undefined && one.length > 0))
  const vary: Record<string, string> = lists ? { vary: 'Origin' } : {}
  // A page that no list names may send no credentials of its visitor.
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

/** The parts of a request whose host is not known, so that no page is of the same origin. */
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

/** The answer to a preflight, without its CORS headers. */
export function preflightAnswer(): Response {
  return new Response(null, { status: 204 })
}

/** A response with CORS headers, unless its handler has set its own. */
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

/** Allows the method and headers that a preflight asks for; the route decides what they mean. */
function leaveOf(request: CrossingRequest, method: string): Record<string, string> {
  const names = request.headers.get('access-control-request-headers')
  return {
    'access-control-allow-methods': method,
    ...(names !== null && { 'access-control-allow-headers': names }),
    'access-control-max-age': PREFLIGHT_AGE,
    vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
  }
}
