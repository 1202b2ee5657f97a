/**
 * A number of bytes per minute for each key. Spent bytes come back evenly over the minute. A key with some left may
 * overspend once, and then waits longer. Memory is bounded: one entry for each key whose bytes have not come back
 * yet, and a maximum of keys; beyond it, the key idle for longest is forgotten.
 */

const MINUTE_MS = 60_000
const MAX_KEYS = 10_000

interface Account {
  /** Bytes spent that had not come back by `at`. */
  readonly spent: number
  readonly at: number
  /** Bytes that come back per minute. */
  readonly perMinute: number
}

export class ByteBudget {
  readonly #clock: () => number
  readonly #maxKeys: number
  /** Ordered by when they last spent something. */
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

  /** Seconds until some bytes are left; 0 if there are some now. */
  wait(key: string, perMinute: number): number {
    const over = this.#spentBy(key) - perMinute
    return over < 0 ? 0 : Math.max(1, Math.ceil((over / perMinute) * 60))
  }

  /** Spends the bytes and returns 0; or returns the seconds until some are left, and spends nothing. */
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
