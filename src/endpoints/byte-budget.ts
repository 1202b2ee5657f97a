/**
 * So many bytes in a minute, for each key on its own: what is spent comes back evenly over the minute. Who has
 * something left may spend more than that once, and waits for longer. What it keeps is bounded: a number for each
 * key that spent something within the time it takes to come back, and a number of keys. Where there are more, the
 * one that was quiet for longest is forgotten.
 */

const MINUTE_MS = 60_000
const MAX_KEYS = 10_000

interface Account {
  /** Bytes spent that had not come back at this time. */
  readonly spent: number
  readonly at: number
  /** How many come back in a minute. */
  readonly perMinute: number
}

export class ByteBudget {
  readonly #clock: () => number
  readonly #maxKeys: number
  /** In the order in which they last spent something. */
  readonly #accounts = new Map<string, Account>()

  constructor({
    clock = () => performance.now(),
    maxKeys = MAX_KEYS,
  }: { clock?: () => number; maxKeys?: number } = {}) {
    this.#clock = clock
    this.#maxKeys = maxKeys
  }

  get size(): number {
    return this.#accounts.size
  }

  /** Seconds until something is left; 0 when something is. */
  wait(key: string, perMinute: number): number {
    const over = this.#spentBy(key) - perMinute
    return over < 0 ? 0 : Math.max(1, Math.ceil((over / perMinute) * 60))
  }

  /** Spends these bytes, and gives 0; or gives the seconds until something is left, and spends nothing. */
  spend(key: string, perMinute: number, bytes: number): number {
    if (perMinute === Number.POSITIVE_INFINITY) return 0
    const seconds = this.wait(key, perMinute)
    if (seconds > 0) return seconds
    const spent = this.#spentBy(key) + bytes
    this.#accounts.delete(key)
    this.#accounts.set(key, { spent, at: this.#clock(), perMinute })
    this.#forget()
    return 0
  }

  #spentBy(key: string): number {
    const account = this.#accounts.get(key)
    if (!account) return 0
    return Math.max(0, account.spent - ((this.#clock() - account.at) / MINUTE_MS) * account.perMinute)
  }

  #forget(): void {
    for (const key of this.#accounts.keys()) {
      if (this.#accounts.size <= this.#maxKeys && this.#spentBy(key) > 0) return
      this.#accounts.delete(key)
    }
  }
}
