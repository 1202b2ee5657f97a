/** The routes of streams: how an application writes their endpoints. */
import { type StreamSocketOptions, streamSocketConsumer } from '../endpoints/stream-socket/stream-socket.ts'
import { type Guards, type WebSocketRoute, websocket } from './route.ts'

/**
 * Serves the stream socket at a path; docs/stream-socket.md says what clients speak there. With an
 * `authenticate`, here or of the application, a client reaches its own streams only; without one,
 * those that have no owner.
 *
 * @throws {TypeError} for a malformed path.
 */
export function streamSocket(path: string, options: StreamSocketOptions & Guards): WebSocketRoute {
  const { authenticate, origins } = options
  const guards = {
    ...(authenticate !== undefined && { authenticate }),
    ...(origins !== undefined && { origins }),
  }
  return websocket(path, streamSocketConsumer(options), guards)
}
