/**
 * The durable half of an application: one store, the runs that fill its streams, and the delivery
 * that reads them. Made before the application, because routes and consumers use it.
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
  /** What ends runs, and how many may be started. */
  readonly limits?: Partial<RunLimits & StartLimits>
  /** Whether a client may start what it asks for: a quota, a price. Default: within the limits it may. */
  readonly mayStart?: MayStart
  /** Says who a user is, in the terms of stream owners; by default a text, a number, or the `id` of an object. */
  readonly ownerOf?: OwnerOf
  /** Chats, and what answers in them; their kinds are runs, too, which clients cannot start. */
  readonly chats?: Omit<ChatsOptions, 'store' | 'logger'>
  /**
   * Seconds that a shutdown leaves runs to end by themselves before it hands them over, up to 2,147,483.
   * Default 5.
   */
  readonly shutdownGrace?: number
}

/** How much may be started. */
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

/** Seconds between two looks for streams past their time. */
const SWEEP_INTERVAL = 60

export class Streaming {
  readonly store: StreamStore
  readonly delivery: Delivery
  readonly runs: Runs
  /** The chats, where the options have any. */
  chats: Chats | undefined
  /** What clients may start; for endpoints of one's own as well. */
  readonly gate: StartGate
  /** What the routes of streams take: `streamSocket('/ws/streams/', { ...streams.services, start })`. */
  services: StreamServices
  /** Starts what clients ask for by its name among the runs: `streamSocket(path, { ...streams.services, start: streams.start })`. */
  readonly start: StartHandler
  readonly #logger: Logger
  /** What clients may start by its name. */
  #startable: RunDefinitions
  readonly #graceSeconds: number
  #sweeper: NodeJS.Timeout | undefined
  #closing: Promise<void> | undefined

  /** @throws {RangeError} naming the option that is out of range. */
  constructor({ ownerOf, shutdownGrace = 5, limits = {}, mayStart, chats, ...options }: StreamingOptions) {
    const { store, logger = libraryLogger() } = options
    checkStore(store)
    this.store = store
    this.#logger = logger
    // Now: a shutdown that finds it out cannot leave its runs any time.
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
      // Only a chat starts those of chats.
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
   * Puts the runs, chats and rules of an application that was evaluated again in place of those that there are. Runs
   * under way go on; everything else, such as the store and the lengths of leases, stays as it was.
   */
  redefine({ runs = {}, chats, mayStart, ownerOf, limits = {} }: StreamingOptions): void {
    const { store, delivery, gate } = this
    if (chats && this.chats) this.chats.redefine(chats)
    else if (chats) {
      this.chats = new Chats({ ...chats, store, logger: this.#logger })
      this.chats.use(this)
    }
    this.#startable = runs
    this.runs.redefine(withChats(runs, this.chats))
    gate.redefine(mayStart)
    this.limit(limits)
    this.services = {
      store,
      delivery,
      runs: this.runs,
      gate,
      logger: this.#logger,
      ...(ownerOf && { ownerOf }),
    }
  }

  /** Changes limits of starts from here on. Throws the `RangeError` of one that is out of range. */
  limit(limits: Partial<ChangeableLimits>): void {
    checkOptions('limit()', limits, LIMITS)
    const { runsPerOwner, runsPerProcess, ...rest } = limits
    this.gate.limit(splitLimits(rest).ofStarts)
    this.runs.limit({
      ...(runsPerOwner !== undefined && { runsPerOwner }),
      ...(runsPerProcess !== undefined && { runsPerProcess }),
    })
  }

  /** Begins to take over what other processes left behind and to remove what is past its time. */
  open(): void {
    if (this.#closing) return
    this.runs.open()
    this.#sweeper ??= setInterval(() => void this.#sweep(), SWEEP_INTERVAL * 1000).unref()
  }

  /** Ends the work of this process and closes the store. Calling it twice is calling it once. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    clearInterval(this.#sweeper)
    // Readers first: an answer that streams over HTTP would hold up the shutdown of its server.
    this.delivery.close()
    await this.runs.close({ graceSeconds: this.#graceSeconds })
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
  return new RunError('invalid_run', `A start names its kind: ${list.join(', ')}.`)
}

/** @throws {TypeError} for a name that both have. */
function withChats(runs: RunDefinitions = {}, chats: Chats | undefined): RunDefinitions {
  const ofChats = chats?.kinds ?? {}
  const twice = Object.keys(ofChats).find((name) => Object.hasOwn(runs, name))
  if (twice !== undefined)
    throw new TypeError(`There is a kind of runs called ${twice}: give that of chats another name`)
  return { ...runs, ...ofChats }
}

/**
 * Makes the durable half of an application: `streaming({ store: sqlite('./data.db') })`.
 *
 * @throws {TypeError} for an option that does not exist, {RangeError} for one that is out of range.
 */
export function streaming(options: StreamingOptions): Streaming {
  checkOptions('streaming()', options, STREAMING_OPTIONS)
  return new Streaming(options)
}
