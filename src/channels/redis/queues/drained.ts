/**
 * Since when queues in Redis are known to have been empty. What lies in one came after that, whatever its
 * sender's clock says: a Python peer whose clock is a minute behind would otherwise send nothing but messages
 * that are too old.
 */

/** Queues that are remembered; those of a process are few, named channels may be many. */
const MAX_KNOWN = 1000

export class Drained {
  /** In milliseconds of `performance.now()`, the longest ago first. */
  readonly #since = new Map<string, number>()

  /** @param at when the question was asked whose answer said so. */
  note(queue: string, at: number): void {
    this.#since.delete(queue)
    this.#since.set(queue, at)
    if (this.#since.size <= MAX_KNOWN) return
    for (const oldest of this.#since.keys()) {
      this.#since.delete(oldest)
      return
    }
  }

  /** A queue that is asked for the first time, and cannot have been there before. */
  noteNew(queue: string): void {
    if (!this.#since.has(queue)) this.note(queue, performance.now())
  }

  /** Something older was put back. */
  forget(queue: string): void {
    this.#since.delete(queue)
  }

  /** The most seconds that a message can have been in a queue; Infinity where nothing is known. */
  maxAge(queue: string): number {
    const since = this.#since.get(queue)
    return since === undefined ? Number.POSITIVE_INFINITY : (performance.now() - since) / 1000
  }
}
