/**
 * The durable half of an application: one store, the runs that fill its streams, and the delivery that reads them.
 * Create it before the application, because routes and consumers use it.
 */
import { described } from '../protocol/described.ts'
import { type OptionNames, checkOptions, namesOf } from '../protocol/known-options.ts'
import { Chats } from '../chats/chats.ts'
import { CHATS_OPTIONS, type ChatsOptions } from '../chats/options.ts'
import { Delivery } from '../delivery/delivery.ts'
import { type Logger, libraryLogger } from '../logging/logger.ts'
import type { RunDefinitions } from '../runs/definition.ts'
import { RunError } from '../runs/errors.ts'
import { Runs } from '../runs/runs.ts'
import {
  LIMIT_DEFAULTS,
  RUNS_OPTIONS,
  type RunLimits,
  type RunsOptions,
  graceMilliseconds,
} from '../runs/options.ts'
import type { StreamStore } from '../streams/store.ts'
import { type MayStart, START_LIMITS, StartGate, type StartLimits, splitLimits } from './start-gate.ts'
import type { StartHandler } from './start-handler.ts'
import type { OwnerOf } from './owner-of.ts'
import type { StreamServices } from './stream-services.ts'

export interface StreamingOptions extends Omit<RunsOptions, 'readers' | 'limits'> {
  readonly store: StreamStore
  /** Limits of runs and of starts. */
  readonly limits?: Partial<RunLimits & StartLimits>
  /** Decides whether a client may start a run: a quota or a price, for example. Default: anything within the limits. */
  readonly mayStart?: MayStart
  /** Returns the owner name of a user. Default: a user that is a string or a number, or the `id` of an object. */
  readonly ownerOf?: OwnerOf
  /** The chats and the kinds that answer in them. Clients cannot start these kinds themselves. */
  readonly chats?: Omit<ChatsOptions, 'store' | 'logger'>
  /**
   * Seconds that runs have to end at a shutdown before they are handed over, up to 2,147,483. Default 5.
   */
  readonly shutdownGrace?: number
}

/** The limits that `limit()` can change. */
export type ChangeableLimits = StartLimits & Pick<RunLimits, 'runsPerOwner' | 'runsPerProcess'>

const LIMITS: OptionNames<RunLimits & StartLimits> = namesOf({ ...LIMIT_DEFAULTS, ...START_LIMITS })

export const STREAMING_OPTIONS: OptionNames<StreamingOptions> = {
  ...RUNS_OPTIONS,
  limits: LIMITS,
  mayStart: true,
  ownerOf: true,
  chats: CHATS_OPTIONS,
  shutdownGrace: true,
}

/** Seconds. */
const SHUTDOWN_GRACE = 5
/** Seconds between sweeps for expired streams. */
const SWEEP_INTERVAL = 60

export class Streaming {
  readonly store: StreamStore
  readonly delivery: Delivery
  readonly runs: Runs
  /** The chats, if the options have any. */
  chats: Chats | undefined
  /** Limits what clients may start. Custom endpoints use it, too. */
  readonly gate: StartGate
  /** Options for the routes of streams: `streamSocket('/ws/streams/', { ...streams.services, start })`. */
  services: StreamServices
  /** Starts runs by the name of their kind: `streamSocket(path, { ...streams.services, start: streams.start })`. */
  readonly start: StartHandler
  readonly #logger: Logger
  /** The kinds that clients may start. */
  #startable: RunDefinitions
  readonly #graceSeconds: number
  #sweeper: NodeJS.Timeout | undefined
  #closing: Promise<void> | undefined

  /** @throws {RangeError} naming the option that is out of range. */
  constructor({
    ownerOf,
    shutdownGrace = SHUTDOWN_GRACE,
    limits = {},
    mayStart,
    chats,
    ...options
  }: StreamingOptions) {
    const { store, logger = libraryLogger() } = options
    checkStore(store)
    this.store = store
    this.#logger = logger
    // Checked now, because at the shutdown it is too late for an error.
    graceMilliseconds('shutdownGrace', shutdownGrace)
    this.#graceSeconds = shutdownGrace
    this.delivery = new Delivery({ store, logger })
    const { ofRuns, ofStarts } = splitLimits(limits)
    this.chats = chats && new Chats({ ...chats, store, logger })
    this.#startable = options.runs ?? {}
    const runs = withChats(options.runs, this.chats)
    this.runs = new Runs({ ...options, runs, limits: ofRuns, readers: (id) => this.delivery.readers(id) })
    this.chats?.use(this)
    this.gate = new StartGate({ limits: ofStarts, mayStart, logger, ended: (id) => this.runs.ended(id) })
    const { delivery, gate } = this
    this.start = (command) => {
      if (command.kind === undefined) throw kindMissing(Object.keys(this.#startable))
      // Only a chat starts the kinds of chats.
      if (Object.hasOwn(this.chats?.kinds ?? {}, command.kind)) throw new RunError('unknown_kind')
      return this.runs.start(command)
    }
    this.services = { store, delivery, runs: this.runs, gate, logger, ...(ownerOf && { ownerOf }) }
  }

  /** Whether `close()` was called. */
  get closing(): boolean {
    return this.#closing !== undefined
  }

  /**
   * Replaces the runs, chats, rules and limits of starts, for an application that was evaluated again. Runs in progress
   * go on. Everything else, such as the store and the length of leases, stays as it was. Returns the names of those
   * options that differ, and need a restart.
   */
  redefine({
    runs = {},
    chats,
    mayStart,
    ownerOf,
    limits = {},
    shutdownGrace = SHUTDOWN_GRACE,
    ...options
  }: StreamingOptions): string[] {
    const { store, delivery, gate } = this
    const { ofRuns, ofStarts } = splitLimits(limits)
    const differences = shutdownGrace === this.#graceSeconds ? [] : ['shutdownGrace']
    if (chats && this.chats) differences.push(...this.chats.redefine(chats).map((name) => `chats.${name}`))
    else if (chats) {
      this.chats = new Chats({ ...chats, store, logger: this.#logger })
      this.chats.use(this)
    }
    this.#startable = runs
    differences.push(...this.runs.redefine({ ...options, runs: withChats(runs, this.chats), limits: ofRuns }))
    gate.redefine(mayStart, ofStarts)
    this.services = {
      store,
      delivery,
      runs: this.runs,
      gate,
      logger: this.#logger,
      ...(ownerOf && { ownerOf }),
    }
    return differences
  }

  /**
   * Changes limits from now on.
   *
   * @throws {RangeError} naming the limit that is out of range.
   */
  limit(limits: Partial<ChangeableLimits>): void {
    checkOptions('limit()', limits, LIMITS)
    const { runsPerOwner, runsPerProcess, ...rest } = limits
    this.gate.limit(splitLimits(rest).ofStarts)
    this.runs.limit({
      ...(runsPerOwner !== undefined && { runsPerOwner }),
      ...(runsPerProcess !== undefined && { runsPerProcess }),
    })
  }

  /** Begins to take over runs whose process died, and to remove expired streams. */
  open(): void {
    if (this.#closing) return
    this.runs.open()
    this.#sweeper ??= setInterval(() => void this.#sweep(), SWEEP_INTERVAL * 1000).unref()
  }

  /** Ends the work of this process and closes the store. Further calls return the same promise. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    clearInterval(this.#sweeper)
    // Readers are closed first, because an HTTP response that still streams would delay the shutdown of its server.
    this.delivery.close()
    await this.runs.close({ graceSeconds: this.#graceSeconds })
    await this.chats?.close()
    await this.store.close()
  }

  async #sweep(): Promise<void> {
    try {
      await this.store.sweep()
    } catch (error) {
      this.#logger.warn({ err: error }, 'expired streams could not be removed')
    }
  }
}

/** @throws {TypeError} for what is no store, such as its path. */
function checkStore(store: unknown): void {
  const { append, limits } = (store ?? {}) as Partial<StreamStore>
  if (typeof append === 'function' && typeof limits === 'object') return
  const write = "write sqlite('./data.db'), memory(), or redis(url) of millrace/redis"
  throw new TypeError(`The option store is ${described(store)}, not a store: ${write}`)
}

/** Some of their names; an application may have many. */
function kindMissing(kinds: readonly string[]): RunError {
  const named = kinds.slice(0, 5).map((kind) => `"${kind}"`)
  const list = kinds.length > named.length ? [...named, '…'] : named
  return new RunError('invalid_run', `Name the kind of run to start: ${list.join(', ')}.`)
}

/** @throws {TypeError} if both have a kind of the same name. */
function withChats(runs: RunDefinitions = {}, chats: Chats | undefined): RunDefinitions {
  const ofChats = chats?.kinds ?? {}
  const twice = Object.keys(ofChats).find((name) => Object.hasOwn(runs, name))
  if (twice !== undefined)
    throw new TypeError(`A kind of runs is already called ${twice}: give the kind of chats another name`)
  return { ...runs, ...ofChats }
}

/**
 * Makes the durable half of an application: `streaming({ store: sqlite('./data.db') })`.
 *
 * @throws {TypeError} if an option does not exist; {RangeError} if one is out of range.
 */
export function streaming(options: StreamingOptions): Streaming {
  checkOptions('streaming()', options, STREAMING_OPTIONS)
  return new Streaming(options)
}
