/**
 * The one clock of a delivery: what is to be sent waits for it, so that records that come close
 * together leave in one frame.
 *
 * After a pause, what comes is sent at the end of the same turn of the event loop. From then on each
 * item waits for as long as the window is, from when it was added: no record waits longer, and the
 * work is spread over the window. The window follows what flushing costs, so that it takes a bounded
 * share of the loop: the busier it is, the longer the window, the more records in a frame, the cheaper
 * each. The system call is most of what a frame costs.
 */
import type { Logger } from '../logging/logger.ts'

export interface Flushable {
  flush(): void
}

export interface FlushClockOptions {
  readonly logger: Logger
  /** Milliseconds that an item waits while the loop is nearly idle. Default 2. */
  readonly minWindowMs?: number
  /** And at the busiest, as long as the loop keeps up. Default 64. */
  readonly maxWindowMs?: number
}

/** The window is so many times what flushing everything once costs: a twelfth of the loop. */
const WINDOW_PER_COST = 12

/** Up to this part of the longest window. Beyond, it grows only while flushing takes more than `PRESSED`. */
const COMFORTABLE = 0.75
const PRESSED = 0.4

/**
 * Milliseconds of flushing after which everything else gets its turn. Ports write when it is through,
 * which takes three times as long: whoever is flushed first waits for that.
 */
const SLICE_MS = 0.25

/** Milliseconds over which the cost is counted at least: a window of none could never grow. */
const SHORTEST_COUNT_MS = 1

/** Items that were flushed, at which the queue is cut. */
const CUT = 4096

export class FlushClock {
  readonly #logger: Logger
  readonly #minMs: number
  readonly #maxMs: number
  #items: Flushable[] = []
  /** When each of them is due. */
  #dues: number[] = []
  #head = 0
  #windowMs: number
  #startedAt = 0
  #flushedAt = Number.NEGATIVE_INFINITY
  /** What flushing cost since when. */
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

  /** Milliseconds that an item waits as things stand. */
  get windowMs(): number {
    return this.#windowMs
  }

  /** Flushes an item once, a window from now. Each add is one flush: the item knows whether it waits. */
  add(item: Flushable): void {
    if (this.#closed) return
    const now = performance.now()
    const isAfterPause = now - this.#flushedAt >= this.#windowMs
    this.#items.push(item)
    this.#dues.push(isAfterPause ? now : now + this.#windowMs)
    if (this.#timer === undefined && this.#immediate === undefined) this.#arm(now)
  }

  /** Flushes nothing more. */
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
    // What is added meanwhile comes after no pause.
    this.#flushedAt = Number.POSITIVE_INFINITY
    while (isMoreDue && now - startedAt < SLICE_MS) {
      // The time is looked up for every few items: it costs a good part of what an item does.
      isMoreDue = this.#flushSome(32, now)
      now = performance.now()
    }
    this.#timer = undefined
    this.#immediate = undefined
    this.#flushedAt = now
    this.#cut()
    this.#arm(now)
    // Ports write when this task is through, which is the most of what flushing costs.
    this.#startedAt = startedAt
    queueMicrotask(this.#account)
  }

  readonly #account = (): void => {
    const now = performance.now()
    this.#flushedAt = now
    this.#adapt(now - this.#startedAt, now)
  }

  /** Whether more may be due. */
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

  /** Once in a window, by what flushing cost in it. */
  #adapt(cost: number, now: number): void {
    this.#cost += cost
    const elapsed = now - this.#since
    const counted = Math.max(this.#windowMs, SHORTEST_COUNT_MS)
    if (elapsed < counted) return
    const costOfWindow = (this.#cost * counted) / elapsed
    this.#cost = 0
    this.#since = now
    // Up at once, down step by step: a single cheap window says little.
    const wanted = Math.max(costOfWindow * WINDOW_PER_COST, this.#windowMs * 0.8)
    const longest = Math.max(this.#maxMs * COMFORTABLE, Math.min(this.#maxMs, costOfWindow / PRESSED))
    this.#windowMs = Math.max(this.#minMs, Math.min(wanted, longest))
  }

  #flush(item: Flushable): void {
    try {
      item.flush()
    } catch (error) {
      this.#logger.error({ err: error }, 'delivering a stream failed')
    }
  }
}
