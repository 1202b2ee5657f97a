/**
 * The single clock of a delivery. Records wait for it, so that those that arrive close together leave in one frame.
 *
 * The first item after a pause is flushed at the end of the same turn of the event loop. From then on each item waits
 * for one window from when it was added: no record waits longer, and the work is spread over the window. The window
 * grows with the cost of flushing, so that flushing takes a bounded share of the loop: the busier the loop, the
 * longer the window and the more records per frame, which makes each record cheaper. Most of the cost of a frame is
 * the system call.
 */
import type { Logger } from '../logging/logger.ts'

export interface Flushable {
  flush(): void
}

export interface FlushClockOptions {
  readonly logger: Logger
  /** Milliseconds that an item waits when the loop is nearly idle. Default 2. */
  readonly minWindowMs?: number
  /** Milliseconds that an item waits at the busiest, while the loop keeps up. Default 64. */
  readonly maxWindowMs?: number
}

/** The window is this many times the cost of flushing everything once, so flushing takes a twelfth of the loop. */
const WINDOW_PER_COST = 12

/**
 * The rule above applies up to this part of the longest window. Above it, the window grows only while flushing takes
 * more than `PRESSED` of the loop.
 */
const COMFORTABLE = 0.75
const PRESSED = 0.4

/**
 * Milliseconds of flushing before other work gets a turn. Ports write after the slice, which takes three times as
 * long, and the first item flushed waits for that.
 */
const SLICE_MS = 0.25

/** Shortest period over which the cost is measured, in milliseconds: a window of 0 could never grow. */
const SHORTEST_COUNT_MS = 1

/** Number of flushed items at which the queue is cut. */
const CUT = 4096

export class FlushClock {
  readonly #logger: Logger
  readonly #minMs: number
  readonly #maxMs: number
  #items: Flushable[] = []
  /** When each item is due. */
  #dues: number[] = []
  #head = 0
  #windowMs: number
  #startedAt = 0
  #flushedAt = Number.NEGATIVE_INFINITY
  /** Cost of flushing since `#since`. */
  #cost = 0
  #since = 0
  #closed = false
  #timer: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined

  constructor({ logger, minWindowMs = 2, maxWindowMs = 64 }: FlushClockOptions) {
    this.#logger = logger
    this.#minMs = minWindowMs
    this.#maxMs = maxWindowMs
    this.#windowMs = minWindowMs
  }

  /** Milliseconds that an item waits at present. */
  get windowMs(): number {
    return this.#windowMs
  }

  /**
   * Flushes an item once, one window from now. Each call causes one flush; the item itself knows whether it is
   * waiting.
   */
  add(item: Flushable): void {
    if (this.#closed) return
    const now = performance.now()
    const isAfterPause = now - this.#flushedAt >= this.#windowMs
    this.#items.push(item)
    this.#dues.push(isAfterPause ? now : now + this.#windowMs)
    if (this.#timer === undefined && this.#immediate === undefined) this.#arm(now)
  }

  /** Flushes nothing from now on. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    clearImmediate(this.#immediate)
    this.#timer = undefined
    this.#immediate = undefined
    this.#items = []
    this.#dues = []
    this.#head = 0
  }

  #arm(now: number): void {
    const due = this.#dues[this.#head]
    if (due === undefined) return
    if (due > now) this.#timer = setTimeout(this.#tick, due - now)
    else this.#immediate = setImmediate(this.#tick)
  }

  readonly #tick = (): void => {
    const startedAt = performance.now()
    let now = startedAt
    let isMoreDue = true
    // Items added during the tick do not count as coming after a pause.
    this.#flushedAt = Number.POSITIVE_INFINITY
    while (isMoreDue && now - startedAt < SLICE_MS) {
      // Reading the time costs almost as much as flushing an item, so it is read once per 32 items.
      isMoreDue = this.#flushSome(32, now)
      now = performance.now()
    }
    this.#timer = undefined
    this.#immediate = undefined
    this.#flushedAt = now
    this.#cut()
    this.#arm(now)
    // Ports write after this task, which is most of the cost of flushing.
    this.#startedAt = startedAt
    queueMicrotask(this.#account)
  }

  readonly #account = (): void => {
    const now = performance.now()
    this.#flushedAt = now
    this.#adapt(now - this.#startedAt, now)
  }

  /** Returns whether more items may be due. */
  #flushSome(count: number, now: number): boolean {
    const end = Math.min(this.#head + count, this.#items.length)
    while (this.#head < end && (this.#dues[this.#head] as number) <= now) {
      this.#flush(this.#items[this.#head++] as Flushable)
    }
    return this.#head === end && end < this.#items.length
  }

  #cut(): void {
    if (this.#head < CUT && this.#head < this.#items.length) return
    this.#items = this.#items.slice(this.#head)
    this.#dues = this.#dues.slice(this.#head)
    this.#head = 0
  }

  /** Adjusts the window, once per window, to the cost of flushing in it. */
  #adapt(cost: number, now: number): void {
    this.#cost += cost
    const elapsed = now - this.#since
    const counted = Math.max(this.#windowMs, SHORTEST_COUNT_MS)
    if (elapsed < counted) return
    const costOfWindow = (this.#cost * counted) / elapsed
    this.#cost = 0
    this.#since = now
    // The window grows at once and shrinks step by step: a single cheap window proves little.
    const wanted = Math.max(costOfWindow * WINDOW_PER_COST, this.#windowMs * 0.8)
    const longest = Math.max(this.#maxMs * COMFORTABLE, Math.min(this.#maxMs, costOfWindow / PRESSED))
    this.#windowMs = Math.max(this.#minMs, Math.min(wanted, longest))
  }

  #flush(item: Flushable): void {
    try {
      item.flush()
    } catch (error) {
      this.#logger.error({ err: error }, 'flushing a stream failed')
    }
  }
}
