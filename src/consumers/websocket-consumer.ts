import { Consumer } from './consumer.ts'
import type { Params } from './scope.ts'
import type { WebSocketData } from './transport.ts'

/**
 * A consumer of plain frames: a string for a text frame, a Uint8Array for a binary one. Sent bytes are not
 * copied, so do not change an array after sending it.
 */
export class WebSocketConsumer<P = Params> extends Consumer<WebSocketData, WebSocketData, P> {
  receive(_message: WebSocketData): void | Promise<void> {}

  protected decode(data: WebSocketData): WebSocketData {
    return data
  }

  protected encode(message: WebSocketData): WebSocketData {
    if (typeof message === 'string' || message instanceof Uint8Array) return message
    throw new TypeError('send() takes a string or a Uint8Array; JsonWebSocketConsumer sends other values')
  }
}
