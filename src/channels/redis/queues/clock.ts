/**
 * Redis's clock, as far as it is known here. Ages are never overestimated by more than the clock
 * moved since the last reading, so that no message is dropped too early for a slow answer.
 */
export class RedisClock {
  #offset: number | undefined

  /** @param time seconds since 1970 by Redis, just received. */
  read(time: number): void {
    this.#offset = time - performance.now() / 1000
  }

  /** Seconds that have passed since `time` by Redis; 0 before the first reading. */
  since(time: number): number {
    return this.#offset === undefined ? 0 : Math.max(0, performance.now() / 1000 + this.#offset - time)
  }
}
