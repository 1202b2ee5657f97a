/** Notices that the clock was set, or ran on while the machine slept. */
export class WallClock {
  /** The clock less the time since this process began, in milliseconds. */
  #ahead = aheadNow()

  /**
   * Milliseconds that the clock gained on the time that passed since the last call; negative when it was set
   * back.
   */
  jump(): number {
    const before = this.#ahead
    this.#ahead = aheadNow()
    return this.#ahead - before
  }
}

function aheadNow(): number {
  return Date.now() - performance.now()
}
