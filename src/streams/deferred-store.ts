/**
 * A store that is opened when it is first used. To import an application, as a build or a test does, touches
 * nothing; what cannot be opened rejects the call, and the next one tries again.
 */
import type { LeaseRequest, LeaseStore, Lease, ExpiredOptions } from './leases.ts'
import type { ListOptions, StreamList } from './listing.ts'
import type { Place } from '../protocol/offset.ts'
import type { Json } from '../protocol/json.ts'
import type {
  AppendRequest,
  AppendResult,
  CreateResult,
  ReadOptions,
  ReadResult,
  StreamConfig,
  StreamStore,
  TrimResult,
} from './store.ts'
import type { Durability, StreamInfo, StreamLimits } from './stream.ts'
import type { WatchListener, WatchResult } from './watching.ts'

export interface DeferredStoreOptions {
  /** Of the store, before it is open. */
  readonly limits: StreamLimits
  readonly durability: Durability
  readonly address: string
  /** Throws what the calls reject with. */
  readonly open: () => StreamStore
  /** What calls reject with once a store that was never opened is closed. */
  readonly closed: () => Error
}

export class DeferredStore implements StreamStore {
  readonly limits: StreamLimits
  readonly durability: Durability
  readonly address: string
  readonly leases: LeaseStore
  readonly #options: DeferredStoreOptions
  #store: StreamStore | undefined
  #isClosed = false

  constructor(options: DeferredStoreOptions) {
    this.limits = options.limits
    this.durability = options.durability
    this.address = options.address
    this.leases = new DeferredLeases(() => this.#opened())
    this.#options = options
  }

  async create(id: string, config?: StreamConfig, signal?: AbortSignal): Promise<CreateResult> {
    return this.#opened().create(id, config, signal)
  }

  /** Without a promise of its own once the store is open: it is called for each record of a run. */
  append(id: string, request: AppendRequest, signal?: AbortSignal): Promise<AppendResult> {
    if (this.#store) return this.#store.append(id, request, signal)
    return this.#firstAppend(id, request, signal)
  }

  async read(id: string, after: Place, options?: ReadOptions): Promise<ReadResult> {
    return this.#opened().read(id, after, options)
  }

  async watch(id: string, listener: WatchListener, signal?: AbortSignal): Promise<WatchResult> {
    return this.#opened().watch(id, listener, signal)
  }

  async head(id: string, signal?: AbortSignal, owner?: string | null): Promise<StreamInfo | undefined> {
    return this.#opened().head(id, signal, owner)
  }

  async isRetired(id: string, signal?: AbortSignal, owner?: string | null): Promise<boolean> {
    return this.#opened().isRetired(id, signal, owner)
  }

  async list(options?: ListOptions): Promise<StreamList> {
    return this.#opened().list(options)
  }

  async countOwned(owner: string | null, most: number, signal?: AbortSignal): Promise<number> {
    return this.#opened().countOwned(owner, most, signal)
  }

  async delete(id: string, signal?: AbortSignal, incarnation?: string): Promise<boolean> {
    return this.#opened().delete(id, signal, incarnation)
  }

  async touch(id: string, signal?: AbortSignal, incarnation?: string): Promise<boolean> {
    return this.#opened().touch(id, signal, incarnation)
  }

  async trim(id: string, before: Place, signal?: AbortSignal, incarnation?: string): Promise<TrimResult> {
    return this.#opened().trim(id, before, signal, incarnation)
  }

  async sweep(signal?: AbortSignal): Promise<number> {
    return this.#opened().sweep(signal)
  }

  async check(signal?: AbortSignal): Promise<boolean> {
    if (this.#isClosed && !this.#store) return false
    return (await this.#opened().check?.(signal)) ?? true
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#store?.close()
  }

  async #firstAppend(id: string, request: AppendRequest, signal?: AbortSignal): Promise<AppendResult> {
    return this.#opened().append(id, request, signal)
  }

  #opened(): StreamStore {
    if (this.#store) return this.#store
    if (this.#isClosed) throw this.#options.closed()
    return (this.#store = this.#options.open())
  }
}

class DeferredLeases implements LeaseStore {
  readonly #store: () => StreamStore

  constructor(store: () => StreamStore) {
    this.#store = store
  }

  async acquire(
    stream: string,
    request: LeaseRequest,
    signal?: AbortSignal,
  ): ReturnType<LeaseStore['acquire']> {
    return this.#store().leases.acquire(stream, request, signal)
  }

  async renew(lease: Lease, signal?: AbortSignal): ReturnType<LeaseStore['renew']> {
    return this.#store().leases.renew(lease, signal)
  }

  async handOver(lease: Lease, signal?: AbortSignal): Promise<boolean> {
    return this.#store().leases.handOver(lease, signal)
  }

  async claim(...call: Parameters<LeaseStore['claim']>): ReturnType<LeaseStore['claim']> {
    return this.#store().leases.claim(...call)
  }

  async settle(lease: Lease, left?: Json, signal?: AbortSignal): Promise<boolean> {
    return this.#store().leases.settle(lease, left, signal)
  }

  async expired(options?: ExpiredOptions): Promise<readonly Lease[]> {
    return this.#store().leases.expired(options)
  }
}
