/** Tells the time that passed from a clock that was set, or that went on while the machine slept. */
export class WallClock {
  /** What the clock is ahead of the time since this process began, in milliseconds. */
  #ahead = aheadNow()

  /** Milliseconds by which the clock went ahead of the time that passed since the last call; negative when it went back. */
  jump(): number {
    const before = this.#ahead
    this.#ahead = aheadNow()
    return this.#ahead - before
  }
}

function aheadNow(): number {
  return Date.now() - performance.now()
}
