/** Counts the generations of runs: how many go on, begin in each life, and die without a record. */
import type { Fact, Fail } from './history.ts'
import type { KeptLog, KeptLogs } from './kept-log.ts'

/** Generations that may die in a row without a record. */
const MOST_BARREN = 5

export class CheckedGenerations {
  readonly #generations = new Map<string, number>()
  /** Generations that began in each life of a run. */
  readonly #inLife = new Map<KeptLog, number>()
  readonly #working = new Map<string, Set<number>>()
  readonly #kept: KeptLogs
  readonly #isOnce: (run: string) => boolean
  readonly #fail: Fail

  /** `isOnce`: whether nobody may generate a run a second time. */
  constructor(kept: KeptLogs, isOnce: (run: string) => boolean, fail: Fail) {
    this.#kept = kept
    this.#isOnce = isOnce
    this.#fail = fail
  }

  /** Generations of a run that go on, wherever. */
  working(run: string): number {
    return this.#working.get(run)?.size ?? 0
  }

  note({ type, run, generation, by, died = false }: Extract<Fact, { type: `generation-${string}` }>): void {
    const working = this.#working.get(run) ?? new Set()
    this.#working.set(run, working)
    const log = this.#kept.current.get(run)
    if (type === 'generation-ended') {
      if (log) log.hasDied = died
      return void working.delete(generation)
    }
    working.add(generation)
    if (log) this.#begins(log, by)
    const count = (this.#generations.get(run) ?? 0) + 1
    this.#generations.set(run, count)
    const epochs = [...this.#kept.logs.values()].filter(({ stream }) => stream === run)
    const leases = epochs.reduce((sum, { epoch }) => sum + epoch, 0)
    if (count > leases)
      this.#fail('generations', `${by} begins generation ${count} of ${run}, in ${leases} leases`)
    const inLife = (log ? (this.#inLife.get(log) ?? 0) : 0) + 1
    if (log) this.#inLife.set(log, inLife)
    if (inLife > 1 && this.#isOnce(run))
      this.#fail('generations', `${by} begins ${run} again, which cannot be continued`)
  }

  #begins(log: KeptLog, by: string): void {
    const { length } = log.records
    log.barren = log.hasDied && log.begunAt === length ? log.barren + 1 : 0
    log.begunAt = length
    log.hasDied = false
    if (log.barren >= MOST_BARREN)
      this.#fail('generations', `${by} begins ${log.stream}, of which ${log.barren} died without a record`)
  }
}
