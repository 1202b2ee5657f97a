/**
 * Ends streams that are no longer filled because the producer's process died. A reader that waits for more of a
 * stream has it checked: when its lease has expired, the lease is taken, and the stream is closed as interrupted, or
 * deleted if it has expired as well.
 *
 * A clock that jumps ahead, such as when a machine wakes up, expires all leases at once, and an unavailable store
 * prevents renewals. Nothing is ended then for the length of a lease.
 */
import { writeRunEnd } from '../protocol/run-end.ts'
import { endFor } from '../runs/end-reasons.ts'
import { Ticker } from '../time/ticker.ts'
import { WallClock } from '../time/wall-clock.ts'
import { LEASE_PRODUCER } from '../streams/leases.ts'
import type { AdapterSettings } from './settings.ts'

/** Checks of each stream per lease length. */
const LOOKS = 2
/** Streams checked concurrently. */
const AT_ONCE = 100

export interface OrphansOptions {
  /** Whether this process fills the stream itself, and has not been silent for too long. */
  readonly fills: (id: string) => boolean
}

export class Orphans {
  readonly #settings: AdapterSettings
  readonly #options: OrphansOptions
  readonly #ticker: Ticker
  readonly #clock = new WallClock()
  /** Number of readers that wait for each stream. */
  readonly #waiting = new Map<string, number>()
  /** The check in progress of each stream: a second one would find the lease held by the first. */
  readonly #looks = new Map<string, Promise<boolean>>()
  /** When, by `performance.now()`, expired leases were last doubted. */
  #doubtedAt = Number.NEGATIVE_INFINITY

  constructor(settings: AdapterSettings, options: OrphansOptions) {
    this.#settings = settings
    this.#options = options
    this.#ticker = new Ticker(settings.leaseTtlMs / LOOKS, () => this.#lookAtAll(), { ref: false })
  }

  /** Checks a stream periodically until the returned function is called. */
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

  /** Ends a stream if it is no longer filled. Resolves to whether it exists. Never rejects. */
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
      // By the clock of the store, which has just set the lease.
      if ((taken.info.expiresAt ?? Infinity) <= expiresAt - ttlMs) {
        return !(await store.delete(id, undefined, incarnation))
      }
      const producer = { id: LEASE_PRODUCER, epoch, seq: 0 }
      const end = writeRunEnd(endFor('interrupted'))
      await store.append(id, { close: true, end, producer, incarnation })
      logger.info({ stream: id }, 'stream ended: its producer is gone')
    } catch (err) {
      this.#doubtedAt = performance.now()
      logger.debug({ err, stream: id }, 'stream could not be checked')
    }
    return true
  }

  #mustWait(): boolean {
    const { leaseTtlMs } = this.#settings
    const now = performance.now()
    // A shorter jump cannot expire a lease that is renewed in time.
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
