/** What a consumer needs of the connection under it: a WebSocket, or a communicator in a test. */

import type { ThrownResponse } from './thrown-response.ts'
import type { TextFrame } from './text-frame.ts'

export type WebSocketData = string | Uint8Array

export interface AcceptOptions {
  /** One of `scope.subprotocols`. */
  readonly subprotocol?: string
  /** Headers for the handshake's answer, `set-cookie` for example. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
}

/** Takes frames on a hot path. */
export interface FramePort {
  /**
   * Takes a frame that other connections may share, or a part of it, without a promise for it: whether there is
   * room for more. After `false` the session's `drained` is called once there is, if ever. What is
   * written to many connections without an `await` in between leaves together.
   */
  write(frame: TextFrame): boolean
  /** Ends the connection at once, without a close frame: others wait for the memory that it holds. */
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
   * Takes a message. Undefined when there is room for more; otherwise a promise that resolves when
   * there is, and rejects once the connection is closed; that rejection may go unhandled.
   */
  send(data: WebSocketData): Promise<void> | undefined
  /** Starts the closing handshake. */
  close(code: number, reason: string): void
  /** Stops and continues reading from the client. */
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
