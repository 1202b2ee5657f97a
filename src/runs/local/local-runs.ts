/**
 * The runs whose leases this process holds. One timer renews all leases, another enforces the limits of all runs;
 * both stop while there are no runs.
 */
import { FloodLog } from '../../logging/flood-log.ts'
import type { RunEnd } from '../../protocol/run-end.ts'
import type { Assignment } from './assignment.ts'
import { RENEWALS } from './held-lease.ts'
import { LocalRun } from './local-run.ts'
import type { RunSettings } from '../options.ts'
import type { OwedEnds } from '../owed/owed-ends.ts'
import type { Readership } from './readership.ts'
import { pause, Ticker } from '../../time/ticker.ts'

/** Time limits are kept to within a tenth of the limit, and to a second. */
const LONGEST_CHECK_MS = 1000
const SHORTEST_CHECK_MS = 10

export class LocalRuns {
  readonly #settings: RunSettings
  /** A hanging store is logged once, not once per run. */
  readonly #flood: FloodLog
  readonly #runs = new Set<LocalRun>()
  /** The last run of each id. An earlier one, whose stream was removed, is ending. */
  readonly #byId = new Map<string, LocalRun>()
  readonly #keeper: Ticker
  readonly #watchdog: Ticker
  /** Providers of ended runs that have not ended yet. */
  readonly #leftBehind = new Set<Promise<unknown>>()
  readonly #touchedAt = new Map<LocalRun, number>()
  readonly #readership: Readership
  readonly #owedEnds: OwedEnds
  /** Runs for which other processes are being asked about readers. */
  readonly #asking = new Set<LocalRun>()

  constructor(settings: RunSettings, readership: Readership, owedEnds: OwedEnds) {
    this.#settings = settings
    this.#flood = new FloodLog(settings.logger)
    this.#readership = readership
    this.#owedEnds = owedEnds
    const { leaseTtlMs, silenceMs, lifeMs, unreadMs } = settings
    this.#keeper = new Ticker(leaseTtlMs / RENEWALS, () => this.#renewAll(), { ref: true })
    const checkMs = Math.min(silenceMs / 10, lifeMs / 10, unreadMs / 10, LONGEST_CHECK_MS)
    this.#watchdog = new Ticker(Math.max(checkMs, SHORTEST_CHECK_MS), () => this.#checkAll(), { ref: true })
  }

  get size(): number {
    return this.#runs.size
  }

  /** The last run of an id, if it has this incarnation. */
  get(id: string, incarnation?: string): LocalRun | undefined {
    const run = this.#byId.get(id)
    return incarnation === undefined || run?.incarnation === incarnation ? run : undefined
  }

  /** A copy, which does not change while runs end. */
  all(): readonly LocalRun[] {
    return [...this.#runs]
  }

  /** Begins to work on a run. */
  add(assignment: Assignment): LocalRun {
    const run = new LocalRun(this.#settings, assignment)
    // Its stream exists, so the stream of an earlier run of this id is gone.
    this.#byId.get(run.id)?.gone()
    this.#byId.set(run.id, run)
    this.#runs.add(run)
    this.#touchedAt.set(run, performance.now())
    this.#keeper.start()
    this.#watchdog.start()
    void run.settled.then(() => {
      this.#remove(run)
      if (run.owed) this.#owedEnds.begin(run.owed)
      this.#remember(run.providersEnded)
    })
    return run
  }

  /** Resolves when the present runs have ended, or after `atMostMs`. */
  async emptied(atMostMs: number): Promise<void> {
    const ended = new AbortController()
    const ending = Promise.all(this.all().map((run) => run.settled)).then(() => ended.abort())
    await Promise.race([ending, pause(atMostMs, ended.signal)])
  }

  /** Leaves every run. Resolves when that is done. */
  async leaveAll(): Promise<readonly (RunEnd | undefined)[]> {
    return Promise.all(this.all().map((run) => run.leave()))
  }

  /**
   * Resolves when the providers of ended runs have ended, or after `stopTimeout`. If the process exits earlier,
   * upstream work that they are cancelling goes on costing.
   */
  async cleanedUp(): Promise<void> {
    if (this.#leftBehind.size === 0) return
    const ended = new AbortController()
    const ending = Promise.all(this.#leftBehind).then(() => ended.abort())
    await Promise.race([ending, pause(this.#settings.stopTimeoutMs, ended.signal)])
  }

  #remember(providers: Promise<unknown> | undefined): void {
    if (!providers) return
    this.#leftBehind.add(providers)
    void providers.then(() => this.#leftBehind.delete(providers))
  }

  #remove(run: LocalRun): void {
    this.#runs.delete(run)
    if (this.#byId.get(run.id) === run) this.#byId.delete(run.id)
    this.#touchedAt.delete(run)
    if (this.#runs.size > 0) return
    this.#flood.close()
    void this.#keeper.stop()
    void this.#watchdog.stop()
  }

  #checkAll(): void {
    const now = performance.now()
    for (const run of this.all()) {
      try {
        if (run.check(now, (id) => this.#readership.here(id))) void this.#checkReaders(run)
      } catch (err) {
        // The count is a function of the application, which may throw.
        this.#settings.logger.error({ err, run: run.id }, 'readers of a run could not be counted')
      }
    }
  }

  /** It has no readers here. Asks the other processes, one question per run at a time. */
  async #checkReaders(run: LocalRun): Promise<void> {
    if (this.#asking.has(run)) return
    this.#asking.add(run)
    try {
      const isRead = await this.#readership.elsewhere(run.id)
      if (isRead || this.#readership.here(run.id) > 0) run.read(performance.now())
      else run.unread()
    } catch (err) {
      if (!this.#runs.has(run)) return
      // There was no answer, so it is asked again after the same time.
      run.read(performance.now())
      this.#flood.warn({ err, run: run.id }, 'readers of a run in other processes could not be counted')
    } finally {
      this.#asking.delete(run)
    }
  }

  /**
   * Renewals are independent, also of a previous one still in progress: one that hangs delays neither other runs nor
   * its own next renewal, and a slow store has time to answer.
   */
  #renewAll(): void {
    const signal = AbortSignal.timeout(this.#settings.leaseTtlMs)
    for (const run of this.all()) void this.#renew(run, signal)
  }

  /** A failed renewal is made up for by the next one. Only the store can say that a lease is lost. */
  async #renew(run: LocalRun, signal: AbortSignal): Promise<void> {
    try {
      if (await run.renew(signal)) await this.#touch(run, signal)
    } catch (err) {
      // A late answer of a slow store: the run has ended, and its warnings no longer matter.
      if (!this.#runs.has(run)) return
      this.#flood.warn({ err, run: run.id }, 'lease of a run could not be renewed; trying again')
    }
  }

  /** Keeps the stream of a run that is silent for long from expiring. */
  async #touch(run: LocalRun, signal: AbortSignal): Promise<void> {
    const { store, retentionMs } = this.#settings
    const now = performance.now()
    if (retentionMs === undefined || now - (this.#touchedAt.get(run) ?? now) < retentionMs / 4) return
    this.#touchedAt.set(run, now)
    await store.touch(run.id, signal)
    if (run.inputIn !== undefined) await store.touch(run.inputIn, signal)
  }
}
