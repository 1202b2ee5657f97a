/** Limits how many runs a process may have at one time, of all owners together. */
import { RunError } from '../errors.ts'
import type { RunSettings } from '../options.ts'

/** Including runs that it takes over, a process has at most this many times the runs that it may start. */
const TAKEN_OVER = 2

export class ProcessLimit {
  readonly #settings: RunSettings
  readonly #active: () => number
  /** Places of starts in progress, and of work that is not a run. */
  #others = 0

  /** @param active how many runs the process works on. */
  constructor(settings: RunSettings, active: () => number) {
    this.#settings = settings
    this.#active = active
  }

  /**
   * Takes a place; the returned function gives it back. A start gives its place back once `active` counts its run.
   *
   * @throws {RunError} `process_full`.
   */
  take(): () => void {
    if (this.#count >= this.#settings.limits.runsPerProcess) throw new RunError('process_full')
    return this.#enter()
  }

  /**
   * Takes a place for a run that is taken over; undefined if there is none. There are as many such places again as
   * for starts, and starts cannot use them, so the runs of a process that died fit in.
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
