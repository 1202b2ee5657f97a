/** How many runs a process may have at one time, whoever they belong to. */
import { RunError } from './errors.ts'
import type { RunSettings } from './options.ts'

export class ProcessLimit {
  readonly #settings: RunSettings
  readonly #active: () => number
  /** Starts under way, and what is no run. */
  #others = 0

  /** @param active how many runs the process works on. */
  constructor(settings: RunSettings, active: () => number) {
    this.#settings = settings
    this.#active = active
  }

  /**
   * Takes a place; the returned function gives it back. A start gives it back once its run is counted
   * itself.
   *
   * @throws {RunError} `process_full`.
   */
  take(): () => void {
    if (this.#active() + this.#others >= this.#settings.limits.runsPerProcess)
      throw new RunError('process_full')
    this.#others++
    let isIn = true
    return () => {
      if (isIn) this.#others--
      isIn = false
    }
  }
}
