/** What a consumer needs of the connection under it: a WebSocket, or a communicator in a test. */

import type { HttpError } from '../protocol/errors.ts'

export type WebSocketData = string | Uint8Array

export interface AcceptOptions {
  /** One of `scope.subprotocols`. */
  readonly subprotocol?: string
  /** Headers for the handshake's answer, `set-cookie` for example. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
}

export interface Transport {
  /** Completes the handshake. Rejects when the client has gone. */
  accept(options: AcceptOptions): Promise<void>
  /** Answers the handshake with this error instead of accepting it. */
  refuse(error: HttpError): void
  /** Resolves when there is room for more; rejects once the connection is closed. */
  send(data: WebSocketData): Promise<void>
  /** Starts the closing handshake. */
  close(code: number, reason: string): void
  /** Stops and continues reading from the client. */
  pause(): void
  resume(): void
}

/** Why `this.signal` aborted, and what `send` rejects with afterwards. */
export class ConnectionClosed extends Error {
  override readonly name = 'ConnectionClosed'
  readonly code: number
  readonly reason: string

  constructor(code: number, reason: string) {
    super(`The connection is closed (${code}${reason && `, ${reason}`})`)
    this.code = code
    this.reason = reason
  }
}
