/**
 * Limits what clients may start. Each start costs somebody money, so every way to start something passes here: the
 * HTTP endpoint, the stream socket and the demo's consumer. The gate counts in this process. `Runs` counts the runs of
 * an owner, in all processes, and the runs of a process.
 */
import { type Scope, scopeForLog } from '../consumers/scope.ts'
import { callHandler, loggingOwner } from '../logging/late-errors.ts'
import type { Logger } from '../logging/logger.ts'
import { libraryLogger } from '../logging/logger.ts'
import { HttpError } from '../protocol/errors.ts'
import type { Json } from '../protocol/json.ts'
import { askRule } from './application-rule.ts'
import { RateLimit } from './rate-limit.ts'

/** Limits of starts through the endpoints of one process. `Infinity` lifts a limit. */
export interface StartLimits {
  /**
   * Runs at one time of one client address, for clients without an owner. An IPv6 address counts with its /64. Clients
   * of this machine are not counted, unless proxy headers are trusted. Default 20.
   */
  readonly runsPerAddress: number
  /** Starts of one owner in any minute. Default 60. */
  readonly startsPerOwner: number
  /** Starts of one client address in any minute, for clients without an owner; counted likewise. Default 60. */
  readonly startsPerAddress: number
}

export const START_LIMITS: StartLimits = { runsPerAddress: 20, startsPerOwner: 60, startsPerAddress: 60 }

/** The question to `mayStart`. Everything except `owner`, `scope` and `signal` comes from the client. */
export interface StartAttempt {
  /** The name of one of the application's kinds. */
  readonly kind?: string
  /** As the client sent it. No schema has checked it yet. */
  readonly input: Json
  readonly chat?: string
  readonly id?: string
  readonly owner?: string
  readonly scope: Scope<unknown>
  /** Aborts when the answer is no longer needed: after 5 s at the latest. */
  readonly signal: AbortSignal
}

/**
 * The application's own rule, such as a quota or a price. Only `true` allows the start; `false` answers 403. To answer
 * in your own words, throw an `HttpError`: `payment_required`, or `too_many_starts` with a `retry-after` header.
 */
export type MayStart = (attempt: StartAttempt) => boolean | Promise<boolean>

export interface StartGateOptions {
  readonly limits?: Partial<StartLimits>
  readonly mayStart?: MayStart | undefined
  /** Resolves when a run has ended in this process; undefined if this process does not work on it. */
  readonly ended?: (id: string) => Promise<unknown> | undefined
  readonly logger?: Logger | undefined
}

/** Who starts a run: an owner, or a client without one. */
export interface Starter {
  readonly owner?: string | undefined
  readonly scope: Pick<Scope<unknown>, 'network'>
}

/** Seconds after which a run may have ended. */
const RETRY_AFTER = '5'

export class StartGate {
  readonly #options: StartGateOptions
  readonly #rate = new RateLimit()
  /** Number of runs in progress, by network. */
  readonly #running = new Map<string, number>()
  /** Ids of the runs that hold a place. A start that is sent again finds its run, and needs no second place. */
  readonly #placed = new Set<string>()
  #limits: StartLimits
  #mayStart: MayStart | undefined

  /** @throws {RangeError} naming the limit that is out of range. */
  constructor(options: StartGateOptions = {}) {
    this.#options = options
    this.#mayStart = options.mayStart
    this.#limits = checkStartLimits({ ...START_LIMITS, ...options.limits })
  }

  /**
   * Replaces the rule and the limits.
   *
   * @throws {RangeError} naming the limit that is out of range.
   */
  redefine(mayStart: MayStart | undefined, limits: Partial<StartLimits>): void {
    this.#limits = checkStartLimits({ ...START_LIMITS, ...limits })
    this.#mayStart = mayStart
  }

  /** Changes limits from now on. Throws as the constructor does. */
  limit(limits: Partial<StartLimits>): void {
    this.#limits = checkStartLimits({ ...this.#limits, ...limits })
  }

  /**
   * Counts a start. Call it before reading or doing anything for the start.
   *
   * @throws {HttpError} `too_many_starts`.
   */
  count({ owner, scope: { network } }: Starter): void {
    const { startsPerOwner, startsPerAddress } = this.#limits
    const key = owner !== undefined ? `owner ${owner}` : network
    if (key === undefined) return
    const seconds = this.#rate.take(key, owner !== undefined ? startsPerOwner : startsPerAddress)
    if (seconds === 0) return
    const message = `Too many starts within a minute. Try again in ${seconds} s.`
    throw new HttpError('too_many_starts', message, { 'retry-after': String(seconds) })
  }

  /**
   * Takes a place among the runs of a client address, for a client without an owner. The returned function gives it
   * back.
   *
   * @throws {HttpError} `too_many_runs`.
   */
  enter({ owner, scope: { network } }: Starter): () => void {
    if (owner !== undefined || network === undefined) return () => {}
    const running = this.#running.get(network) ?? 0
    if (running >= this.#limits.runsPerAddress) {
      throw new HttpError('too_many_runs', undefined, { 'retry-after': RETRY_AFTER })
    }
    this.#running.set(network, running + 1)
    let isIn = true
    return () => {
      if (!isIn) return
      isIn = false
      const left = (this.#running.get(network) ?? 1) - 1
      if (left > 0) this.#running.set(network, left)
      else this.#running.delete(network)
    }
  }

  /**
   * Calls `start` if the client may start the run: asks `mayStart`, and holds a place for the run until it has ended.
   *
   * @param isThere tells whether the client has started this run already. It needs no second place then.
   * @throws {HttpError} `too_many_runs`, `forbidden`, and what `mayStart` throws.
   */
  async start<Run extends { readonly id: string }>(
    attempt: Omit<StartAttempt, 'signal'>,
    signal: AbortSignal,
    isThere: () => Promise<boolean>,
    start: () => Run | Promise<Run>,
  ): Promise<Run> {
    let leave: () => void
    try {
      leave = this.enter(attempt)
    } catch (error) {
      if (attempt.id === undefined || !(await isThere())) throw error
      leave = () => {}
    }
    try {
      await this.#ask(attempt, signal)
      const run = await this.#call('start', attempt, start)
      this.#hold(run.id, leave)
      return run
    } catch (error) {
      leave()
      throw error
    }
  }

  /** Keeps the place of a run until it has ended here. */
  #hold(id: string, leave: () => void): void {
    const ended = this.#placed.has(id) ? undefined : this.#options.ended?.(id)
    if (!ended) return leave()
    this.#placed.add(id)
    const free = (): void => {
      this.#placed.delete(id)
      leave()
    }
    void ended.then(free, free)
  }

  /** Calls a handler of the application. Errors that it throws later are attributed to it, not to the connection. */
  #call<T>(name: string, { scope }: Pick<StartAttempt, 'scope'>, handler: () => T): T {
    const { logger = libraryLogger() } = this.#options
    const words = { name, outcome: 'the server goes on' }
    return callHandler(loggingOwner(logger, words, { scope: scopeForLog(scope) }), handler)
  }

  async #ask(attempt: Omit<StartAttempt, 'signal'>, signal: AbortSignal): Promise<void> {
    const mayStart = this.#mayStart
    const { logger = libraryLogger() } = this.#options
    if (!mayStart) return
    const { scope } = attempt
    const question = { name: 'mayStart', scope, undecided: 'start_undecided', signal, logger } as const
    const answer = await askRule(question, (asking) => mayStart({ ...attempt, signal: asking }))
    if (answer === true) return
    if (answer !== false)
      logger.error({}, `start refused, because mayStart returned ${typeof answer}: return true or false`)
    throw new HttpError('forbidden', 'You may not start this.')
  }
}

/** @throws {RangeError} naming the limit that is out of range. */
function checkStartLimits(limits: StartLimits): StartLimits {
  for (const [name, value] of Object.entries(limits) as [string, number][]) {
    if (!(value >= 1 && (Number.isInteger(value) || value === Number.POSITIVE_INFINITY))) {
      throw new RangeError(`limits.${name} is ${value}; it must be a whole number from 1, or Infinity`)
    }
  }
  return limits
}

/** Splits limits into those of starts and those of runs, which `Runs` checks. */
export function splitLimits<Limits extends Partial<StartLimits>>(
  limits: Limits,
): { ofRuns: Omit<Limits, keyof StartLimits>; ofStarts: Partial<StartLimits> } {
  const { runsPerAddress, startsPerOwner, startsPerAddress, ...ofRuns } = limits
  const ofStarts = {
    ...(runsPerAddress !== undefined && { runsPerAddress }),
    ...(startsPerOwner !== undefined && { startsPerOwner }),
    ...(startsPerAddress !== undefined && { startsPerAddress }),
  }
  return { ofRuns, ofStarts }
}
