/**
 * Limits how many runs an owner may have at one time, in all processes together.
 *
 * A start counts the owner's runs before it creates its own, and again afterwards, before it calls the provider. Of
 * several simultaneous starts, the last one sees all the others, so the limit does not depend on clocks. A start
 * that finds too many runs withdraws. Simultaneous starts are ranked by id, so that not all of them withdraw: those
 * with room wait a moment for the others to withdraw.
 */
import { RunError } from '../errors.ts'
import type { RunSettings } from '../options.ts'
import { readRunRecord } from '../records/run-record.ts'
import { pause } from '../../time/ticker.ts'

const PAGE = 1000
/** Pauses between the counts of a start that waits for others to withdraw. Withdrawing takes one delete. */
const PAUSES_MS = [5, 10, 20, 40]

/** Counts again, now that the run is created. Rejects if it is one too many. */
export type Admission = () => Promise<void>

export class OwnerLimit {
  readonly #settings: RunSettings
  /** Ids of the runs that are being started, in order, by owner. */
  readonly #starting = new Map<string, Set<string>>()

  constructor(settings: RunSettings) {
    this.#settings = settings
  }

  /**
   * Calls `start` if the owner may have one more run. `start` must remove what it created if its admission rejects.
   *
   * @throws {RunError} `too_many_runs`.
   */
  async within<T>(
    owner: string | undefined,
    id: string,
    signal: AbortSignal,
    start: (admission: Admission) => Promise<T>,
  ): Promise<T> {
    if (owner === undefined || !Number.isFinite(this.#settings.limits.runsPerOwner))
      return start(async () => {})
    const starting = this.#starting.get(owner) ?? new Set()
    this.#starting.set(owner, starting)
    const ahead = [...starting]
    starting.add(id)
    try {
      const before = await this.#running(owner, signal)
      await this.#check(new Set([...ahead, ...before]), id, signal)
      return await start(() => this.#admit(owner, id, before, signal))
    } finally {
      starting.delete(id)
      if (starting.size === 0) this.#starting.delete(owner)
    }
  }

  async #check(running: ReadonlySet<string>, id: string, signal: AbortSignal): Promise<void> {
    const { store, limits } = this.#settings
    if (running.size < limits.runsPerOwner) return
    // A start that is sent again finds its run, and needs no second place.
    if (await store.head(id, signal)) return
    throw new RunError('too_many_runs')
  }

  async #admit(owner: string, id: string, before: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    for (const pauseMs of [...PAUSES_MS, 0]) {
      const running = await this.#running(owner, signal)
      if (running.size <= this.#settings.limits.runsPerOwner) return
      const rivals = [...running].filter((run) => run !== id && !before.has(run))
      const places = this.#settings.limits.runsPerOwner - (running.size - rivals.length - 1)
      if (rivals.filter((rival) => rival < id).length >= places) break
      await pause(pauseMs, signal)
      signal.throwIfAborted()
    }
    throw new RunError('too_many_runs')
  }

  /** Returns the ids of the owner's runs in all processes. */
  async #running(owner: string, signal: AbortSignal): Promise<ReadonlySet<string>> {
    const running = new Set<string>()
    for (let after: string | undefined; ;) {
      const place = after === undefined ? {} : { after }
      const { streams, next } = await this.#settings.store.list({
        owner,
        leased: true,
        limit: PAGE,
        signal,
        ...place,
      })
      for (const info of streams) {
        if (readRunRecord(info)) running.add(info.id)
      }
      if (next === undefined) return running
      after = next
    }
  }
}
