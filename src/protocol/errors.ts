/**
 * The registry of errors that a client can be answered with over HTTP, before a WebSocket exists.
 * Each has a stable code, a status and a sentence; PROTOCOL.md lists them from here.
 */
export const ERRORS = {
  bad_request: { status: 400, message: 'The request is not valid HTTP for this server.' },
  bad_handshake: { status: 400, message: 'The WebSocket handshake is not valid (RFC 6455 section 4.2.1).' },
  websocket_not_here: { status: 400, message: 'This path answers HTTP requests, not WebSockets.' },
  unauthenticated: { status: 401, message: 'Who you are is not known. Sign in and try again.' },
  payment_required: { status: 402, message: 'This has to be paid for first.' },
  forbidden: { status: 403, message: 'You may not do this.' },
  origin_refused: { status: 403, message: 'Pages of this origin may not connect here.' },
  connection_refused: { status: 403, message: 'The connection was refused.' },
  route_not_found: { status: 404, message: 'Nothing is served at this path.' },
  method_not_allowed: { status: 405, message: 'This path does not answer this method.' },
  request_timeout: { status: 408, message: 'The request did not arrive in time.' },
  host_refused: { status: 421, message: 'This server does not answer to that host name.' },
  upgrade_required: {
    status: 426,
    message: 'This path speaks WebSocket only: connect with ws:// or wss://.',
  },
  websocket_version: { status: 426, message: 'Only version 13 of the WebSocket protocol is spoken here.' },
  too_many_starts: { status: 429, message: 'Too many starts within a minute. Try again in a moment.' },
  too_many_runs: {
    status: 429,
    message: 'Too many runs are running at your address. Stop one, or wait for one to end.',
  },
  headers_too_large: { status: 431, message: 'The request headers are larger than the server accepts.' },
  internal_error: { status: 500, message: 'The server failed to answer. The error was logged.' },
  authentication_unavailable: {
    status: 503,
    message: 'It could not be found out who you are. Try again in a moment.',
  },
  start_undecided: {
    status: 503,
    message: 'It could not be found out whether you may start this. Try again in a moment.',
  },
  access_undecided: {
    status: 503,
    message: 'It could not be found out whether you may do this. Try again in a moment.',
  },
  too_many_connections: {
    status: 503,
    message: 'The server holds as many connections as it may. Try again later.',
  },
  draining: { status: 503, message: 'The server is shutting down. Connect again in a moment.' },
  handshake_timeout: { status: 503, message: 'The connection was not accepted in time.' },
  response_timeout: { status: 503, message: 'The answer was not ready in time.' },
} as const satisfies Record<string, { status: number; message: string }>

/** A stable name of an HTTP error. */
export type ErrorCode = keyof typeof ERRORS

/** What the body of an HTTP error says, as JSON. */
export interface ErrorBody {
  readonly error: { readonly code: ErrorCode; readonly message: string }
}

/** A 401 has to name a scheme (RFC 9110, section 11.6.1). Browsers show no dialog for this one. */
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
    // A hook may put in them what a client sent, and the raw socket that they go to checks nothing.
    this.headers = Object.fromEntries(new Headers({ ...CHALLENGES[code], ...lowerCased(headers) }))
  }

  get body(): ErrorBody {
    return { error: { code: this.code, message: this.message } }
  }

  toResponse(): Response {
    return Response.json(this.body, {
      status: this.status,
      // Kept by nobody on the way, and embedded by no other site.
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

/** For an `authenticate` hook: 401, the client should sign in. */
export function unauthenticated(message?: string): HttpError {
  return new HttpError('unauthenticated', message)
}

/** For an `authenticate` hook: 403, the client is known and may not. */
export function forbidden(message?: string): HttpError {
  return new HttpError('forbidden', message)
}
