/**
 * The registry of HTTP errors, which also answer a WebSocket handshake. Each has a stable code, a status and
 * a sentence; PROTOCOL.md lists them from here.
 */
export const ERRORS = {
  bad_request: { status: 400, message: 'The request is not valid HTTP for this server.' },
  bad_handshake: { status: 400, message: 'The WebSocket handshake is not valid (RFC 6455 section 4.2.1).' },
  websocket_not_here: { status: 400, message: 'This path answers HTTP requests, not WebSockets.' },
  unauthenticated: { status: 401, message: 'You are not signed in. Sign in and try again.' },
  payment_required: { status: 402, message: 'This requires a payment.' },
  forbidden: { status: 403, message: 'You are not allowed to do this.' },
  origin_refused: { status: 403, message: 'Pages of this origin may not connect here.' },
  connection_refused: { status: 403, message: 'The connection was refused.' },
  route_not_found: { status: 404, message: 'Nothing is served at this path.' },
  method_not_allowed: { status: 405, message: 'This path does not support this method.' },
  request_timeout: { status: 408, message: 'The request did not arrive in time.' },
  host_refused: { status: 421, message: 'This server does not serve that host name.' },
  upgrade_required: {
    status: 426,
    message: 'This path serves WebSockets only: connect with ws:// or wss://.',
  },
  websocket_version: { status: 426, message: 'Only version 13 of the WebSocket protocol is supported.' },
  too_many_starts: { status: 429, message: 'Too many starts within a minute. Try again in a moment.' },
  too_many_changes: { status: 429, message: 'Too many changes within a minute. Try again in a moment.' },
  too_many_runs: {
    status: 429,
    message:
      'Too many runs were started from your address and are still running. Stop one, or wait for one to end.',
  },
  headers_too_large: { status: 431, message: 'The request headers are larger than the server accepts.' },
  internal_error: { status: 500, message: 'The server failed to answer. The error was logged.' },
  authentication_unavailable: {
    status: 503,
    message: 'The server could not check who you are. Try again in a moment.',
  },
  start_undecided: {
    status: 503,
    message: 'The server could not check whether you may start this. Try again in a moment.',
  },
  access_undecided: {
    status: 503,
    message: 'The server could not check whether you may do this. Try again in a moment.',
  },
  too_many_connections: {
    status: 503,
    message: 'The server has too many connections. Try again later.',
  },
  draining: { status: 503, message: 'The server is shutting down. Connect again in a moment.' },
  handshake_timeout: { status: 503, message: 'The server did not accept the connection in time.' },
  response_timeout: { status: 503, message: 'The server did not answer in time.' },
} as const satisfies Record<string, { status: number; message: string }>

/** A stable name of an HTTP error. */
export type ErrorCode = keyof typeof ERRORS

/** The body of an HTTP error, as JSON. */
export interface ErrorBody {
  readonly error: { readonly code: ErrorCode; readonly message: string }
}

/** A 401 has to name a scheme (RFC 9110 section 11.6.1). Browsers show no dialog for this one. */
const CHALLENGES: Partial<Record<ErrorCode, Readonly<Record<string, string>>>> = {
  unauthenticated: { 'www-authenticate': 'Bearer' },
}

/** An answer that refuses a request. Thrown by hooks and routes; becomes the response. */
export class HttpError extends Error {
  override readonly name = 'HttpError'
  readonly code: ErrorCode
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  /**
   * The message goes to the client: it must hold nothing secret.
   *
   * @throws {TypeError} for a header that HTTP cannot carry, such as a value with a line break.
   */
  constructor(
    code: ErrorCode,
    message: string = ERRORS[code].message,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message)
    this.code = code
    this.status = ERRORS[code].status
    // They may contain a client's input, and a raw socket does not check them.
    this.headers = Object.fromEntries(new Headers({ ...CHALLENGES[code], ...lowerCased(headers) }))
  }

  get body(): ErrorBody {
    return { error: { code: this.code, message: this.message } }
  }

  toResponse(): Response {
    return Response.json(this.body, {
      status: this.status,
      // Errors must not be cached, or embedded by other sites.
      headers: {
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'cross-origin-resource-policy': 'same-origin',
        ...this.headers,
      },
    })
  }
}

function lowerCased(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}

/** The 401 of an `authenticate` hook: the client should sign in. */
export function unauthenticated(message?: string): HttpError {
  return new HttpError('unauthenticated', message)
}

/** The 403 of an `authenticate` hook: the user is known, and not allowed. */
export function forbidden(message?: string): HttpError {
  return new HttpError('forbidden', message)
}
