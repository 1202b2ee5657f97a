/**
 * Ends the streams that nobody fills any more, as their producer's process died. Whoever waits for more of
 * a stream has it looked at: when its lease is over, it is taken, and the stream is closed as interrupted,
 * or deleted when its time is over, too, which the lease had kept it from.
 *
 * A clock that jumps ahead ends all leases at once, as when a machine wakes up, and a store that was away
 * let nobody renew. Nothing is ended then until the time of a lease has passed.
 */
import { writeRunEnd } from '../protocol/run-end.ts'
import { endFor } from '../runs/end-reasons.ts'
import { Ticker } from '../time/ticker.ts'
import { WallClock } from '../time/wall-clock.ts'
import { LEASE_PRODUCER } from '../streams/leases.ts'
import type { AdapterSettings } from './settings.ts'

/** Looks at each stream in the time of a lease. */
const LOOKS = 2
/** Streams looked at side by side. */
const AT_ONCE = 100

export interface OrphansOptions {
  /** Whether this process fills a stream itself, and has not been silent for too long. */
  readonly fills: (id: string) => boolean
}

export class Orphans {
  readonly #settings: AdapterSettings
  readonly #options: OrphansOptions
  readonly #ticker: Ticker
  readonly #clock = new WallClock()
  /** How many wait for each stream. */
  readonly #waiting = new Map<string, number>()
  /** By stream, the one under way: what it takes, it must not find held. */
  readonly #looks = new Map<string, Promise<boolean>>()
  /** When, by `performance.now()`, leases were last found that may only look as if they were over. */
  #doubtedAt = Number.NEGATIVE_INFINITY

  constructor(settings: AdapterSettings, options: OrphansOptions) {
    this.#settings = settings
    this.#options = options
    this.#ticker = new Ticker(settings.leaseTtlMs / LOOKS, () => this.#lookAtAll(), { ref: false })
  }

  /** Has a stream looked at again and again, until the returned function is called. */
  add(id: string): () => void {
    this.#waiting.set(id, (this.#waiting.get(id) ?? 0) + 1)
    this.#ticker.start()
    return () => {
      const others = (this.#waiting.get(id) ?? 1) - 1
      if (others > 0) this.#waiting.set(id, others)
      else this.#waiting.delete(id)
      if (this.#waiting.size === 0) void this.#ticker.stop()
    }
  }

  /** Ends a stream, if nobody fills it any more. Resolves to whether it is there. Never rejects. */
  look(id: string): Promise<boolean> {
    let look = this.#looks.get(id)
    if (!look) {
      look = this.#look(id).finally(() => this.#looks.delete(id))
      this.#looks.set(id, look)
    }
    return look
  }

  async stop(): Promise<void> {
    this.#waiting.clear()
    await this.#ticker.stop()
  }

  async #look(id: string): Promise<boolean> {
    if (this.#options.fills(id) || this.#mustWait()) return true
    const { store, holder, leaseTtlMs, logger } = this.#settings
    try {
      const taken = await store.leases.acquire(id, { holder, ttlMs: leaseTtlMs })
      if (taken.outcome !== 'acquired') return taken.outcome !== 'missing'
      const { incarnation, epoch, expiresAt, ttlMs } = taken.lease
      // By the clock of the store: it has just given the lease its length.
      if ((taken.info.expiresAt ?? Infinity) <= expiresAt - ttlMs) {
        return !(await store.delete(id, undefined, incarnation))
      }
      const producer = { id: LEASE_PRODUCER, epoch, seq: 0 }
      const end = writeRunEnd(endFor('interrupted'))
      await store.append(id, { close: true, end, producer, incarnation })
      logger.info({ stream: id }, 'a stream was ended whose producer is gone')
    } catch (err) {
      this.#doubtedAt = performance.now()
      logger.debug({ err, stream: id }, 'a stream could not be looked at')
    }
    return true
  }

  #mustWait(): boolean {
    const { leaseTtlMs } = this.#settings
    const now = performance.now()
    // What is shorter cannot end a lease that is renewed in time.
    if (this.#clock.jump() > leaseTtlMs / 5) this.#doubtedAt = now
    return now - this.#doubtedAt < leaseTtlMs
  }

  async #lookAtAll(): Promise<void> {
    const ids = [...this.#waiting.keys()]
    for (let at = 0; at < ids.length; at += AT_ONCE) {
      await Promise.all(ids.slice(at, at + AT_ONCE).map((id) => this.look(id)))
    }
  }
}
