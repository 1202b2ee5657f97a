/** How many runs a process may have at one time, whoever they belong to. */
import { RunError } from '../errors.ts'
import type { RunSettings } from '../options.ts'

/** With runs that it takes over a process has at most so many times what it may start. */
const TAKEN_OVER = 2

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
    if (this.#count >= this.#settings.limits.runsPerProcess) throw new RunError('process_full')
    return this.#enter()
  }

  /**
   * Takes a place for a run that is taken over: of as many again as there are for starts, so that those of
   * another process fit in, and starts leave them free. Undefined when all are taken.
   */
  takeOver(): (() => void) | undefined {
    return this.#count < TAKEN_OVER * this.#settings.limits.runsPerProcess ? this.#enter() : undefined
  }

  get #count(): number {
    return this.#active() + this.#others
  }

  #enter(): () => void {
    this.#others++
    let isIn = true
    return () => {
      if (isIn) this.#others--
      isIn = false
    }
  }
}
