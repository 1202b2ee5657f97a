/**
 * When queues in Redis were last known to be empty. A message in a queue came after that time, whatever its
 * sender's clock says. Without this, all messages of a Python peer whose clock is a minute behind would count
 * as too old.
 */

/** Most queues that are remembered. A process has few, but named channels may be many. */
const MAX_KNOWN = 1000

export class Drained {
  /** In milliseconds of `performance.now()`, the oldest first. */
  readonly #since = new Map<string, number>()

  /** @param at when Redis was asked whether the queue is empty. */
  note(queue: string, at: number): void {
    this.#since.delete(queue)
    this.#since.set(queue, at)
    if (this.#since.size <= MAX_KNOWN) return
    for (const oldest of this.#since.keys()) {
      this.#since.delete(oldest)
      return
    }
  }

  /** Notes a queue that this process asks for the first time, and that did not exist before. */
  noteNew(queue: string): void {
    if (!this.#since.has(queue)) this.note(queue, performance.now())
  }

  /** Forgets a queue in which an older message was put back. */
  forget(queue: string): void {
    this.#since.delete(queue)
  }

  /** The most seconds that a message can have been in a queue; Infinity when that is not known. */
  maxAge(queue: string): number {
    const since = this.#since.get(queue)
    return since === undefined ? Number.POSITIVE_INFINITY : (performance.now() - since) / 1000
  }
}
