/** The public entry of `millrace/store`: the contract of a stream store, for who writes one and who calls one. */
export {
  type AskedPlace,
  type Offset,
  OffsetError,
  type Place,
  encodeOffset,
  parsePlace,
} from './protocol/offset.ts'
export {
  StoreError,
  type StoreErrorCode,
  type StreamRequestCode,
  StreamRequestError,
} from './streams/errors.ts'
export type { ForkPoint, ForkRefusal, ForkSource } from './streams/forks.ts'
export type {
  AcquireResult,
  ClaimResult,
  ExpiredOptions,
  Lease,
  LeaseRequest,
  LeaseStore,
  RenewResult,
} from './streams/leases.ts'
export type { ListOptions, StreamList, StreamListing } from './streams/listing.ts'
export type { StreamStoreOptions } from './streams/options.ts'
export type { Retention, RetentionOption } from './streams/retention.ts'
export type { SqliteOptions } from './streams/sqlite/options.ts'
export { migrate } from './streams/sqlite/store.ts'
export type { Migration } from './streams/sqlite/tables/schema.ts'
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
export {
  type GoneReason,
  type InboxSource,
  type StreamEvent,
  StreamInbox,
  type WatchListener,
  type WatchResult,
} from './streams/watching.ts'
