/**
 * Keeps streams that are followed from expiring under their readers: each is touched several times in
 * its TTL, once for all readers that an endpoint has of it.
 */
import type { Logger } from '../logging/logger.ts'
import type { StreamStore } from '../streams/store.ts'
import type { StreamInfo } from '../streams/stream.ts'
import { Deadlines } from '../time/deadlines.ts'

/** Touches in the time of a TTL, at least: a store that fails for half of it takes nothing away. */
const TOUCHES = 4
/** Shorter TTLs than four times this are not kept up with. */
const SHORTEST_PAUSE_MS = 50

interface Entry {
  readers: number
  readonly touch: () => void
}

export class FollowedStreams {
  readonly #store: Pick<StreamStore, 'touch'>
  readonly #entries = new Map<string, Entry>()
  /** By their pause in milliseconds, powers of two: there are few, whatever TTLs there are. */
  readonly #clocks = new Map<number, Deadlines>()

  constructor(store: Pick<StreamStore, 'touch'>) {
    this.#store = store
  }

  /** A reader follows a stream, which was touched just now. Returns what says that it does no more. */
  add(info: StreamInfo, logger: Logger): () => void {
    const { id, ttlMs, incarnation } = info
    if (ttlMs === undefined) return () => {}
    const clock = this.#clockFor(ttlMs)
    // What took the id since is another stream.
    const key = `${incarnation} ${id}`
    let entry = this.#entries.get(key)
    if (!entry) {
      const touch = (): void => {
        clock.add(touch)
        void this.touch(info, logger)
      }
      entry = { readers: 0, touch }
      this.#entries.set(key, entry)
      clock.add(touch)
    }
    const followed = entry
    followed.readers++
    let over = false
    return () => {
      if (over) return
      over = true
      if (--followed.readers > 0) return
      clock.delete(followed.touch)
      this.#entries.delete(key)
    }
  }

  /** A sign of life for one stream. Never rejects. */
  async touch({ id, incarnation }: Pick<StreamInfo, 'id' | 'incarnation'>, logger: Logger): Promise<void> {
    try {
      await this.#store.touch(id, undefined, incarnation)
    } catch (error) {
      logger.warn({ err: error, stream: id }, 'the expiry of a stream that is read was not moved')
    }
  }

  #clockFor(ttlMs: number): Deadlines {
    const pauseMs = Math.max(SHORTEST_PAUSE_MS, 2 ** Math.floor(Math.log2(ttlMs / TOUCHES)))
    let clock = this.#clocks.get(pauseMs)
    if (!clock) this.#clocks.set(pauseMs, (clock = new Deadlines(pauseMs / 1000)))
    return clock
  }
}
