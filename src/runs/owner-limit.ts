/**
 * How many runs an owner may have at one time. Runs of all processes count; of those that are being
 * started, the ones of this process. Two processes that start runs in the same instant may go over it
 * by what each of them starts then.
 */
import { RunError } from './errors.ts'
import type { RunSettings } from './options.ts'
import { readRunRecord } from './run-record.ts'

const PAGE = 1000

export class OwnerLimit {
  readonly #settings: RunSettings
  /** By owner, the runs that are being started, in order. */
  readonly #starting = new Map<string, Set<string>>()

  constructor(settings: RunSettings) {
    this.#settings = settings
  }

  /**
   * Runs `start` when the owner may have one more run.
   *
   * @throws {RunError} `too_many_runs`.
   */
  async within<T>(
    owner: string | undefined,
    id: string,
    signal: AbortSignal,
    start: () => Promise<T>,
  ): Promise<T> {
    if (owner === undefined || !Number.isFinite(this.#settings.runsPerOwner)) return start()
    const starting = this.#starting.get(owner) ?? new Set()
    this.#starting.set(owner, starting)
    const before = [...starting]
    starting.add(id)
    try {
      await this.#check(owner, id, before, signal)
      return await start()
    } finally {
      starting.delete(id)
      if (starting.size === 0) this.#starting.delete(owner)
    }
  }

  async #check(owner: string, id: string, starting: readonly string[], signal: AbortSignal): Promise<void> {
    const { store, runsPerOwner } = this.#settings
    const running = new Set(starting)
    for (let after: string | undefined; ;) {
      const place = after === undefined ? {} : { after }
      const { streams, next } = await store.list({ owner, closed: false, limit: PAGE, signal, ...place })
      for (const info of streams) {
        if (readRunRecord(info)) running.add(info.id)
      }
      if (next === undefined) break
      after = next
    }
    if (running.size < runsPerOwner) return
    // Asked for again, it takes no place of its own.
    if (await store.head(id, signal)) return
    throw new RunError('too_many_runs')
  }
}
