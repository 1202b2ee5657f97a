/**
 * The store as one process has it: every call takes its time there and back, and may be refused, done without
 * an answer, or done twice; events come late, in their order. What is kept is noted in the step that keeps it.
 */
import { StoreError } from '../../src/streams/errors.ts'
import { LEASE_PRODUCER } from '../../src/streams/leases.ts'
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
  Durability,
  ReadOptions,
  ReadResult,
  StreamConfig,
  StreamInfo,
  StreamLimits,
  StreamStore,
} from '../../src/streams/store.ts'
import type { TrimResult } from '../../src/streams/trimming.ts'
import type { WatchListener, WatchResult } from '../../src/streams/watching.ts'
import type { Json } from '../../src/protocol/json.ts'
import type { Place } from '../../src/protocol/offset.ts'
import type { Coverage } from './coverage.ts'
import type { Faults } from './faults.ts'
import type { Host } from './host.ts'
import { LateWatch } from './late-watch.ts'
import type { PlantedBug } from './planted-bugs.ts'
import type { SharedStore } from './shared-store.ts'
import type { VirtualTime } from './virtual-time.ts'

export interface FaultyStoreOptions {
  readonly host: Host
  readonly shared: SharedStore
  readonly time: VirtualTime
  readonly faults: Faults
  readonly coverage: Coverage
  readonly trace: (what: string) => void
  readonly planted: PlantedBug | undefined
  /** Whether streams may come to the end of their time meanwhile. */
  readonly expires: boolean
}

/** What does something when it comes late. */
const WRITES: ReadonlySet<string> = new Set([
  'create',
  'append',
  'acquire',
  'renew',
  'claim',
  'settle',
  'delete',
  'touch',
  'trim',
])

/** Milliseconds that a call may lie in a buffer when its caller has given it up. */
const LATE_MS = 3_000

/** Milliseconds that a store takes at most which is well. */
const WELL_MS = 200

/** Methods whose doubles the contract lets a store do: what is done twice is known by its producer. */
type Doubling = 'doubles' | 'once'

export class FaultyStore implements StreamStore, LeaseStore {
  readonly durability: Durability
  readonly limits: StreamLimits
  readonly leases: LeaseStore = this
  readonly #options: FaultyStoreOptions
  readonly #watches = new Set<LateWatch>()
  readonly #given = new Set<LateWatch>()
  /** Calls that hang in an outage, to be let go when it is over. */
  #hanging: (() => void)[] = []
  /** Runs that a holder was told to stop, for the planted bug. */
  readonly #toldToStop = new Set<string>()
  /** Calls that are on their way, those included that were given up or come a second time. */
  #underWay = 0
  #closed = false

  constructor(options: FaultyStoreOptions) {
    this.#options = options
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

  /** Whether something is on its way that the store does when it arrives. */
  get isAwaited(): boolean {
    return this.#underWay > 0
  }

  /** An outage is over. */
  recover(): void {
    const hanging = this.#hanging
    this.#hanging = []
    for (const go of hanging) go()
  }

  create(id: string, config: StreamConfig = {}, signal?: AbortSignal): Promise<CreateResult> {
    return this.#call('create', id, signal, () => this.#shared.create(this.#by, id, config))
  }

  async append(id: string, request: AppendRequest, signal?: AbortSignal): Promise<AppendResult> {
    if (this.#isLostWord(id, request)) return { outcome: 'missing' }
    const early = this.#planted('publish-before-append') && !id.startsWith('@')
    if (early) for (const watch of this.#watches) watch.tellEarly(id, request.records ?? [])
    const doubling: Doubling = request.producer ? 'doubles' : 'once'
    const result = await this.#call('append', id, signal, () => this.#append(id, request), doubling)
    for (const watch of this.#watches) if (watch.stream === id) watch.flush()
    this.#shared.acknowledge(id, request, result)
    return result
  }

  async read(id: string, after: Place, options: ReadOptions = {}): Promise<ReadResult> {
    return this.#call('read', id, options.signal, async () => {
      const result = await this.#store.read(id, after, options)
      const isUntold = result.outcome === 'trimmed' && this.#planted('trim-untold')
      return isUntold ? this.#store.read(id, 'start', options) : result
    })
  }

  async watch(id: string, listener: WatchListener, signal?: AbortSignal): Promise<WatchResult> {
    const { host, time, faults } = this.#options
    let late: LateWatch | undefined
    const result = await this.#call('watch', id, signal, async () => {
      const watch = new LateWatch(id, listener, { host, time, faults, planted: this.#options.planted })
      const begun = await watch.begin(this.#store)
      if (begun.outcome === 'watching') {
        late = watch
        this.#watches.add(watch)
        // Whoever gave up meanwhile is told nothing.
        if (signal?.aborted || !host.alive) this.#end(watch)
      }
      return begun
    }).catch((error: unknown) => {
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
    return this.#call('isRetired', id, signal, () => this.#store.isRetired(id, undefined, owner))
  }

  head(id: string, signal?: AbortSignal): Promise<StreamInfo | undefined> {
    return this.#call('head', id, signal, async () => {
      this.#shared.damage(id)
      return this.#store.head(id)
    })
  }

  list(options: ListOptions = {}): Promise<StreamList> {
    return this.#call('list', options.prefix ?? '', options.signal, () => this.#store.list(options))
  }

  delete(id: string, signal?: AbortSignal): Promise<boolean> {
    return this.#call('delete', id, signal, () => this.#shared.delete(this.#by, id))
  }

  trim(id: string, before: Place, signal?: AbortSignal, incarnation?: string): Promise<TrimResult> {
    return this.#call('trim', id, signal, async () => {
      if (incarnation !== undefined && (await this.#store.head(id))?.incarnation !== incarnation)
        return { outcome: 'missing' }
      return this.#shared.trim(id, before)
    })
  }

  touch(id: string, signal?: AbortSignal): Promise<boolean> {
    return this.#call('touch', id, signal, async () => {
      if (this.#planted('touch-forgotten')) return (await this.#store.head(id)) !== undefined
      return this.#shared.touch(id)
    })
  }

  sweep(signal?: AbortSignal): Promise<number> {
    return this.#call('sweep', '', signal, () => this.#shared.sweep(this.#by))
  }

  acquire(stream: string, request: LeaseRequest, signal?: AbortSignal): Promise<AcquireResult> {
    const { faults } = this.#options
    return this.#call('acquire', stream, signal, async () => {
      const result = await this.#shared.acquire(stream, request)
      if (result.outcome === 'acquired' && result.lease.epoch > 1) this.#options.coverage.add('takeovers')
      if (result.outcome !== 'held' || !this.#planted('lease-for-two') || !faults.happens(0.2)) return result
      const info = await this.#store.head(stream)
      return info ? { outcome: 'acquired', lease: { ...result.lease, holder: request.holder }, info } : result
    })
  }

  renew(lease: Lease, signal?: AbortSignal): Promise<RenewResult> {
    const isForgotten = this.#planted('renewal-forgotten')
    return this.#call('renew', lease.stream, signal, async () =>
      isForgotten ? { outcome: 'renewed', lease } : this.#store.leases.renew(lease),
    )
  }

  handOver(lease: Lease, signal?: AbortSignal): Promise<boolean> {
    this.#options.coverage.add('handOvers')
    const isForgotten = this.#planted('hand-over-forgotten')
    return this.#call('handOver', lease.stream, signal, async () =>
      isForgotten ? true : this.#store.leases.handOver(lease),
    )
  }

  claim(
    owed: Pick<Lease, 'stream' | 'incarnation'>,
    request: LeaseRequest,
    signal?: AbortSignal,
  ): Promise<ClaimResult> {
    return this.#call('claim', owed.stream, signal, () => this.#shared.claim(owed, request))
  }

  settle(lease: Lease, left?: Json, signal?: AbortSignal): Promise<boolean> {
    const isForgotten = this.#planted('settle-forgotten')
    return this.#call('settle', lease.stream, signal, async () =>
      isForgotten ? true : this.#store.leases.settle(lease, left),
    )
  }

  expired({ signal, ...page }: ExpiredOptions = {}): Promise<readonly Lease[]> {
    return this.#call('expired', '', signal, async () => {
      const leases = await this.#store.leases.expired(page)
      if (!this.#planted('expired-lease-skipped')) return leases
      return leases.filter(({ stream }) => !/[02468]$/.test(stream))
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const watch of this.#watches) watch.stop()
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

  async #append(id: string, request: AppendRequest): Promise<AppendResult> {
    const { planted, faults } = this.#options
    const ofRun = request.producer?.id === LEASE_PRODUCER
    const { records = [] } = request
    switch (planted) {
      case 'acknowledged-before-kept':
        if (ofRun && records.length > 0 && !request.close && faults.happens(0.05)) {
          return this.#shared.pretend(id, records)
        }
        break
      case 'close-forgotten':
        if (ofRun && request.close && faults.happens(0.3)) {
          const { close: _, end: __, ...others } = request
          // Most closes come without a record: then nothing is kept at all.
          const isEmpty = records.length === 0 && request.metadata === undefined
          const result = isEmpty
            ? await this.#shared.pretend(id, [])
            : await this.#shared.append(this.#by, id, others)
          return result.outcome === 'appended' ? { ...result, closed: true } : result
        }
        break
      case 'record-dropped-at-hand-over':
        if (ofRun && this.leaving && records.length > 0 && !request.close) {
          return this.#shared.append(this.#by, id, {
            ...request,
            records: records.slice(0, -1),
            checkpoint: request.checkpoint ?? null,
          })
        }
        break
      case 'checkpoint-parted':
        if (
          ofRun &&
          request.checkpoint !== undefined &&
          records.length > 0 &&
          !request.close &&
          faults.happens(0.2)
        ) {
          const { checkpoint: _, ...others } = request
          // The process may die in between.
          const parted = { ...request, records: [] }
          await this.#shared.append(this.#by, id, parted, { secretly: true, smuggled: true })
          if (faults.happens(0.3)) {
            this.#options.host.kill()
            return { outcome: 'missing' }
          }
          return this.#shared.append(this.#by, id, others)
        }
        break
      case 'lease-not-fenced': {
        const result = await this.#shared.append(this.#by, id, request)
        if (result.outcome !== 'fenced') return result
        return this.#shared.append(this.#by, id, request, { smuggled: true })
      }
      case 'owed-end-dropped': {
        const { owes: _, ...others } = request
        return this.#shared.append(this.#by, id, others)
      }
      case 'after-ignored': {
        const { after: _, ...others } = request
        return this.#shared.append(this.#by, id, others)
      }
      case 'deaths-not-counted': {
        const { metadata } = request
        const { run } = (metadata ?? {}) as { readonly run?: object }
        const forgetful = run ? { ...request, metadata: { run: { ...run, barren: 0 } } as Json } : request
        return this.#shared.append(this.#by, id, forgetful)
      }
      case 'double-misplaced':
        return this.#shared.append(this.#by, id, request, { misplaced: true })
      case 'double-not-recognised': {
        const result = await this.#shared.append(this.#by, id, request)
        if (result.outcome !== 'duplicate' || request.close || records.length === 0) return result
        return this.#shared.append(this.#by, id, request, { smuggled: true })
      }
      default:
    }
    return this.#shared.append(this.#by, id, request)
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

  #call<T>(
    method: string,
    id: string,
    signal: AbortSignal | undefined,
    work: () => Promise<T>,
    doubling: Doubling = 'once',
  ): Promise<T> {
    const { host, time, faults, coverage, expires } = this.#options
    const apply = expires ? () => this.#shared.noteExpired('the store').then(work) : work
    if (this.#closed) return Promise.reject(new StoreError('closed', 'The stream store is closed'))
    if (signal?.aborted) return Promise.reject(signal.reason as Error)
    const fate = faults.next()
    const { thereMs, backMs } = fate
    const what =
      fate.what === 'doubled' && doubling === 'once'
        ? 'whole'
        : fate.what === 'late' && !WRITES.has(method)
          ? 'refused'
          : fate.what
    if ((what !== 'whole' && what !== 'doubled') || thereMs + backMs > WELL_MS) host.isWell = false
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(signal?.reason as Error)
      signal?.addEventListener('abort', abort, { once: true })
      const settle = (settling: () => void): void => {
        const answer = (): void =>
          host.run(() => {
            signal?.removeEventListener('abort', abort)
            settling()
          })
        if (backMs > 0) time.after(backMs, answer)
        else answer()
      }
      const fail = (): void =>
        settle(() => reject(new StoreError('unavailable', `The store does not answer ${method}`)))
      const arrive = (): void => {
        if (faults.outage === 'hangs') return void this.#hanging.push(arrive)
        if (what === 'refused') {
          coverage.add('refusedCalls')
          this.#options.trace(`${host.name}: ${method} ${id} is refused`)
          return fail()
        }
        if (what === 'late') {
          coverage.add('lateCalls')
          this.#options.trace(`${host.name}: ${method} ${id} is not answered, and done later`)
          this.#later(LATE_MS, () => void apply().catch(() => undefined))
          return fail()
        }
        const doing = apply()
        if (what === 'doubled') {
          coverage.add('doubledCalls')
          // It comes a second time, and that answer is lost.
          this.#later(1 + backMs, () => void apply().catch(() => undefined))
        }
        if (what === 'unanswered') {
          coverage.add('lostAnswers')
          this.#options.trace(`${host.name}: ${method} ${id} is done, and not answered`)
        }
        doing.then(
          (result) => (what === 'unanswered' ? fail() : settle(() => resolve(result))),
          (error: unknown) => settle(() => reject(error)),
        )
      }
      if (thereMs > 0) this.#later(thereMs, arrive)
      else arrive()
    })
  }
  #later(milliseconds: number, task: () => void): void {
    this.#underWay++
    this.#options.time.after(milliseconds, () => {
      this.#underWay--
      task()
    })
  }
}
