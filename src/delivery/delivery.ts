/**
 * Delivery: from a log to its many readers.
 *
 * - One watch per stream and process, however many read it. A reader is a cursor, not a queue.
 * - A frame is made once for each batch of records and format, and shared; where a protocol's frames belong to
 *   one reader each, what they have in common is (`ReaderEncoder`).
 * - What comes while a connection is busy goes into its next frame. A connection without room is not
 *   written to; once it has room, its readers go on from where they stood, out of the recent records
 *   or out of the log.
 * - One clock flushes; there is no timer for a stream or a reader, and nothing walks all of them.
 *
 * What it holds: for each connection at most its high-water mark, one batch and one page (see
 * `DeliveryOptions`), the bytes shared with other connections; for each stream with lagging readers
 * at most `recentSize`; for all connections together `largeFramesSize` of frames above 256 KiB; for all streams together `totalRecentSize` and `keptPagesSize`, or one page where that is larger.
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
import { Turns } from './turns.ts'

/** Sizes are in bytes, where text counts its characters. */
export interface DeliveryOptions {
  readonly store: StreamStore
  readonly logger?: Logger
  /** From which a frame of recent records is full. Default 64 KiB. */
  readonly batchSize?: number
  /** From which a frame out of the log is full: the past comes in few large frames. Default 128 KiB. */
  readonly pageSize?: number
  /** Recent records that a stream keeps while readers lag behind. Default 256 KiB. */
  readonly recentSize?: number
  /** And all streams together. Default 32 MiB. */
  readonly totalRecentSize?: number
  /** Pages of the log that are kept while anybody reads. Default 4 MiB. */
  readonly keptPagesSize?: number
  /** Frames above 256 KiB that wait in all connections together, if one alone may not have more. Default 128 MiB. */
  readonly largeFramesSize?: number
  /** Milliseconds that one of them may be held while another reader waits for room. Default 120,000. */
  readonly largeFramesPatienceMs?: number
  /** See `FlushClockOptions`. Default 2 and 64. */
  readonly minWindowMs?: number
  readonly maxWindowMs?: number
}

/** A reader, for whoever made it. */
export interface Follow {
  /** Ends it. Its observer hears nothing more. */
  stop(): void
}

const KIB = 1024
const MIB = 1024 * KIB

export class Delivery {
  /** For whoever reads logs beside it: all of them together hold the event loop for one turn. */
  readonly turns = new Turns()
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
   * Sends every record of a stream after a place to an outlet: once, in order, without gaps, until
   * the end of the stream. Checks no ownership. The observer hears nothing before this returns.
   *
   * @throws {StreamRequestError} `invalid_offset` for an offset that no store can have given out.
   */
  follow<Frame>(stream: string, options: ReaderOptions<Frame>): Follow {
    checkPlace(options.place)
    if (this.#end.signal.aborted) return this.#refuse(options.observer)
    let tail = this.#tails.get(stream)
    if (!tail || tail.isGone()) {
      tail = new Tail(stream, this.#services, this.#forget)
      this.#tails.set(stream, tail)
    }
    // Frames pass from the encoder to the outlet's port and are never looked at in between.
    return tail.add(options)
  }

  /** How many readers of a stream there are in this process. */
  readers(stream: string): number {
    return this.#tails.get(stream)?.readers ?? 0
  }

  /** How many streams are read. */
  get streams(): number {
    return this.#tails.size
  }

  /** Size of the records that are kept for readers: at most what the options say. */
  get held(): number {
    return this.#services.allowance.used + this.#services.pages.kept
  }

  /** The large frames that wait in connections; answers that are no frames count there, too. */
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
