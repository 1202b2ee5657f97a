/**
 * The one clock of a delivery: what is to be sent waits for it, so that records that come close
 * together leave in one frame, and many sockets are written to in one go.
 *
 * After a pause, what comes is sent at the end of the same turn of the event loop. From then on the
 * clock ticks once per window. The window follows what a flush costs, so that flushing takes a
 * bounded share of the loop: the busier it is, the longer the window, the more records in a frame,
 * the cheaper each. The system call is most of what a frame costs.
 */
import type { Logger } from '../logging/logger.ts'

export interface Flushable {
  flush(): void
}

export interface FlushClockOptions {
  readonly logger: Logger
  /** Milliseconds between two flushes of an idle loop. Default 2. */
  readonly minWindowMs?: number
  /** From the begin of one flush to that of the next, at the busiest: about as late a record may come. Default 60. */
  readonly maxPeriodMs?: number
}

/**
 * The window is so many times what the flush before it took: flushing gets a ninth of the loop,
 * and more only where the longest period cuts the window.
 */
const WINDOW_PER_COST = 8

/** Milliseconds of flushing after which everything else gets its turn. */
const SLICE_MS = 4

export class FlushClock {
  readonly #logger: Logger
  readonly #minMs: number
  readonly #maxPeriodMs: number
  #waiting: Flushable[] = []
  #current: Flushable[] = []
  #index = 0
  #cost = 0
  #begunAt = 0
  #flushing = false
  #windowMs: number
  #endedAt = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined

  constructor({ logger, minWindowMs = 2, maxPeriodMs = 60 }: FlushClockOptions) {
    this.#logger = logger
    this.#minMs = minWindowMs
    this.#maxPeriodMs = maxPeriodMs
    this.#windowMs = minWindowMs
  }

  /** Milliseconds between flushes as things stand. */
  get windowMs(): number {
    return this.#windowMs
  }

  /** Flushes an item at the next tick. Each add is one flush: the item knows whether it waits. */
  add(item: Flushable): void {
    this.#waiting.push(item)
    if (!this.#flushing && this.#timer === undefined && this.#immediate === undefined) this.#arm()
  }

  /** Flushes nothing more. */
  close(): void {
    clearTimeout(this.#timer)
    clearImmediate(this.#immediate)
    this.#timer = undefined
    this.#immediate = undefined
    this.#waiting = []
  }

  #arm(): void {
    const wait = this.#endedAt + this.#windowMs - performance.now()
    if (wait > 0) this.#timer = setTimeout(this.#begin, wait)
    else this.#immediate = setImmediate(this.#begin)
  }

  readonly #begin = (): void => {
    this.#timer = undefined
    this.#immediate = undefined
    this.#flushing = true
    this.#current = this.#waiting
    this.#waiting = []
    this.#index = 0
    this.#cost = 0
    this.#begunAt = performance.now()
    this.#go()
  }

  readonly #go = (): void => {
    const startedAt = performance.now()
    let now = startedAt
    while (this.#index < this.#current.length && now - startedAt < SLICE_MS) {
      // The time is looked up for every few items: it costs a good part of what an item does.
      const end = Math.min(this.#index + 32, this.#current.length)
      while (this.#index < end) this.#flush(this.#current[this.#index++] as Flushable)
      now = performance.now()
    }
    this.#cost += now - startedAt
    this.#immediate = undefined
    if (this.#index < this.#current.length) this.#immediate = setImmediate(this.#go)
    else this.#end(now)
  }

  #end(now: number): void {
    this.#flushing = false
    this.#current = []
    this.#endedAt = now
    // Up at once, down step by step: a single cheap flush says little.
    const wanted = Math.max(this.#cost * WINDOW_PER_COST, this.#windowMs * 0.8)
    // What had its turn between the slices is no cost of flushing, but is part of the period.
    const longest = this.#maxPeriodMs - (now - this.#begunAt)
    this.#windowMs = Math.max(this.#minMs, Math.min(wanted, longest))
    if (this.#waiting.length > 0) this.#arm()
  }

  #flush(item: Flushable): void {
    try {
      item.flush()
    } catch (error) {
      this.#logger.error({ err: error }, 'delivering a stream failed')
    }
  }
}
