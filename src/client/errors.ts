/** What goes wrong, for a program and for a person. */
export class StreamError extends Error {
  override readonly name = 'StreamError'
  /**
   * `failed`: the run ended so, and `reason` says why. `gone`: the stream was deleted, expired or
   * lost, as `reason` says. `gap`: records are missing, twice in a row. `closed`: the client was
   * closed. `refused`: the server would not read the request, which is too large or has text that is
   * no text. Any other is the server's own (docs/stream-socket.md), such as `stream_not_found`.
   */
  readonly code: string
  readonly reason: string | undefined

  constructor(code: string, message: string, reason?: string) {
    super(message)
    this.code = code
    this.reason = reason
  }
}

/** What is asked of a client that was closed. */
export function clientClosed(): StreamError {
  return new StreamError('closed', 'The client was closed.')
}
