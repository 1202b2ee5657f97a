/** The routes of streams: how an application writes their endpoints. */
import { HttpStreams, type HttpStreamsOptions } from '../endpoints/http-streams/http-streams.ts'
import { type StreamSocketOptions, streamSocketConsumer } from '../endpoints/stream-socket/stream-socket.ts'
import {
  type Guards,
  type RouterRoute,
  type WebSocketOptions,
  type WebSocketRoute,
  http,
  router,
  websocket,
} from './route.ts'

/**
 * Serves the stream socket at a path; docs/stream-socket.md says what clients speak there. With an
 * `authenticate`, here or of the application, a client reaches its own streams only; without one,
 * those that have no owner.
 *
 * @throws {TypeError} for a malformed path.
 * @throws {RangeError} for a size that no message has.
 */
export function streamSocket(path: string, options: StreamSocketOptions & WebSocketOptions): WebSocketRoute {
  const { authenticate, origins, maxMessageSize } = options
  const ofRoute = {
    ...(maxMessageSize !== undefined && { maxMessageSize }),
    ...(authenticate !== undefined && { authenticate }),
    ...(origins !== undefined && { origins }),
  }
  return { ...websocket(path, streamSocketConsumer(options), ofRoute), own: true }
}

/**
 * Serves streams over plain HTTP under a prefix, `/streams` for one; docs/http-streams.md says how.
 * Without an `authenticate` here the application's own holds.
 *
 * @throws {TypeError} for a malformed prefix.
 */
export function httpStreams(prefix: string, options: HttpStreamsOptions & Guards): RouterRoute {
  const { authenticate, origins } = options
  const guards = {
    ...(authenticate !== undefined && { authenticate }),
    ...(origins !== undefined && { origins }),
  }
  const streams = new HttpStreams(options)
  const routes = [
    http('/', { GET: streams.list, POST: streams.start }),
    http('/:id', { GET: streams.get, HEAD: streams.head, DELETE: streams.delete }),
    http('/:id/stop', { POST: streams.stop }),
  ].map((route) => ({ ...route, own: true }))
  return router(prefix, routes, guards)
}
