/**
 * Delivery: from a log to its many readers.
 *
 * - One watch per stream and process, whatever the number of readers. A reader is a cursor, not a queue.
 * - A frame is made once per batch and format, and shared. When frames differ from reader to reader, their common
 *   part is shared (`ReaderEncoder`).
 * - Records that arrive while a connection is busy go into its next frame. A connection without room is not written
 *   to. Once it has room, its readers continue from where they were, from the recent records or from the log.
 * - One clock flushes everything. No stream or reader has a timer, and nothing iterates over all of them.
 *
 * Memory, at most: per connection its high-water mark, one batch and one page (see `DeliveryOptions`), shared with
 * other connections where possible; per stream with lagging readers `recentSize`; for all connections together
 * `largeFramesSize` of frames above 256 KiB; for all streams together `totalRecentSize` and `keptPagesSize`, or one
 * page if that is larger.
 */
import { libraryLogger } from '../logging/logger.ts'
import type { Logger } from '../logging/logger.ts'
import { checkPlace } from '../streams/bookkeeping/requests.ts'
import type { StreamStore } from '../streams/store.ts'
import { FlushClock } from './flush-clock.ts'
import { LargeFrames } from './large-frames.ts'
import { LogPages } from './log-pages.ts'
import type { FollowObserver, ReaderOptions } from './reader.ts'
import { Allowance } from './recent.ts'
import { Retries } from './retries.ts'
import { Tail } from './tail.ts'
import type { TailServices } from './tail.ts'
import { LoopTurns } from './turns.ts'

/** Sizes are in bytes; for text, in characters. */
export interface DeliveryOptions {
  readonly store: StreamStore
  readonly logger?: Logger
  /** Size at which a frame of recent records is full. Default 64 KiB. */
  readonly batchSize?: number
  /** Size at which a frame read from the log is full: the past is sent in few large frames. Default 128 KiB. */
  readonly pageSize?: number
  /** Recent records that a stream keeps while readers lag. Default 256 KiB. */
  readonly recentSize?: number
  /** The same for all streams together. Default 32 MiB. */
  readonly totalRecentSize?: number
  /** Pages of the log kept while there are readers. Default 4 MiB. */
  readonly keptPagesSize?: number
  /** Frames above 256 KiB that wait in all connections together; a single frame may be larger. Default 128 MiB. */
  readonly largeFramesSize?: number
  /** Milliseconds that such a frame may be held while another reader waits for room. Default 120,000. */
  readonly largeFramesPatienceMs?: number
  /** See `FlushClockOptions`. Default 2 and 64. */
  readonly minWindowMs?: number
  readonly maxWindowMs?: number
}

/** A handle on a reader, for its creator. */
export interface Follow {
  /** Stops the reader. Its observer is not called again. */
  stop(): void
}

const KIB = 1024
const MIB = 1024 * KIB

export class Delivery {
  /** For other code that reads logs: all of it together holds the event loop for one turn at a time. */
  readonly turns = new LoopTurns()
  readonly #services: TailServices
  readonly #tails = new Map<string, Tail>()
  readonly #end = new AbortController()

  constructor(options: DeliveryOptions) {
    const { store, logger = libraryLogger() } = options
    this.#services = {
      store,
      logger,
      clock: new FlushClock({ ...options, logger }),
      retries: new Retries(),
      allowance: new Allowance(options.totalRecentSize ?? 32 * MIB),
      pages: new LogPages({
        store,
        turns: this.turns,
        pageSize: options.pageSize ?? 128 * KIB,
        keptSize: options.keptPagesSize ?? 4 * MIB,
        signal: this.#end.signal,
      }),
      large: new LargeFrames(options.largeFramesSize ?? 128 * MIB, options.largeFramesPatienceMs ?? 120_000),
      batchSize: options.batchSize ?? 64 * KIB,
      streamSize: options.recentSize ?? 256 * KIB,
    }
  }

  /**
   * Sends every record of a stream after a place to an outlet: once, in order, without gaps, until the stream ends.
   * Does not check ownership. The observer is not called before this returns.
   *
   * @throws {StreamRequestError} `invalid_offset` for an offset that no store can have issued.
   */
  follow<Frame>(stream: string, options: ReaderOptions<Frame>): Follow {
    checkPlace(options.place)
    if (this.#end.signal.aborted) return this.#refuse(options.observer)
    let tail = this.#tails.get(stream)
    if (!tail || tail.isGone()) {
      tail = new Tail(stream, this.#services, this.#forget)
      this.#tails.set(stream, tail)
    }
    // Frames pass from the encoder to the outlet's port; nothing looks at them in between.
    return tail.add(options)
  }

  /** Number of readers of a stream in this process. */
  readers(stream: string): number {
    return this.#tails.get(stream)?.readers ?? 0
  }

  /** Number of streams that have readers. */
  get streams(): number {
    return this.#tails.size
  }

  /** Size of the records kept for readers, bounded by the options. */
  get held(): number {
    return this.#services.allowance.used + this.#services.pages.kept
  }

  /** The large frames that wait in connections. Large answers that are not frames count there too. */
  get large(): LargeFrames {
    return this.#services.large
  }

  /** Ends every reader with `closing`. May be called twice. */
  close(): void {
    if (this.#end.signal.aborted) return
    this.#end.abort()
    for (const tail of this.#tails.values()) tail.endAll({ type: 'closing' })
    this.#services.clock.close()
    this.#services.retries.close()
    this.#services.pages.clear()
    this.#services.large.close()
  }

  #refuse(observer: FollowObserver): Follow {
    let stopped = false
    queueMicrotask(() => stopped || observer.over({ type: 'closing' }))
    return { stop: () => void (stopped = true) }
  }

  readonly #forget = (tail: Tail): void => {
    if (this.#tails.get(tail.stream) === tail) this.#tails.delete(tail.stream)
    if (this.#tails.size === 0) this.#services.pages.clear()
  }
}
