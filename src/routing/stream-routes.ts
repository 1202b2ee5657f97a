/** The routes of streams. */
import type { HttpReadOptions } from '../endpoints/http/reads/reads.ts'
import { WRITE_LIMITS, type WriteLimits } from '../endpoints/http/writes/allowances.ts'
import type { StreamServices } from '../endpoints/stream-services.ts'
import { type OptionNames, checkOptions, namesOf } from '../protocol/known-options.ts'
import { DurableStreams, type DurableStreamsOptions } from '../endpoints/http/durable-streams.ts'
import { HttpStreams, type HttpStreamsOptions } from '../endpoints/http/http-streams.ts'
import { type StreamSocketOptions, streamSocketConsumer } from '../endpoints/stream-socket/stream-socket.ts'
import {
  GUARDS,
  type Guards,
  type HttpRoute,
  type RouterRoute,
  type WebSocketOptions,
  type WebSocketRoute,
  WEBSOCKET_OPTIONS,
  guardsOf,
  http,
  router,
  websocket,
} from './route.ts'

const SERVICES: OptionNames<StreamServices> = {
  store: true,
  delivery: true,
  runs: true,
  ownerOf: true,
  gate: true,
  logger: true,
}

const RETURNS = { returnAfter: true, returnSpread: true } as const

const READ_OPTIONS: OptionNames<HttpReadOptions> = { ...RETURNS, signInterval: true, longPollTimeout: true }

/** Of the stream socket and of `httpStreams` together: applications give both of them the same object. */
const ENDPOINT_OPTIONS: OptionNames<StreamSocketOptions & HttpStreamsOptions & WebSocketOptions> = {
  ...SERVICES,
  ...WEBSOCKET_OPTIONS,
  ...READ_OPTIONS,
  start: true,
  maxSubscriptions: true,
  maxRequests: true,
}

/** All services are spread into it, also those that it has no use for. */
const DURABLE_STREAMS_OPTIONS: OptionNames<DurableStreamsOptions & StreamServices & Guards> = {
  ...SERVICES,
  ...GUARDS,
  ...READ_OPTIONS,
  authorize: true,
  allowAnonymous: true,
  creation: true,
  idPrefix: true,
  limits: namesOf<WriteLimits>(WRITE_LIMITS),
}

/**
 * Serves the stream socket at a path; docs/stream-socket.md describes its protocol. With an `authenticate`,
 * here or of the application, a client reaches its own streams only. Without one it reaches streams without
 * an owner.
 *
 * @throws {TypeError} for a malformed path.
 * @throws {RangeError} for a `maxMessageSize` out of range.
 */
export function streamSocket(path: string, options: StreamSocketOptions & WebSocketOptions): WebSocketRoute {
  checkOptions(`streamSocket(${path})`, options, ENDPOINT_OPTIONS)
  const { maxMessageSize } = options
  const ofRoute = { ...guardsOf(options), ...(maxMessageSize !== undefined && { maxMessageSize }) }
  return { ...websocket(path, streamSocketConsumer(options), ofRoute), own: true }
}

/**
 * Serves streams to readers over plain HTTP, under a prefix such as `/streams`, and starts and stops runs;
 * docs/http-streams.md describes it. Without an `authenticate` here the application's own applies.
 *
 * @throws {TypeError} for a malformed prefix.
 */
export function httpStreams(prefix: string, options: HttpStreamsOptions & Guards): RouterRoute {
  checkOptions(`httpStreams(${prefix})`, options, ENDPOINT_OPTIONS)
  const streams = new HttpStreams(options)
  const { get, head, delete: remove } = streams.reads
  return ownRouter(prefix, options, [
    http('/', { GET: streams.list, POST: streams.start }),
    http('/:id', { GET: get, HEAD: head, DELETE: remove }),
    http('/:id/stop', { POST: streams.stop }),
  ])
}

/**
 * Serves the Durable Streams protocol under a prefix such as `/v1/stream`. A client that is let in creates,
 * writes, reads and removes its own streams. The rest of a path is the id of a stream, which may contain
 * slashes. Without an `authenticate` here the application's own applies. Without any, streams have no owner,
 * and everybody can write to them.
 *
 * @throws {TypeError} for a malformed prefix.
 */
export function durableStreams(prefix: string, options: DurableStreamsOptions & Guards): RouterRoute {
  checkOptions(`durableStreams(${prefix})`, options, DURABLE_STREAMS_OPTIONS)
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
