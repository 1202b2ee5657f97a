/**
 * Cuts long work on the event loop into turns. Code that reads a long log yields to other work after a few
 * milliseconds, however small the records are, and whether or not the store reads on the loop.
 */

/** Approximate length of a turn, in milliseconds. */
const TURN_MS = 4
/** Approximate bytes per turn. The frames and writes made of them cost more time afterwards. */
const TURN_SIZE = 512 * 1024

export class LoopTurns {
  #begun: number | undefined
  #size = 0
  #next: Promise<void> | undefined

  /** Await this before each piece of work. Resolves at once early in a turn, otherwise in a later one. */
  async pass(): Promise<void> {
    for (;;) {
      if (this.#begun === undefined) return this.#begin()
      const isYoung = this.#size < TURN_SIZE && performance.now() - this.#begun < TURN_MS
      if (isYoung) return
      await this.#next
    }
  }

  /** Counts bytes that the work of this turn handles. Shared bytes count once. */
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
