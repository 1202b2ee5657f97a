/** What goes wrong, for a program and for a person. */
export class StreamError extends Error {
  override readonly name = 'StreamError'
  /**
   * `failed`: the run ended so, and `reason` says why. `gone`: the stream was deleted, expired or
   * lost, as `reason` says. `gap`: records are missing, twice in a row. `closed`: the client was
   * closed. `refused`: the server would not read the request, which is too large or has text that is
   * no text. `http_403` and the like: the status of an answer that was not Millrace's own. Any other is the
   * server's own (docs/stream-socket.md), such as `stream_not_found` or `unauthenticated`.
   *
   * Of `client.error` also `offline`, `unreachable`, `silent`, `disconnected`, `blocked` and `token_failed`.
   */
  readonly code: string
  readonly reason: string | undefined
  /** Seconds after which the server wants to be asked again; undefined where it did not say. */
  readonly retryAfter: number | undefined
  /** Of `offset_trimmed`: from where the stream can be read, to be given as its `offset`. What lay before is gone. */
  readonly first: string | undefined

  constructor(code: string, message: string, reason?: string, retryAfter?: number, first?: string) {
    super(message)
    this.code = code
    this.reason = reason
    this.retryAfter = retryAfter
    this.first = first
  }
}

/** What may be otherwise the next time: nobody gives up for it. */
export class Setback extends Error {
  readonly why: StreamError

  constructor(why: StreamError) {
    super(why.message)
    this.why = why
  }
}

/** What is asked of a client that was closed. */
export function clientClosed(): StreamError {
  return new StreamError('closed', 'The client was closed.')
}

/** The stream was taken away under its reader. */
export function gone(reason: string): StreamError {
  return new StreamError('gone', `The stream is gone (${reason}).`, reason)
}

/** Why a server that does not answer may not have done so. */
export function unreachable(url: string): StreamError {
  const { navigator } = globalThis as { navigator?: { onLine?: boolean } }
  if (navigator?.onLine === false) return offline()
  // What comes with an address, a user's word or a token, is nobody's to read.
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
