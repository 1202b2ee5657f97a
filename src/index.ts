/** The public entry of `millrace`. */
export type { ChannelCapacities } from './channels/capacity.ts'
export { ChannelError, type ChannelErrorCode } from './channels/errors.ts'
export type { ChannelLayer, ChannelMessage, ChannelValue, GroupSendResult } from './channels/layer.ts'
export {
  type ChannelLayerUsage,
  type MemoryChannelLayer,
  type MemoryChannelsOptions,
  memoryChannels,
} from './channels/memory/layer.ts'
export { type OpenLayerOptions, layerFromEnvironment } from './channels/open-layer.ts'
export type { ChannelLayerOptions } from './channels/options.ts'
export type { Chat, ChatItem, ChatList, ListedChat, QueuedItem } from './chats/chat.ts'
export type { ChatAnswer, ChatKind, ChatTurn } from './chats/chat-kind.ts'
export type { Chats, ChatServices } from './chats/chats.ts'
export type { ChatAsk } from './chats/conversation.ts'
export type { AnswerEntry, AskedEntry, ChatEntry, ChatMessage } from './chats/entries.ts'
export type { ChatRuns } from './chats/turns.ts'
export { CHAT_ERRORS, ChatError, type ChatErrorCode } from './chats/errors.ts'
export type { ChatChange } from './chats/following.ts'
export type { ChatHistory, ChatPlace, ChatTurnKept } from './chats/history.ts'
export type { ChatLimits, ChatsOptions, WhileBusy } from './chats/options.ts'
export type { AskOptions, ChatScope, RegenerateRequest, SendRequest } from './chats/requests.ts'
export {
  ChannelConsumer,
  type ChannelConsumerClass,
  type ChannelConsumerContext,
} from './consumers/channel-consumer.ts'
export {
  Consumer,
  type BackgroundTask,
  type ConsumerClass,
  type ConsumerContext,
} from './consumers/consumer.ts'
export { JsonWebSocketConsumer } from './consumers/json-websocket-consumer.ts'
export { MessageRefusedError } from './consumers/message-refused.ts'
export type { ClientAddress, Params, Register, Scope, User } from './consumers/scope.ts'
export { type AcceptOptions, ConnectionClosedError, type WebSocketData } from './consumers/transport.ts'
export { WebSocketConsumer } from './consumers/websocket-consumer.ts'
export type { Delivery, DeliveryOptions, Follow } from './delivery/delivery.ts'
export type { Authorization, Authorize, StreamAttempt, StreamVerb } from './endpoints/authorize.ts'
export type { WriteLimits } from './endpoints/http/writes/allowances.ts'
export type { DurableStreamsOptions } from './endpoints/http/durable-streams.ts'
export type { HttpStreamsOptions } from './endpoints/http/http-streams.ts'
export type { HttpReadOptions } from './endpoints/http/reads/reads.ts'
export type { ListedStream, StreamListPage } from './endpoints/http/reads/stream-list.ts'
export type { OwnerOf } from './endpoints/owner-of.ts'
export type { StartCommand, StartHandler } from './endpoints/start-handler.ts'
export type { StreamSocketOptions } from './endpoints/stream-socket/stream-socket.ts'
export type { RunControl, StreamServices } from './endpoints/stream-services.ts'
export type {
  MayStart,
  StartAttempt,
  Starter,
  StartGate,
  StartGateOptions,
  StartLimits,
} from './endpoints/start-gate.ts'
export {
  type ChangeableLimits,
  type Streaming,
  type StreamingOptions,
  streaming,
} from './endpoints/streaming.ts'
export { type Logger, silentLogger } from './logging/logger.ts'
export { type App, type MillraceOptions, millrace } from './millrace.ts'
export { bearerToken } from './protocol/bearer.ts'
export { CloseCode } from './protocol/close-codes.ts'
export { type ErrorBody, type ErrorCode, HttpError, forbidden, unauthenticated } from './protocol/errors.ts'
export type { Json } from './protocol/json.ts'
export type { InputIssue } from './protocol/stream-frames.ts'
export type { Wire } from './protocol/wire.ts'
export {
  type AskedPlace,
  type Offset,
  OffsetError,
  type Place,
  encodeOffset,
  parsePlace,
} from './protocol/offset.ts'
export type { Origins } from './routing/origins.ts'
export type { RunEnd, RunStatus } from './protocol/run-end.ts'
export {
  type Provider,
  type ProviderContext,
  type RunContext,
  RunMovedError,
  type RunProvider,
} from './providers/provider.ts'
export { type ScriptedOptions, scripted, seedNumbers } from './providers/scripted.ts'
export { UpstreamError, type UpstreamErrorCode, type UpstreamFault } from './providers/upstream-error.ts'
export { type ChannelRoute, channel } from './routing/channel-route.ts'
export type { ParamsOf } from './routing/pattern.ts'
export {
  type Authenticate,
  type Guards,
  type WebSocketOptions,
  type HttpContext,
  type HttpHandler,
  type HttpRoute,
  type HttpTarget,
  type Method,
  type PathRoute,
  type Route,
  type RouterRoute,
  type WebSocketRoute,
  http,
  router,
  websocket,
} from './routing/route.ts'
export { durableStreams, httpStreams, streamSocket } from './routing/stream-routes.ts'
export { type RunDefinition, type RunDefinitions, type RunOptions, run } from './runs/definition.ts'
export { END_REASONS, type EndReason, RunFailedError } from './runs/end-reasons.ts'
export { RUN_ERRORS, RunError, type RunErrorCode } from './runs/errors.ts'
export type { NewAttempt, RunKind, RunLimits, RunsOptions } from './runs/options.ts'
export type { Run, RunInfo, StartRequest } from './runs/run.ts'
export type { RunList, RunListOptions } from './runs/records/run-list.ts'
export type { Runs } from './runs/runs.ts'
export type { Application } from './server/application.ts'
export type { ApplicationOptions } from './server/application-options.ts'
export type { Attachment } from './server/attachment.ts'
export type { RunningWorker, WorkOptions } from './server/channel-worker.ts'
export type { RunningServer } from './server/listening/listener.ts'
export type { ConnectionOptions, ListenOptions } from './server/options.ts'
export type { SocketAccess } from './server/listening/unix-socket.ts'
export { StartError } from './server/listening/start-error.ts'
export { deleteOwned } from './streams/delete-owned.ts'
export {
  StoreError,
  type StoreErrorCode,
  type StreamRequestCode,
  StreamRequestError,
} from './streams/errors.ts'
export type {
  AcquireResult,
  ClaimResult,
  ExpiredOptions,
  Lease,
  LeaseRequest,
  LeaseStore,
  RenewResult,
} from './streams/leases.ts'
export type { ForkPoint, ForkRefusal, ForkSource } from './streams/forks.ts'
export { memory } from './streams/memory/store.ts'
export { storeFromEnvironment } from './streams/open-store.ts'
export { type InboxSource, StreamInbox } from './streams/watching.ts'
export type { StreamStoreOptions } from './streams/options.ts'
export { migrate, sqlite } from './streams/sqlite/store.ts'
export type { SqliteStreamsOptions } from './streams/sqlite/options.ts'
export type { Migration } from './streams/sqlite/tables/schema.ts'
export type { ListOptions, StreamList, StreamListing } from './streams/listing.ts'
export type {
  AppendRequest,
  AppendResult,
  ConfigField,
  CreateResult,
  Producer,
  ReadOptions,
  ReadResult,
  StreamConfig,
  StreamPage,
  StreamStore,
  TrimResult,
} from './streams/store.ts'
export type { Durability, StreamInfo, StreamLimits, StreamRecord } from './streams/stream.ts'
export type { Retention, RetentionOption } from './streams/retention.ts'
export type { GoneReason, StreamEvent, WatchListener, WatchResult } from './streams/watching.ts'
