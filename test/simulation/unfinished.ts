/** What has not come to its end yet in a cluster, and must. */
import type { Cluster } from './cluster.ts'
import type { AskedScript } from './providers.ts'

export class Unfinished {
  readonly #cluster: Cluster
  readonly #runs: ReadonlyMap<string, AskedScript>

  /** `runs`: those that were created. */
  constructor(cluster: Cluster, runs: ReadonlyMap<string, AskedScript>) {
    this.#cluster = cluster
    this.#runs = runs
  }

  /** Whether all has come to its end. */
  isOver(exceptEndless: boolean): boolean {
    for (const run of this.#runs.keys()) {
      const log = this.#cluster.checker.current.get(run)
      if (!log || log.closed || log.removed || this.#cluster.shared.damaged.has(run)) continue
      if (exceptEndless && this.#runs.get(run)?.events === null) continue
      return false
    }
    if (this.#owing().length > 0 || this.#cluster.checker.goingUpstream().length > 0) return false
    if (!exceptEndless && this.#cluster.checker.unfinishedChats().length > 0) return false
    // Who died answers nothing.
    for (const host of this.#cluster.asked.values()) if (host.alive) return false
    return exceptEndless || this.#cluster.readers.every((reader) => reader.done)
  }

  /** Runs whose ends nobody was told of yet. */
  #owing(): readonly string[] {
    return this.#cluster.checker.owing().filter((run) => !this.#cluster.shared.damaged.has(run))
  }

  /** Notes what has not. */
  note(): void {
    for (const run of this.#owing()) this.#cluster.miss('ended-told', `nobody is told of the end of ${run}`)
    for (const what of this.#cluster.checker.unfinishedChats()) this.#cluster.miss('chat-kept', what)
    for (const run of this.#cluster.checker.goingUpstream())
      this.#cluster.miss('cancelled', `what ${run} left upstream goes on`)
    for (const run of this.#runs.keys()) {
      const log = this.#cluster.checker.current.get(run)
      const isDue = log && !log.closed && !log.removed && !this.#cluster.shared.damaged.has(run)
      if (isDue) this.#cluster.miss('run-ends', `${run} does not end`)
    }
    for (const [what, host] of this.#cluster.asked)
      if (host.alive) this.#cluster.miss('answered', `${what} is not answered by ${host.name}`)
    for (const { plan, done } of this.#cluster.readers)
      if (!done) this.#cluster.miss('reader-ends', `${plan.name} of ${plan.stream} does not end`)
  }
}
