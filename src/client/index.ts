/** The public entry of `millrace/client`. */
export type { Json } from '../protocol/json.ts'
export { OffsetError } from '../protocol/offset.ts'
export type { LatestRun } from '../protocol/stream-frames.ts'
export type { ConnectionState } from './carrier.ts'
export type { SocketFactory, SocketLike } from './socket.ts'
export { StreamError } from './errors.ts'
export type { EndStatus } from '../protocol/run-end.ts'
export type { StreamStatus } from './reader.ts'
export type { RemoteStream } from './remote-stream.ts'
export type { TokenSource } from './token.ts'
export {
  type ClientOptions,
  type FollowOptions,
  type StartOptions,
  type StreamClient,
  connect,
} from './stream-client.ts'
