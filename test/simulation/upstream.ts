/**
 * The service that remote runs ask: it works on until it is done or somebody cancels what it works on, whoever asked
 * for it is there or not.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Chance } from '../chaos/chance.ts'
import type { Fact } from './history.ts'

/** Milliseconds after which somebody who waits looks whether anything disturbs it yet. */
const LOOK_MS = 500

export interface UpstreamOptions {
  readonly seed: number
  readonly note: (fact: Fact) => void
  readonly isCalm: () => boolean
}

/** What the service knows a process by. */
export interface Caller {
  readonly name: string
  readonly die: () => void
}

export class Upstream {
  readonly #options: UpstreamOptions
  readonly #chance: Chance
  readonly #over = new Set<string>()
  #jobs = 0

  constructor(options: UpstreamOptions) {
    this.#options = options
    this.#chance = new Chance(options.seed, 'upstream')
  }

  /** Asks for a job. It begins at once, and its id may be answered late: nobody can take that back meanwhile. */
  async begin(): Promise<string> {
    const job = `job-${++this.#jobs}`
    if (this.#chance.next() < 0.4) await this.#pass(this.#chance.between(100, 8_000))
    return job
  }

  /** A process learns what its run has under way there. */
  known(run: string, job: string, { name }: Caller): void {
    if (!this.#over.has(job)) this.#options.note({ type: 'upstream-known', run, job, by: name })
  }

  done(job: string): void {
    this.#end(job, 'done')
  }

  /** Cancels a job: that may take long, hang, or kill whoever asks. */
  async cancel(job: string, caller: Caller): Promise<void> {
    if (this.#over.has(job)) return
    const what = this.#options.isCalm() ? 0 : this.#chance.next()
    if (what > 0.3 && what < 0.6) await this.#pass(this.#chance.between(100, 8_000))
    else if (what > 0.6 && what < 0.8) await this.#pass(3_600_000)
    else if (what > 0.8) {
      await this.#pass(this.#chance.between(100, 8_000))
      caller.die()
      await new Promise(() => {})
    }
    this.#end(job, 'cancelled')
  }

  #end(job: string, how: 'done' | 'cancelled'): void {
    if (this.#over.has(job)) return
    this.#over.add(job)
    this.#options.note({ type: 'upstream-over', job, how })
  }

  /** Lets time pass, and no more of it once nothing disturbs anybody. */
  async #pass(milliseconds: number): Promise<void> {
    for (let left = milliseconds; left > 0 && !this.#options.isCalm(); left -= LOOK_MS)
      await sleep(Math.min(left, LOOK_MS))
  }
}
