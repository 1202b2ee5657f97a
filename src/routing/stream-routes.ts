/** The routes of streams: how an application writes their endpoints. */
import { DurableStreams, type DurableStreamsOptions } from '../endpoints/http/durable-streams.ts'
import { HttpStreams, type HttpStreamsOptions } from '../endpoints/http/http-streams.ts'
import { type StreamSocketOptions, streamSocketConsumer } from '../endpoints/stream-socket/stream-socket.ts'
import {
  type Guards,
  type HttpRoute,
  type RouterRoute,
  type WebSocketOptions,
  type WebSocketRoute,
  guardsOf,
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
  const { maxMessageSize } = options
  const ofRoute = { ...guardsOf(options), ...(maxMessageSize !== undefined && { maxMessageSize }) }
  return { ...websocket(path, streamSocketConsumer(options), ofRoute), own: true }
}

/**
 * Serves streams over plain HTTP under a prefix, `/streams` for one, to their readers, and starts and stops
 * runs; docs/http-streams.md says how. Without an `authenticate` here the application's own holds.
 *
 * @throws {TypeError} for a malformed prefix.
 */
export function httpStreams(prefix: string, options: HttpStreamsOptions & Guards): RouterRoute {
  const streams = new HttpStreams(options)
  const { get, head, delete: remove } = streams.reads
  return ownRouter(prefix, options, [
    http('/', { GET: streams.list, POST: streams.start }),
    http('/:id', { GET: get, HEAD: head, DELETE: remove }),
    http('/:id/stop', { POST: streams.stop }),
  ])
}

/**
 * Serves the Durable Streams protocol under a prefix, `/v1/stream` for one: whoever may pass creates, writes,
 * reads and removes streams of their own. The rest of a path is the id of a stream, which may have slashes.
 * Without an `authenticate` here the application's own holds; without any, streams belong to nobody, and
 * everybody writes to them.
 *
 * @throws {TypeError} for a malformed prefix.
 */
export function durableStreams(prefix: string, options: DurableStreamsOptions & Guards): RouterRoute {
  const { reads, writes } = new DurableStreams(options)
  const { get, head, delete: remove } = reads
  const { put, post } = writes
  return ownRouter(prefix, options, [
    http('/*id', { GET: get, HEAD: head, PUT: put, POST: post, DELETE: remove }),
  ])
}

function ownRouter(prefix: string, options: Guards, routes: readonly HttpRoute[]): RouterRoute {
  const own = routes.map((route) => ({ ...route, own: true }))
  return router(prefix, own, guardsOf(options))
}
