/**
 * Long work on the event loop, cut into turns: whoever reads a long log lets everybody else have theirs after a
 * few milliseconds, however small its records, and whether or not its store leaves the loop to read.
 */

/** Milliseconds of one turn, about. */
const TURN_MS = 4
/** Bytes that one turn takes in hand, about: what is made of them, frames and writes, is still to come. */
const TURN_SIZE = 512 * 1024

export class Turns {
  #begun: number | undefined
  #size = 0
  #next: Promise<void> | undefined

  /** To be awaited before each piece of work: resolves at once while the turn is young, else in a later one. */
  async pass(): Promise<void> {
    for (;;) {
      if (this.#begun === undefined) return this.#begin()
      const isYoung = this.#size < TURN_SIZE && performance.now() - this.#begun < TURN_MS
      if (isYoung) return
      await this.#next
    }
  }

  /** Bytes that the work of this turn has taken in hand. What is shared counts once. */
  spend(size: number): void {
    if (this.#begun === undefined) this.#begin()
    this.#size += size
  }

  #begin(): void {
    this.#begun = performance.now()
    this.#size = 0
    this.#next = new Promise((resolve) => {
      setImmediate(() => {
        this.#begun = undefined
        resolve()
      })
    })
  }
}
