/** The connection under a consumer: a WebSocket, or a communicator in a test. */

import type { ThrownResponse } from './thrown-response.ts'
import type { TextFrame } from './text-frame.ts'

export type WebSocketData = string | Uint8Array

export interface AcceptOptions {
  /** One of `scope.subprotocols`. */
  readonly subprotocol?: string
  /** Headers of the handshake's answer, such as `set-cookie`. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
}

/** Takes frames on a hot path. */
export interface FramePort {
  /**
   * Takes a frame, which other connections may share. Returns whether there is room for more; after `false`
   * the session's `drained` is called once there is, if ever. Frames written to many connections without an
   * `await` in between are sent together.
   */
  write(frame: TextFrame): boolean
  /**
   * Ends the connection at once, without a close frame, because other readers need the memory that it holds.
   */
  cutSlow(): void
}

export interface Transport extends FramePort {
  /**
   * Completes the handshake.
   *
   * @throws {ConnectionClosedError} when the client has gone, and {TypeError} for headers that cannot be
   * sent; the handshake can then still be refused.
   */
  accept(options: AcceptOptions): void
  /** Answers the handshake with this instead of accepting it. */
  refuse(refusal: ThrownResponse): void
  /**
   * Takes a message. Returns undefined when there is room for more; otherwise a promise that resolves when
   * there is, and rejects once the connection is closed. That rejection need not be handled.
   */
  send(data: WebSocketData): Promise<void> | undefined
  /** Starts the closing handshake. */
  close(code: number, reason: string): void
  /** Stops reading from the client; `resume` continues. */
  pause(): void
  resume(): void
}

/** Why `this.signal` aborted, and what `send` rejects with afterwards. */
export class ConnectionClosedError extends Error {
  override readonly name = 'ConnectionClosedError'
  readonly code: number
  readonly reason: string

  constructor(code: number, reason: string) {
    super(`The connection is closed (${code}${reason && `, ${reason}`})`)
    this.code = code
    this.reason = reason
  }
}
