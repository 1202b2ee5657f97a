/** The WebSocket that a client speaks through, whoever made it. */
import { bearerProtocol } from '../../protocol/bearer.ts'
import { STREAM_SUBPROTOCOL } from '../../protocol/stream-frames.ts'

/** The part of a WebSocket that is used. That of a browser, of Node and of `ws` fit. */
export interface SocketLike {
  send(text: string): void
  close(code?: number): void
  // Events differ from platform to platform; `data` and `code` exist everywhere.
  onopen: ((event: never) => void) | null
  onmessage: ((event: never) => void) | null
  onclose: ((event: never) => void) | null
  onerror: ((event: never) => void) | null
}

/** `protocols` is one, or two where a token is sent with it: what `new WebSocket` takes. */
export type SocketFactory = (url: string, protocols: string | string[]) => SocketLike

/** What is offered: the stream socket, and the token, for which a browser has no header. */
export function protocolsWith(token: string | undefined): string | string[] {
  return token ? [STREAM_SUBPROTOCOL, bearerProtocol(token)] : STREAM_SUBPROTOCOL
}

/** The platform's own. */
export function platformSocket(url: string, protocols: string | string[]): SocketLike {
  return new WebSocket(url, protocols)
}
