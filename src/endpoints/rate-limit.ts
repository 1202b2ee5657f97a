/**
 * So many in any minute, for each key on its own. What it keeps is bounded: one number for each that was
 * let through within the last minute, and a number of keys. Where there are more, the one that was quiet
 * for longest is forgotten, which lets nobody through who has not as many keys to his name.
 */

const MINUTE_MS = 60_000
const MAX_KEYS = 10_000

export class RateLimit {
  readonly #clock: () => number
  readonly #maxKeys: number
  /** When each key was let through, in order; the keys by when that was last. */
  readonly #times = new Map<string, number[]>()

  constructor({
    clock = () => performance.now(),
    maxKeys = MAX_KEYS,
  }: { clock?: () => number; maxKeys?: number } = {}) {
    this.#clock = clock
    this.#maxKeys = maxKeys
  }

  get size(): number {
    return this.#times.size
  }

  /** Lets a key through, and gives 0; or gives the seconds until it would be, which counts for nothing. */
  take(key: string, perMinute: number): number {
    if (perMinute === Number.POSITIVE_INFINITY) return 0
    const now = this.#clock()
    const times = this.#times.get(key) ?? []
    const first = times.findIndex((time) => time > now - MINUTE_MS)
    times.splice(0, first < 0 ? times.length : first)
    const oldest = times.length < perMinute ? undefined : times[times.length - perMinute]
    if (oldest !== undefined) return Math.max(1, Math.ceil((oldest + MINUTE_MS - now) / 1000))
    times.push(now)
    this.#times.delete(key)
    this.#times.set(key, times)
    this.#forget(now)
    return 0
  }

  #forget(now: number): void {
    for (const [key, times] of this.#times) {
      const isOver = (times.at(-1) ?? 0) <= now - MINUTE_MS
      if (!isOver && this.#times.size <= this.#maxKeys) return
      this.#times.delete(key)
    }
  }
}
