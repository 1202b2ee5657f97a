/**
 * The store as one process has it: every call takes its time there and back, and may be refused, done without
 * an answer, or done twice; events come late, in their order. What is kept is noted in the step that keeps it.
 */
import type {
  AcquireResult,
  ClaimResult,
  ExpiredOptions,
  Lease,
  LeaseRequest,
  LeaseStore,
  RenewResult,
} from '../../src/streams/leases.ts'
import type { ListOptions, StreamList } from '../../src/streams/listing.ts'
import type {
  AppendRequest,
  AppendResult,
  CreateResult,
  ReadOptions,
  ReadResult,
  StreamConfig,
  StreamStore,
  TrimResult,
} from '../../src/streams/store.ts'
import type { Durability, StreamInfo, StreamLimits, StreamRecord } from '../../src/streams/stream.ts'
import type { WatchListener, WatchResult } from '../../src/streams/watching.ts'
import type { Json } from '../../src/protocol/json.ts'
import type { Place } from '../../src/protocol/offset.ts'
import type { Faults } from './faults.ts'
import { LateWatch } from './late-watch.ts'
import { appendPlanted } from './planted-appends.ts'
import type { PlantedBug } from './planted-bugs.ts'
import type { SharedStore } from './shared-store.ts'
import { StoreCalls } from './store-calls.ts'
import type { Doubling, StoreCallsOptions } from './store-calls.ts'

export interface FaultyStoreOptions extends StoreCallsOptions {
  readonly planted: PlantedBug | undefined
}

/** What entries of a chat hold that a process forgets, by planted bug. */
const FORGOTTEN = [
  ['chat-queue-forgotten', '"queued":true'],
  ['chat-take-back-forgotten', '"taken-back"'],
  ['chat-select-forgotten', '"selected"'],
  ['chat-removal-forgotten', '"removed"'],
  ['chat-page-forgotten', '"type":"message"'],
] as const

export class FaultyStore implements StreamStore, LeaseStore {
  readonly durability: Durability
  readonly limits: StreamLimits
  readonly leases: LeaseStore = this
  readonly #options: FaultyStoreOptions
  readonly #watches = new Set<LateWatch>()
  readonly #given = new Set<LateWatch>()
  /** Runs that a holder was told to stop, for the planted bug. */
  readonly #toldToStop = new Set<string>()
  /** Its calls that are under way. */
  readonly calls: StoreCalls

  constructor(options: FaultyStoreOptions) {
    this.#options = options
    this.calls = new StoreCalls(options)
    this.durability = options.shared.store.durability
    this.limits = options.shared.store.limits
    options.host.onDeath(() => {
      for (const watch of this.#watches) watch.stop()
    })
  }

  get faults(): Faults {
    return this.#options.faults
  }

  /** The streams of watches that were given out, and that nobody ended. */
  get watched(): readonly string[] {
    return Array.from(this.#given, ({ stream }) => stream)
  }

  create(id: string, config: StreamConfig = {}, signal?: AbortSignal): Promise<CreateResult> {
    return this.calls.call('create', id, signal, () => this.#shared.create(this.#by, id, config))
  }

  async append(id: string, request: AppendRequest, signal?: AbortSignal): Promise<AppendResult> {
    if (this.#isLostWord(id, request)) return { outcome: 'missing' }
    const early = this.#planted('publish-before-append') && !id.startsWith('@')
    if (early) for (const watch of this.#watches) watch.tellEarly(id, request.records ?? [])
    if (request.close) this.#shared.noteClosing(id, this.#by)
    const doubling: Doubling = request.producer ? 'doubles' : 'once'
    const result = await this.calls.call('append', id, signal, () => this.#append(id, request), doubling)
    for (const watch of this.#watches) if (watch.stream === id) watch.flush()
    this.#shared.acknowledge(id, request, result)
    return result
  }

  async read(id: string, after: Place, options: ReadOptions = {}): Promise<ReadResult> {
    return this.calls.call('read', id, options.signal, async () => {
      const result = await this.#store.read(id, after, options)
      if (result.outcome === 'page' && id.startsWith('@chat-log/')) return this.#forgetful(result)
      const isUntold = result.outcome === 'trimmed' && this.#planted('trim-untold')
      return isUntold ? this.#store.read(id, 'start', options) : result
    })
  }

  async watch(id: string, listener: WatchListener, signal?: AbortSignal): Promise<WatchResult> {
    const { host, time, faults } = this.#options
    let late: LateWatch | undefined
    const result = await this.calls
      .call('watch', id, signal, async () => {
        const watch = new LateWatch(id, listener, { host, time, faults, planted: this.#options.planted })
        const begun = await watch.begin(this.#store)
        if (begun.outcome === 'watching') {
          late = watch
          this.#watches.add(watch)
          // Whoever gave up meanwhile is told nothing.
          if (signal?.aborted || !host.alive) this.#end(watch)
        }
        return begun
      })
      .catch((error: unknown) => {
        // A watch that seems to have failed is none.
        if (late) this.#end(late)
        throw error
      })
    const watch = late
    if (result.outcome === 'missing' || !watch) return result
    this.#given.add(watch)
    const stop = (): void => {
      signal?.removeEventListener('abort', stop)
      if (!this.#planted('watch-not-ended')) this.#end(watch)
    }
    if (signal?.aborted) stop()
    signal?.addEventListener('abort', stop, { once: true })
    const { tail } = result
    const isBehind = this.#planted('tail-behind') && tail.position > 0 && faults.happens(0.3)
    return { ...result, ...(isBehind && { tail: { ...tail, position: tail.position - 1 } }), stop }
  }

  isRetired(id: string, signal?: AbortSignal, owner?: string | null): Promise<boolean> {
    return this.calls.call('isRetired', id, signal, () => this.#store.isRetired(id, undefined, owner))
  }

  head(id: string, signal?: AbortSignal): Promise<StreamInfo | undefined> {
    return this.calls.call('head', id, signal, async () => {
      this.#shared.damage(id)
      return this.#store.head(id)
    })
  }

  list(options: ListOptions = {}): Promise<StreamList> {
    return this.calls.call('list', options.prefix ?? '', options.signal, () => this.#store.list(options))
  }

  countOwned(owner: string | null, most: number, signal?: AbortSignal): Promise<number> {
    return this.calls.call('countOwned', '', signal, () => this.#store.countOwned(owner, most))
  }

  delete(id: string, signal?: AbortSignal, incarnation?: string): Promise<boolean> {
    return this.calls.call('delete', id, signal, () => this.#shared.delete(this.#by, id, incarnation))
  }

  trim(id: string, before: Place, signal?: AbortSignal, incarnation?: string): Promise<TrimResult> {
    return this.calls.call('trim', id, signal, async () => {
      if (incarnation !== undefined && (await this.#store.head(id))?.incarnation !== incarnation)
        return { outcome: 'missing' }
      return this.#shared.trim(id, before)
    })
  }

  async touch(id: string, signal?: AbortSignal, incarnation?: string): Promise<boolean> {
    const askedAt = this.#options.time.now
    let touched: string | undefined
    const isTouched = await this.calls.call('touch', id, signal, async () => {
      touched = this.#shared.incarnationOf(id)
      if (incarnation !== undefined && incarnation !== touched) return false
      if (this.#planted('touch-forgotten')) return (await this.#store.head(id)) !== undefined
      return this.#shared.touch(id)
    })
    if (isTouched) this.#shared.acknowledgeTouch(id, touched, askedAt)
    return isTouched
  }

  sweep(signal?: AbortSignal): Promise<number> {
    return this.calls.call('sweep', '', signal, () => this.#shared.sweep(this.#by))
  }

  acquire(stream: string, request: LeaseRequest, signal?: AbortSignal): Promise<AcquireResult> {
    const { faults } = this.#options
    return this.calls.call('acquire', stream, signal, async () => {
      const result = await this.#shared.acquire(stream, request)
      if (result.outcome === 'acquired' && result.lease.epoch > 1) this.#options.coverage.add('takeovers')
      if (result.outcome !== 'held' || !this.#planted('lease-for-two') || !faults.happens(0.2)) return result
      const info = await this.#store.head(stream)
      return info ? { outcome: 'acquired', lease: { ...result.lease, holder: request.holder }, info } : result
    })
  }

  renew(lease: Lease, signal?: AbortSignal): Promise<RenewResult> {
    const isForgotten = this.#planted('renewal-forgotten')
    return this.calls.call('renew', lease.stream, signal, async () =>
      isForgotten ? { outcome: 'renewed', lease } : this.#store.leases.renew(lease),
    )
  }

  handOver(lease: Lease, signal?: AbortSignal): Promise<boolean> {
    this.#options.coverage.add('handOvers')
    const isForgotten = this.#planted('hand-over-forgotten')
    return this.calls.call('handOver', lease.stream, signal, async () =>
      isForgotten ? true : this.#store.leases.handOver(lease),
    )
  }

  claim(
    owed: Pick<Lease, 'stream' | 'incarnation'>,
    request: LeaseRequest,
    signal?: AbortSignal,
  ): Promise<ClaimResult> {
    return this.calls.call('claim', owed.stream, signal, () => this.#shared.claim(owed, request))
  }

  settle(lease: Lease, left?: Json, signal?: AbortSignal): Promise<boolean> {
    const isForgotten = this.#planted('settle-forgotten')
    return this.calls.call('settle', lease.stream, signal, async () =>
      isForgotten ? true : this.#shared.settle(lease, left),
    )
  }

  expired({ signal, ...page }: ExpiredOptions = {}): Promise<readonly Lease[]> {
    return this.calls.call('expired', '', signal, async () => {
      const leases = await this.#store.leases.expired(page)
      if (!this.#planted('expired-lease-skipped')) return leases
      return leases.filter(({ stream }) => !/[02468]$/.test(stream))
    })
  }

  async close(): Promise<void> {
    this.calls.close()
    for (const watch of this.#watches) watch.stop()
  }

  /** A page of a chat, for planted bugs: of a process that came up anew. */
  #forgetful<Page extends { readonly records: readonly StreamRecord[] }>(page: Page): Page {
    const what = FORGOTTEN.find(([bug]) => this.#planted(bug))?.[1]
    if (what === undefined || this.#by.endsWith('.1')) return page
    const records = page.records.map((record) => (String(record).includes(what) ? '{"type":"?"}' : record))
    return { ...page, records }
  }

  get #by(): string {
    return this.#options.host.name
  }

  get #shared(): SharedStore {
    return this.#options.shared
  }

  get #store(): StreamStore {
    return this.#options.shared.store
  }

  #planted(bug: PlantedBug): boolean {
    return this.#options.planted === bug
  }

  #end(watch: LateWatch): void {
    watch.stop()
    this.#watches.delete(watch)
    this.#given.delete(watch)
  }

  #append(id: string, request: AppendRequest): Promise<AppendResult> {
    const { host, shared, faults, planted } = this.#options
    return appendPlanted({ host, shared, faults, planted, isLeaving: this.leaving }, id, request)
  }

  /** Whether the process hands its runs over, for a planted bug. */
  leaving = false

  /** A word that asks to stop a run, said once already, for a planted bug. */
  #isLostWord(id: string, { records = [] }: AppendRequest): boolean {
    if (!this.#planted('stop-lost-in-takeover') || !id.startsWith('@control/')) return false
    const word = JSON.parse(String(records[0] ?? 'null')) as { readonly stop?: string } | null
    if (word?.stop === undefined) return false
    const isLost = this.#toldToStop.has(word.stop)
    this.#toldToStop.add(word.stop)
    return isLost
  }
}
