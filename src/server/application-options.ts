/** What an application is told: its routes, its channel layer, its streams and who may use them. */
import type { OptionNames } from '../protocol/known-options.ts'
import type { ChannelLayer } from '../channels/layer.ts'
import type { Streaming } from '../endpoints/streaming.ts'
import type { Logger } from '../logging/logger.ts'
import type { Origins } from '../routing/origins.ts'
import type { Authenticate, HttpHandler, Route } from '../routing/route.ts'

export interface ApplicationOptions {
  /** The first that matches answers. */
  readonly routes?: readonly Route[]
  /** Answers HTTP requests that no route matches; a Hono application's `fetch`, for example. */
  readonly fetch?: HttpHandler
  readonly channels: ChannelLayer
  /** Durable streams and runs; see `streaming`. The application opens and closes them. */
  readonly streams?: Streaming
  /** Runs before every WebSocket upgrade. HTTP routes bring their own, or have one from a router. */
  readonly authenticate?: Authenticate
  /** Seconds that any `authenticate` may take; then the answer is 503. Default 5. */
  readonly authenticateTimeout?: number
  /**
   * Seconds after which `authenticate` is asked again about each connection that is open, with the request
   * that opened it. It closes with 3000 when its user is not signed in any more, or is another one, and at
   * the second failed attempt in a row. Event streams end: their readers come back and are authenticated.
   * Default 0: never.
   */
  readonly authenticateInterval?: number
  /** Pages of other origins that may open WebSockets, read answers over HTTP and send requests (CORS). */
  readonly origins?: Origins
  readonly logger: Logger
  /** Whether the application can serve; `/readyz` answers 503 when it throws or says false. */
  readonly ready?: (signal: AbortSignal) => boolean | Promise<boolean>
}

export const APPLICATION_OPTIONS: OptionNames<ApplicationOptions> = {
  routes: true,
  fetch: true,
  channels: true,
  streams: true,
  authenticate: true,
  authenticateTimeout: true,
  authenticateInterval: true,
  origins: true,
  logger: true,
  ready: true,
}
