/** What is under way upstream, and must have ended there once its run has: by somebody, whoever died over it. */
import type { Fact, Fail } from './history.ts'
import type { KeptLog, KeptLogs } from './kept-log.ts'

/** Epochs after which a run may have died too often for anybody to go on with it. */
const MOST_EPOCHS = 5

interface Work {
  /** What the holder of its lease has under way, and in which epoch. */
  known?: { readonly job: string; readonly by: string; readonly epoch: number }
  /** What that was when each holder first sent its close, by epoch and process. */
  readonly closing: Map<string, string | undefined>
  /** By what is kept with its log. */
  kept?: string
}

export class CheckedUpstream {
  readonly #works = new Map<KeptLog, Work>()
  /** Jobs to cancel, with the logs that leave them. */
  readonly #owed = new Map<string, KeptLog>()
  readonly #over = new Set<string>()
  readonly #kept: KeptLogs
  readonly #fail: Fail

  constructor(kept: KeptLogs, fail: Fail) {
    this.#kept = kept
    this.#fail = fail
  }

  /** Runs that have ended, of which something goes on upstream. */
  owing(): readonly string[] {
    return Array.from(this.#owed)
      .filter(([job, log]) => !this.#over.has(job) && !log.removed)
      .map(([, { stream }]) => stream)
  }

  note(fact: Extract<Fact, { type: `upstream-${string}` }>): void {
    if (fact.type === 'upstream-over') return void this.#over.add(fact.job)
    if (fact.type === 'upstream-known') {
      const log = this.#kept.current.get(fact.run)
      // A generation that lost its run leaves alone what it learns of then: whoever goes on asks with the same run id.
      if (log && !log.closed && log.holders.get(log.epoch) === fact.by)
        this.#workOf(log).known = { job: fact.job, by: fact.by, epoch: log.epoch }
      return
    }
    if (fact.type === 'upstream-closing') {
      const log = this.#kept.current.get(fact.run)
      const work = log && this.#works.get(log)
      if (!work) return
      const { known, closing } = work
      const holder = holderIn(log, fact.by)
      const isOwn = known?.by === fact.by && known.epoch === log.epoch
      if (!closing.has(holder)) closing.set(holder, isOwn ? known.job : undefined)
      return
    }
    const log = this.#kept.logs.get(`${fact.stream} ${fact.incarnation}`)
    if (!log) return
    // Its id became known behind the end.
    if (log.closed) this.#owe(log, fact.job)
    else this.#workOf(log).kept = fact.job
  }

  /** A run has ended: what whoever ended it knew to be under way is to end, too. */
  closed(log: KeptLog, by: string): void {
    const work = this.#works.get(log)
    if (!work || log.epoch > MOST_EPOCHS) return
    const { closing, kept } = work
    const known = closing.get(holderIn(log, by))
    if (known !== undefined) this.#owe(log, known)
    else if (kept !== undefined) this.#owe(log, kept)
  }

  finish(): void {
    for (const run of this.owing()) this.#fail('cancelled', `what ${run} left upstream goes on`)
  }

  #owe(log: KeptLog, job: string): void {
    this.#owed.set(job, log)
  }

  #workOf(log: KeptLog): Work {
    const work = this.#works.get(log) ?? { closing: new Map() }
    this.#works.set(log, work)
    return work
  }
}

/** Names a process in the present epoch of a run: in a later one it is another generation, and knows only what was kept. */
function holderIn({ epoch }: KeptLog, by: string): string {
  return `${epoch} ${by}`
}
