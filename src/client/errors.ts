/** What goes wrong, for a program and for a person. */
import type { InputIssue } from '../protocol/stream-frames.ts'

/**
 * Codes of `StreamError`.
 *
 * - Of a stream: `failed`, the run failed, and `reason` says why. `gone`, the stream was deleted, expired or lost,
 *   as `reason` says. `gap`, the server left out records twice in a row.
 * - Of a request: `closed`, the client was closed. `refused`, the server cannot read the request: it is too large,
 *   or has text that is no text. `http_403` and the like, the status of an answer that did not come from Millrace.
 * - Of `client.error` alone: `offline`, `unreachable`, `silent`, `disconnected`, `blocked` and `token_failed`.
 * - Any other comes from the server. docs/stream-socket.md lists them.
 */
export type StreamErrorCode =
  | 'failed'
  | 'gone'
  | 'gap'
  | 'closed'
  | 'refused'
  | 'offline'
  | 'unreachable'
  | 'silent'
  | 'disconnected'
  | 'blocked'
  | 'token_failed'
  | 'invalid_input'
  | 'unknown_kind'
  | 'stream_not_found'
  | 'offset_trimmed'
  | 'too_many_runs'
  | 'run_differs'
  | 'unauthenticated'
  | (string & {})

/** What an error says beside its code and its message. */
export interface StreamErrorDetails {
  readonly reason?: string | undefined
  readonly retryAfter?: number | undefined
  readonly first?: string | undefined
  readonly issues?: readonly InputIssue[] | undefined
}

export class StreamError extends Error {
  declare readonly code: StreamErrorCode
  /** Why a run failed, or a stream is gone. */
  declare readonly reason: string | undefined
  /** Seconds after which to ask the server again; undefined if it did not say. */
  declare readonly retryAfter: number | undefined
  /** With `offset_trimmed`: the offset from which the stream can be read. The records before it are gone. */
  declare readonly first: string | undefined
  /** With `invalid_input`: what is wrong with the input, and where. Empty with any other code. */
  declare readonly issues: readonly InputIssue[]

  constructor(
    code: StreamErrorCode,
    message: string,
    { reason, retryAfter, first, issues = [] }: StreamErrorDetails = {},
  ) {
    super(message)
    Object.assign(this, { name: 'StreamError', code, reason, retryAfter, first, issues })
  }
}

/** Makes an error of what the server says in a frame, an event or a body. */
export function errorIn(
  fault: StreamErrorDetails & { readonly code: string; readonly message: string },
): StreamError {
  return new StreamError(fault.code, fault.message, fault)
}

/** A failure that may pass: what was asked is asked again. */
export class Setback extends Error {
  readonly why: StreamError

  constructor(why: StreamError) {
    super(why.message)
    this.why = why
  }
}

/** Something was asked of a client that was closed. */
export function clientClosed(): StreamError {
  return new StreamError('closed', 'The client was closed.')
}

/** The stream was taken away from its reader. */
export function gone(reason: string): StreamError {
  return new StreamError('gone', `The stream is gone (${reason}).`, { reason })
}

/** A server does not answer. */
export function unreachable(url: string): StreamError {
  const { navigator } = globalThis as { navigator?: { onLine?: boolean } }
  if (navigator?.onLine === false) return offline()
  // The rest of an address may hold a token, which belongs in no message.
  const { origin, host } = new URL(url)
  const { location } = globalThis as { location?: { origin: string } }
  const other = location && location.origin !== origin.replace(/^ws/, 'http')
  const hint = other ? ', or does not let pages of this origin in' : ''
  return new StreamError('unreachable', `${host} does not answer${hint}.`)
}

export function offline(): StreamError {
  return new StreamError('offline', 'There is no network.')
}

/** Close code of a server whose user is signed in no more. */
const SIGNED_OUT = 3000

export function disconnected(code: number, reason = ''): StreamError {
  if (code === SIGNED_OUT) return new StreamError('unauthenticated', `${reason || 'Sign in again'}.`)
  const why = reason && `: ${reason}`
  return new StreamError('disconnected', `The connection was lost (${code}${why}).`)
}
