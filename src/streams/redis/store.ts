/**
 * The stream store on Redis: docs/redis.md and docs/decisions/0004.
 *
 * Invariants: every change of a stream is one script on its server. Nothing is told to a watcher before its script
 * has run. No request waits longer than `timeoutMs` for Redis to be available, and as long again for its answer.
 */
import type { Logger } from '../../logging/logger.ts'
import type { Place } from '../../protocol/offset.ts'
import { endMember, infoOf } from '../bookkeeping/stream-state.ts'
import { leaseOf, newLease } from '../bookkeeping/lease-bookkeeping.ts'
import type { LeaseStore } from '../leases.ts'
import { checkConfig, configDifference } from '../bookkeeping/configurations.ts'
import { type CheckedAppend, checkAppend, checkId, checkPlace, checkRead } from '../bookkeeping/requests.ts'
import type { RetentionOption } from '../retention.ts'
import { withRetention } from '../bookkeeping/retention.ts'
import type { ListOptions, StreamList } from '../listing.ts'
import { checkList, checkMost } from '../bookkeeping/list-requests.ts'
import type {
  AppendRequest,
  AppendResult,
  CreateResult,
  ReadOptions,
  ReadResult,
  StreamConfig,
  StreamStore,
  TrimResult,
} from '../store.ts'
import type { Durability, StreamInfo, StreamLimits } from '../stream.ts'
import type { WatchListener, WatchResult } from '../watching.ts'
import { orAborted } from './or-aborted.ts'
import { Catalogue } from './lists/catalogue.ts'
import { TrimCollector } from './collector.ts'
import { RedisFollower } from './following/follower.ts'
import { RedisForks } from './forks.ts'
import type { Keys } from './keys.ts'
import { LatestLists } from './lists/latest-lists.ts'
import { RedisLeases } from './leases.ts'
import { RecentAppends } from './recent-appends.ts'
import { Recovery } from './recovery.ts'
import { Scripts } from './scripts/scripts.ts'
import type { SettledClock } from '../bookkeeping/settled-clock.ts'
import type { ServerEvents, Servers } from './servers/servers.ts'
import { CONNECTION_ERRORS } from './store-error.ts'
import { writtenBytes, WaitingWrites, type WrittenParts } from '../bookkeeping/waiting-writes.ts'
import { StreamLists } from './lists/stream-lists.ts'
import { type AppendAnswer, RedisStreamTable } from './stream-table.ts'

export interface RedisStoreSettings {
  readonly address: string
  readonly keys: Keys
  readonly limits: StreamLimits
  readonly timeoutMs: number
  /** See `CatchUpOptions`. */
  readonly lossPatienceMs: number
  readonly logger: Logger
  /** Decides whether the clock of the lists can be trusted. */
  readonly settled: SettledClock
  readonly retention: RetentionOption | undefined
  /** Used instead of Redis's own clock. */
  readonly clock: (() => number) | undefined
  readonly durability: () => Durability
  openServers(events: ServerEvents): Servers
}

/** Milliseconds within which an available Redis answers a check. */
const CHECK_MS = 1000

/** Outcomes after which a producer has nothing to repeat. */
const FINAL: ReadonlySet<string> = new Set(['missing', 'closed', 'fenced'])

export class RedisStore implements StreamStore {
  readonly address: string
  readonly limits: StreamLimits
  readonly leases: LeaseStore
  readonly #settings: RedisStoreSettings
  readonly #servers: Servers
  readonly #table: RedisStreamTable
  readonly #lists: StreamLists
  readonly #latest: LatestLists
  readonly #catalogue: Catalogue
  readonly #forks: RedisForks
  readonly #follower: RedisFollower
  readonly #collector: TrimCollector
  readonly #recent = new RecentAppends()
  readonly #recovery: Recovery
  /** Resolves when no call is in progress. */
  readonly #idle = Promise.withResolvers<void>()
  #underWay = 0
  readonly #waiting = new WaitingWrites()
  #closing: Promise<void> | undefined

  constructor(settings: RedisStoreSettings) {
    this.address = settings.address
    const { keys, logger } = settings
    this.#settings = settings
    this.limits = settings.limits
    this.#servers = settings.openServers({
      onMessage: (channel, message) => this.#follower.onMessage(channel, message),
      onSubscribed: (channel) => this.#follower.onSubscribed(channel),
      onReady: () => this.#follower.onReady(),
    })
    const scripts = new Scripts(this.#servers, settings.clock)
    this.#table = new RedisStreamTable(scripts, keys, this.limits)
    this.#recovery = new Recovery(this.#table, this.#recent, logger)
    this.#lists = new StreamLists(scripts, keys)
    this.#latest = new LatestLists(scripts, keys, this.#table, this.#servers.ordered)
    this.#catalogue = new Catalogue(this.#table, this.#lists, this.#latest, this.#servers.ordered, {
      trimmed: (id) => this.#collector.wake(id),
      gone: (fork) => this.#forks.release(fork),
    })
    this.#forks = new RedisForks({
      scripts,
      keys,
      table: this.#table,
      create: (id, config, copied) => this.#catalogue.create(id, config, copied),
    })
    this.#follower = new RedisFollower({
      table: this.#table,
      servers: this.#servers,
      lists: this.#lists,
      channelOf: (id) => keys.of(id).channel,
      logger,
      lossPatienceMs: settings.lossPatienceMs,
    })
    this.#collector = new TrimCollector((id) => this.#call(() => this.#table.collect(id), undefined), logger)
    this.leases = new RedisLeases({
      limits: this.limits,
      scripts,
      keys,
      lists: this.#lists,
      listed: (list, act) => this.#catalogue.listed(list, act),
      call: (work, signal) => this.#call(work, signal),
    })
  }

  get durability(): Durability {
    return this.#settings.durability()
  }

  async create(id: string, given: StreamConfig = {}, signal?: AbortSignal): Promise<CreateResult> {
    checkId(id)
    const config = checkConfig(withRetention(id, given, this.#settings.retention), this.limits)
    const answer = await this.#write(config, signal, () => this.#forks.create(id, config))
    if (typeof answer === 'string') return { outcome: 'no-fork', reason: answer }
    if ('retired' in answer) return { outcome: 'retired' }
    const info = infoOf(id, answer.state)
    if (!answer.created) {
      if (answer.state.owner !== config.owner) await this.#catalogue.drop('owners', id, config.owner)
      const differs = configDifference(answer.state, config)
      return differs ? { outcome: 'conflict', info, differs } : { outcome: 'exists', info }
    }
    const { lease } = config
    if (!lease) return { outcome: 'created', info }
    return { outcome: 'created', info, lease: leaseOf(id, answer.state, newLease(lease, 1, answer.now)) }
  }

  /** Not an async function, and few of those it calls are: each costs a promise and microtask turns per append. */
  append(id: string, given: AppendRequest, signal?: AbortSignal): Promise<AppendResult> {
    try {
      checkId(id)
      const request = checkAppend(given, this.limits)
      return this.#write(request, signal, () => this.#append(id, request))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async #append(id: string, request: CheckedAppend): Promise<AppendResult> {
    let answer = await this.#latest.append(id, request)
    const refused = answer.result
    if (refused.outcome === 'gap' && (await this.#recovery.restore(id, request, refused.expectedSeq))) {
      answer = await this.#latest.append(id, request)
    }
    const { result, incarnation, stamp, trimmed } = answer
    if (result.outcome === 'appended') {
      this.#recent.keep(id, request, { incarnation, at: result.offset }, stamp)
      if (this.#follower.follows(id)) this.#tellOwn(id, request, result.offset.position, answer)
    } else if (FINAL.has(result.outcome)) this.#recent.forget(id)
    if (trimmed) this.#collector.wake(id)
    return result
  }

  #tellOwn(
    id: string,
    { records, close: closed, end }: CheckedAppend,
    next: number,
    { incarnation, stamp }: AppendAnswer,
  ): void {
    if (!closed && records.length === 0) return
    const from = next - records.length
    this.#follower.tellOwn(id, { incarnation, from, next, records, closed, ...endMember(end), stamp })
  }

  async read(id: string, after: Place, options: ReadOptions = {}): Promise<ReadResult> {
    checkId(id)
    const { maxRecords, maxBytes } = checkRead(after, options)
    const { result } = await this.#call(
      () => this.#table.read(id, after, maxRecords, maxBytes, options.incarnation),
      options.signal,
    )
    const isToken = typeof after === 'object' && 'stamp' in after
    if (result.outcome === 'past-end' && isToken && this.#follower.hasTold(id, after)) {
      throw CONNECTION_ERRORS.unavailable('its Redis lacks records that it had', false)
    }
    return result
  }

  async watch(id: string, listener: WatchListener, signal?: AbortSignal): Promise<WatchResult> {
    checkId(id)
    return this.#call(
      () => this.#follower.watch(id, listener, signal, (waiting) => this.#within(waiting)),
      signal,
    )
  }

  async head(id: string, signal?: AbortSignal, owner?: string | null): Promise<StreamInfo | undefined> {
    checkId(id)
    const found = await this.#call(() => this.#table.look(id, owner), signal)
    return found && infoOf(id, found)
  }

  async isRetired(id: string, signal?: AbortSignal, owner?: string | null): Promise<boolean> {
    checkId(id)
    return this.#call(() => this.#forks.isRetired(id, owner), signal)
  }

  async list(options: ListOptions = {}): Promise<StreamList> {
    const checked = checkList(options)
    return this.#call(() => this.#catalogue.list(checked, options.signal), options.signal)
  }

  async countOwned(owner: string | null, most: number, signal?: AbortSignal): Promise<number> {
    return this.#call(() => this.#lists.count(owner, checkMost(most)), signal)
  }

  async delete(id: string, signal?: AbortSignal, incarnation?: string): Promise<boolean> {
    checkId(id)
    return this.#call(async () => {
      const deleted = await this.#table.delete(id, incarnation)
      if (!deleted) return false
      this.#follower.tellDeleted(id, deleted.incarnation)
      await this.#catalogue.remove(id, deleted)
      if (deleted.gone) await this.#forks.release(deleted.gone)
      return true
    }, signal)
  }

  async touch(id: string, signal?: AbortSignal, incarnation?: string): Promise<boolean> {
    checkId(id)
    return this.#call(() => this.#table.touch(id, incarnation), signal)
  }

  async trim(id: string, before: Place, signal?: AbortSignal, incarnation?: string): Promise<TrimResult> {
    checkId(id)
    checkPlace(before)
    const result = await this.#call(async () => {
      // The sweep removes trimmed records even if this process ends before.
      await this.#lists.addToSweep(id)
      return this.#table.trim(id, before, incarnation)
    }, signal)
    if (result.outcome === 'trimmed') this.#collector.wake(id)
    return result
  }

  async check(signal?: AbortSignal): Promise<boolean> {
    const late = AbortSignal.timeout(CHECK_MS)
    try {
      await this.#call(() => this.#servers.ping(), signal ? AbortSignal.any([signal, late]) : late)
      return true
    } catch {
      const { unfit } = this.#servers
      if (unfit) throw unfit
      return false
    }
  }

  async sweep(signal?: AbortSignal): Promise<number> {
    return this.#call(() => this.#catalogue.sweep(this.#settings.settled, signal), signal)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    if (this.#underWay > 0) await this.#idle.promise
    this.#follower.close()
    await this.#servers.close()
  }

  #write<T>(request: WrittenParts, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    signal?.throwIfAborted()
    if (this.#closing) throw CONNECTION_ERRORS.closed()
    const bytes = writtenBytes(request)
    this.#waiting.take(bytes)
    const working = this.#run(work, bytes)
    return signal ? orAborted(working, signal) : working
  }

  /** Runs accepted work; the signal only ends the wait for it. */
  async #call<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    signal?.throwIfAborted()
    if (this.#closing) throw CONNECTION_ERRORS.closed()
    const working = this.#run(work)
    return signal ? orAborted(working, signal) : working
  }

  /** @param taken bytes of `#waiting` to give back. */
  async #run<T>(work: () => Promise<T>, taken?: number): Promise<T> {
    this.#underWay++
    try {
      return await work()
    } finally {
      if (taken !== undefined) this.#waiting.give(taken)
      if (--this.#underWay === 0 && this.#closing) this.#idle.resolve()
    }
  }

  async #within<T>(waiting: Promise<T>): Promise<T> {
    const { timeoutMs } = this.#settings
    const { promise: late, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => reject(CONNECTION_ERRORS.unavailable('Redis is away', false)), timeoutMs)
    try {
      return await Promise.race([waiting, late])
    } finally {
      clearTimeout(timer)
    }
  }
}
