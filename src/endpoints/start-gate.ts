/**
 * Who may start how much. Each start costs somebody money, and every way to start something passes here:
 * the HTTP endpoint, the stream socket and the demo's consumer. Counts are of this process; the runs of
 * an owner are counted by `Runs`, in all processes, and so are those of a process.
 */
import { type Scope, scopeForLog } from '../consumers/scope.ts'
import { callHandler, loggingOwner } from '../logging/late-errors.ts'
import type { Logger } from '../logging/logger.ts'
import { libraryLogger } from '../logging/logger.ts'
import { HttpError } from '../protocol/errors.ts'
import type { Json } from '../protocol/json.ts'
import { askRule } from './application-rule.ts'
import { RateLimit } from './rate-limit.ts'

/** How much may be started through the endpoints of one process. `Infinity` lifts a limit. */
export interface StartLimits {
  /**
   * Runs at one time of one client address, where there is no owner; an IPv6 address counts with its
   * /64. Clients of this machine are not counted, unless proxy headers are trusted. Default 20.
   */
  readonly runsPerAddress: number
  /** Starts of one owner in any minute. Default 60. */
  readonly startsPerOwner: number
  /** Starts of one client address in any minute, where there is no owner; counted likewise. Default 60. */
  readonly startsPerAddress: number
}

export const START_LIMITS: StartLimits = { runsPerAddress: 20, startsPerOwner: 60, startsPerAddress: 60 }

/** What `mayStart` is asked about. Everything but `owner` and `scope` is the client's word. */
export interface StartAttempt {
  /** Which of the application's runs. */
  readonly kind?: string
  /** As the client sent it: no schema has seen it yet. */
  readonly input: Json
  readonly chat?: string
  readonly id?: string
  readonly owner?: string
  readonly scope: Scope<unknown>
  /** Aborts when the answer is of no use any more: after 5 s at the latest. */
  readonly signal: AbortSignal
}

/**
 * The application's own rule: a quota, a price. Only `true` lets the run be started; `false` answers 403.
 * For an answer in your own words throw an `HttpError`: `payment_required`, or `too_many_starts` with a
 * `retry-after` header.
 */
export type MayStart = (attempt: StartAttempt) => boolean | Promise<boolean>

export interface StartGateOptions {
  readonly limits?: Partial<StartLimits>
  readonly mayStart?: MayStart | undefined
  /** Resolves when a run that this process works on has ended here; undefined for any other. */
  readonly ended?: (id: string) => Promise<unknown> | undefined
  readonly logger?: Logger | undefined
}

/** Who starts: an owner, or a client without one. */
export interface Starter {
  readonly owner?: string | undefined
  readonly scope: Pick<Scope<unknown>, 'network'>
}

/** Seconds after which it is worth a try whether a run has ended. */
const RETRY_AFTER = '5'

export class StartGate {
  readonly #options: StartGateOptions
  readonly #rate = new RateLimit()
  /** Runs under way, by network. */
  readonly #running = new Map<string, number>()
  /** Runs that hold a place: a start that is sent again finds its run, which needs no second one. */
  readonly #placed = new Set<string>()
  #limits: StartLimits
  #mayStart: MayStart | undefined

  /** @throws {RangeError} naming the limit that is out of range. */
  constructor(options: StartGateOptions = {}) {
    this.#options = options
    this.#mayStart = options.mayStart
    this.#limits = checkStartLimits({ ...START_LIMITS, ...options.limits })
  }

  /** Asks this rule from here on. */
  redefine(mayStart: MayStart | undefined): void {
    this.#mayStart = mayStart
  }

  /** Changes limits from here on. Throws as the constructor does. */
  limit(limits: Partial<StartLimits>): void {
    this.#limits = checkStartLimits({ ...this.#limits, ...limits })
  }

  /**
   * Counts a start, before anything is read or done for it.
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
   * Takes a place among the runs of a client address, where there is no owner. The returned function
   * gives it back.
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
   * Starts a run by `start`, when it may be: asks `mayStart`, and holds a place for it until it has ended.
   *
   * @param isThere says whether the client asks for a run that it has started already, which needs no place.
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

  /** Calls what is the application's: what that throws later is its own, and not the client's connection's. */
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
      logger.error({}, `a start is refused, as mayStart returned ${typeof answer}: return true or false`)
    throw new HttpError('forbidden', 'You may not start this.')
  }
}

/** @throws {RangeError} naming the limit that is out of range. */
function checkStartLimits(limits: StartLimits): StartLimits {
  for (const [name, value] of Object.entries(limits) as [string, number][]) {
    if (!(value >= 1 && (Number.isInteger(value) || value === Number.POSITIVE_INFINITY))) {
      throw new RangeError(`limits.${name} is ${value}; it takes a whole number from 1, or Infinity`)
    }
  }
  return limits
}

/** Tells the limits of starts from those of runs, which `Runs` checks. */
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
