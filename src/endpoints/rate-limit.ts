/**
 * A number of events in any minute, for each key. Memory is bounded: one number for each event allowed within the
 * last minute, and a maximum of keys. Beyond it, the key idle for longest is forgotten; to profit from that, a client
 * needs as many keys.
 */

const MINUTE_MS = 60_000
const MAX_KEYS = 10_000

export class RateLimit {
  readonly #clock: () => number
  readonly #maxKeys: number
  /** Times of the allowed events of each key, in order; keys ordered by their last event. */
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

  /** Allows an event and returns 0; or returns the seconds until one would be allowed, and counts nothing. */
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
