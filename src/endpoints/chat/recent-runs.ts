/** The runs that something was noted of last, by id: a set that stays small, and forgets the oldest. */

const MOST = 10_000

export class RecentRuns {
  /** In the order in which they were noted. */
  readonly #ids = new Set<string>()

  get isEmpty(): boolean {
    return this.#ids.size === 0
  }

  add(id: string): void {
    this.#ids.delete(id)
    this.#ids.add(id)
    for (const oldest of this.#ids) {
      if (this.#ids.size <= MOST) return
      this.#ids.delete(oldest)
    }
  }

  has(id: string): boolean {
    return this.#ids.has(id)
  }

  delete(id: string): void {
    this.#ids.delete(id)
  }
}
