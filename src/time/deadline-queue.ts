/**
 * Items that become due a fixed time after they were added. The delay is the same for all, so items become
 * due in the order they were added. A Map keeps that order: adding, removing and taking the next item take
 * constant time, and items that are not due are not looked at.
 */
export class DeadlineQueue<T> {
  readonly #delay: number
  readonly #due = new Map<T, number>()

  constructor(delayMs: number) {
    this.#delay = delayMs
  }

  get size(): number {
    return this.#due.size
  }

  has(item: T): boolean {
    return this.#due.has(item)
  }

  /** Adds an item, or restarts its time. */
  add(item: T, now: number): void {
    this.#due.delete(item)
    this.#due.set(item, now + this.#delay)
  }

  delete(item: T): void {
    this.#due.delete(item)
  }

  /** Removes and returns the items that are due, the oldest first, at most `limit` of them. */
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
