/**
 * How many runs an owner may have at one time, whichever processes they are started in.
 *
 * A start looks before it creates its run, and once more afterwards, before its provider is called: of
 * those who created theirs at the same time the last one sees all the others, so the limit holds
 * whatever the clocks of the processes say. Who looks and finds too many withdraws. So that not all do,
 * those that began together are taken in the order of their ids: the ones with room wait a moment for
 * the others to withdraw.
 */
import { RunError } from '../errors.ts'
import type { RunSettings } from '../options.ts'
import { readRunRecord } from '../records/run-record.ts'
import { pause } from '../../time/ticker.ts'

const PAGE = 1000
/** Between the looks of a start that waits for others to withdraw: each has one delete to do. */
const PAUSES_MS = [5, 10, 20, 40]

/** Looks again, for the run that was created meanwhile. Rejects when it is one too many. */
export type Admission = () => Promise<void>

export class OwnerLimit {
  readonly #settings: RunSettings
  /** By owner, the runs that are being started, in order. */
  readonly #starting = new Map<string, Set<string>>()

  constructor(settings: RunSettings) {
    this.#settings = settings
  }

  /**
   * Runs `start` when the owner may have one more run. What it creates is taken back by it when its
   * admission rejects.
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
    // Asked for again, it takes no place of its own.
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

  /** Of all processes. */
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
