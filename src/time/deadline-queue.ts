/**
 * Items that fall due a fixed time after they were added. Because the delay is the same for all,
 * the order of adding is the order of falling due: adding, removing and taking the next are O(1),
 * and nothing walks the items that are not due. A Map keeps that order.
 */
export class DeadlineQueue<T> {
  readonly #delay: number
  readonly #due = new Map<T, number>()

  constructor(delayMs: number) {
    this.#delay = delayMs
  }

  has(item: T): boolean {
    return this.#due.has(item)
  }

  /** Adds an item, or starts its time anew. */
  add(item: T, now: number): void {
    this.#due.delete(item)
    this.#due.set(item, now + this.#delay)
  }

  delete(item: T): void {
    this.#due.delete(item)
  }

  /** Removes and returns what is due, the oldest first, at most `limit` items. */
  take(now: number, limit: number): T[] {
    const taken: T[] = []
    for (const [item, due] of this.#due) {
      if (due > now || taken.length === limit) break
      taken.push(item)
      this.#due.delete(item)
    }
    return taken
  }
}
