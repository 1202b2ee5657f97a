/** Keeps followed streams from expiring: each is touched several times per TTL, once for all readers of an endpoint. */
import type { Logger } from '../logging/logger.ts'
import type { StreamStore } from '../streams/store.ts'
import type { StreamInfo } from '../streams/stream.ts'
import { Deadlines } from '../time/deadlines.ts'

/** Touches per TTL, at least, so that a store may fail for half of it. */
const TOUCHES = 4
/** TTLs shorter than four times this are not kept alive. */
const SHORTEST_PAUSE_MS = 50

interface Entry {
  readers: number
  readonly touch: () => void
}

export class FollowedStreams {
  readonly #store: Pick<StreamStore, 'touch'>
  readonly #entries = new Map<string, Entry>()
  /** By their pause in milliseconds, a power of two, so that there are few clocks for any number of TTLs. */
  readonly #clocks = new Map<number, Deadlines>()

  constructor(store: Pick<StreamStore, 'touch'>) {
    this.#store = store
  }

  /** A reader begins to follow a stream, which was touched just now. Call the returned function when it ends. */
  add(info: StreamInfo, logger: Logger): () => void {
    const { id, ttlMs, incarnation } = info
    if (ttlMs === undefined) return () => {}
    const clock = this.#clockFor(ttlMs)
    // The key holds the incarnation, because a later stream may have the same id.
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

  /** Touches one stream. Never rejects. */
  async touch({ id, incarnation }: Pick<StreamInfo, 'id' | 'incarnation'>, logger: Logger): Promise<void> {
    try {
      await this.#store.touch(id, undefined, incarnation)
    } catch (error) {
      logger.warn({ err: error, stream: id }, 'expiry of a stream with readers could not be moved')
    }
  }

  #clockFor(ttlMs: number): Deadlines {
    const pauseMs = Math.max(SHORTEST_PAUSE_MS, 2 ** Math.floor(Math.log2(ttlMs / TOUCHES)))
    let clock = this.#clocks.get(pauseMs)
    if (!clock) this.#clocks.set(pauseMs, (clock = new Deadlines(pauseMs / 1000)))
    return clock
  }
}
