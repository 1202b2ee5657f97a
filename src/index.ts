/**
 * The public entry of `millrace`: what an application is made of, and the types that it has to be able to name. The
 * others are reached by inference, or are those of an entry of their own: `millrace/store`, `millrace/channels` and
 * `millrace/chats`. test/public-names.test.ts holds their number.
 */
export { ChannelError } from './channels/errors.ts'
export type { ChannelLayer, ChannelMessage } from './channels/layer.ts'
export { memoryChannels } from './channels/memory/layer.ts'
export { layerFromEnvironment } from './channels/open-layer.ts'
export { ChannelConsumer, type ChannelConsumerContext } from './consumers/channel-consumer.ts'
export { Consumer, type ConsumerClass, type ConsumerContext } from './consumers/consumer.ts'
export { JsonWebSocketConsumer } from './consumers/json-websocket-consumer.ts'
export { MessageRefusedError } from './consumers/message-refused.ts'
export type { Register, Scope, User } from './consumers/scope.ts'
export { ConnectionClosedError, type WebSocketData } from './consumers/transport.ts'
export { WebSocketConsumer } from './consumers/websocket-consumer.ts'
export type { Authorize } from './endpoints/authorize.ts'
export type { OwnerOf } from './endpoints/owner-of.ts'
export type { StartHandler } from './endpoints/start-handler.ts'
export type { MayStart, StartAttempt } from './endpoints/start-gate.ts'
export { type Streaming, type StreamingOptions, streaming } from './endpoints/streaming.ts'
export { type Logger, silentLogger } from './logging/logger.ts'
export { type App, type MillraceOptions, millrace } from './millrace.ts'
export { bearerToken } from './protocol/bearer.ts'
export { CloseCode } from './protocol/close-codes.ts'
export { HttpError, forbidden, unauthenticated } from './protocol/errors.ts'
export type { Json } from './protocol/json.ts'
export type { Wire } from './protocol/wire.ts'
export type { RunEnd, RunStatus } from './protocol/run-end.ts'
export {
  type Provider,
  type ProviderContext,
  type RunContext,
  RunMovedError,
  type RunProvider,
} from './providers/provider.ts'
export { scripted } from './providers/scripted.ts'
export { UpstreamError } from './providers/upstream-error.ts'
export { type ChannelRoute, channel } from './routing/channel-route.ts'
export type { Origins } from './routing/origins.ts'
export {
  type Authenticate,
  type Guards,
  type HttpContext,
  type HttpHandler,
  type HttpRoute,
  type Route,
  type RouterRoute,
  type WebSocketRoute,
  http,
  router,
  websocket,
} from './routing/route.ts'
export { durableStreams, httpStreams, streamSocket } from './routing/stream-routes.ts'
export { type RunDefinition, run } from './runs/definition.ts'
export { type EndReason, RunFailedError } from './runs/end-reasons.ts'
export { RunError } from './runs/errors.ts'
export type { Run, RunInfo, StartRequest } from './runs/run.ts'
export type { Runs } from './runs/runs.ts'
export type { Application } from './server/application.ts'
export type { Attachment } from './server/attachment.ts'
export type { RunningWorker } from './server/channel-worker.ts'
export type { RunningServer } from './server/listening/listener.ts'
export { StartError } from './server/listening/start-error.ts'
export type { ListenOptions } from './server/options.ts'
export { deleteOwned } from './streams/delete-owned.ts'
export { StoreError } from './streams/errors.ts'
export { memory } from './streams/memory/store.ts'
export { storeFromEnvironment } from './streams/open-store.ts'
export { sqlite } from './streams/sqlite/sqlite.ts'
export type { StreamStore } from './streams/store.ts'
