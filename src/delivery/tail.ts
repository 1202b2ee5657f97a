/**
 * The end of one stream, watched once for all its readers in this process. It exists while there are readers. At each
 * tick of the flush clock its recent records are sent to the readers that wait at the tail; other readers are not
 * visited.
 */
import type { Logger } from '../logging/logger.ts'
import type { Json } from '../protocol/json.ts'
import { isAt } from '../protocol/offset.ts'
import { StoreError } from '../streams/errors.ts'
import { StreamInbox } from '../streams/watching.ts'
import type { StreamStore } from '../streams/store.ts'
import type { StreamEvent, WatchResult } from '../streams/watching.ts'
import type { Batch } from './batch.ts'
import type { FlushClock, Flushable } from './flush-clock.ts'
import type { LargeFrames } from './large-frames.ts'
import type { LogPages } from './log-pages.ts'
import { Reader } from './reader.ts'
import type { FollowEnd, ReaderOptions, ReaderTail } from './reader.ts'
import { RecentRecords } from './recent.ts'
import type { RecentLimits } from './recent.ts'
import type { Retries } from './retries.ts'
import { Span } from './batch.ts'

/** Shared by all tails of a delivery. */
export interface TailServices extends RecentLimits {
  readonly store: StreamStore
  readonly clock: FlushClock
  readonly pages: LogPages
  readonly large: LargeFrames
  readonly retries: Retries
  readonly logger: Logger
}

type Watching = Extract<WatchResult, { outcome: 'watching' }>

/** Failures that are temporary: see `StoreErrorCode`. */
const PASSING: ReadonlySet<string> = new Set(['full', 'locked', 'io', 'unavailable'])

/** It is its own inbox: with thousands of streams, each further object costs one more access to slow memory. */
export class Tail extends StreamInbox implements Flushable, ReaderTail {
  // The fields a flush reads come first: with thousands of streams, each memory access counts.
  #dirty = false
  #over = false
  #closed = false
  #recent: RecentRecords | undefined
  /** Readers at the tail, in no order: the next flush sends them what has come. */
  readonly #waiting: Reader[] = []
  /** All other readers. Usually there are none. */
  #lagging: Set<Reader> | undefined
  /** Why the stream is gone, until the next flush. */
  #gone: FollowEnd | undefined
  #incarnation = ''
  /** Whether an event came before `watch` resolved. */
  #isEarly = false
  readonly #services: TailServices
  readonly stream: string
  readonly pages: LogPages
  readonly large: LargeFrames
  readonly #onOver: (tail: Tail) => void
  /** Ends the watch. */
  #unwatch: (() => void) | undefined
  #closedWith: Json | undefined
  #warned = false

  /**
   * Watches at once. `onOver` is called when the last reader leaves or the stream ends; no reader may be added
   * afterwards.
   */
  constructor(stream: string, services: TailServices, onOver: (tail: Tail) => void) {
    super()
    this.stream = stream
    this.pages = services.pages
    this.large = services.large
    this.#services = services
    this.#onOver = onOver
    this.#watch()
  }

  get readers(): number {
    return this.#waiting.length + (this.#lagging?.size ?? 0)
  }

  get closed(): boolean {
    return this.#closed
  }

  get closedWith(): Json | undefined {
    return this.#closedWith
  }

  get incarnation(): string {
    return this.#incarnation
  }

  /** Defined for readers that have begun: they begin when it is. */
  get recent(): RecentRecords {
    return this.#recent as RecentRecords
  }

  /**
   * Whether the watched stream is gone. If so, it tells its readers after this call. Asked because another stream may
   * have the same id by now.
   */
  isGone(): boolean {
    if (this.#recent) this.#hear()
    if (!this.#gone) return false
    queueMicrotask(() => this.flush())
    return true
  }

  add(options: ReaderOptions): Reader {
    const reader = new Reader(this, options)
    this.#lag(reader)
    // Not before the caller has the reader.
    if (this.#recent) queueMicrotask(() => this.#join(reader))
    return reader
  }

  remove(reader: Reader): void {
    this.#leave(reader)
    this.#catchUp(reader)
    if (this.readers > 0) return this.#relax()
    this.#over = true
    this.#unwatch?.()
    this.#services.retries.delete(this.#watch)
    this.#recent?.clear()
    this.#onOver(this)
  }

  wait(reader: Reader): void {
    if (reader.place === undefined) reader.place = this.#waiting.push(reader) - 1
    this.#catchUp(reader)
    this.#relax()
  }

  flush(): void {
    this.#dirty = false
    this.#hear()
    const recent = this.#recent
    if (this.#lagging) recent?.seal()
    const batch = recent?.take()
    // Backwards: a reader that leaves is replaced by one that was served already.
    for (let place = this.#waiting.length - 1; place >= 0; place--) {
      const reader = this.#waiting[place]
      if (!reader || this.#serve(reader, batch)) continue
      // A reader that ended has left already.
      if (this.#leave(reader)) this.#lag(reader)
    }
    if (this.#lagging) {
      if (batch) recent?.keep(batch)
      recent?.settle()
    }
    this.#relax()
    if (this.#gone) this.endAll(this.#gone)
  }

  endAll(end: FollowEnd): void {
    // A reader that follows the stream again when told of the end gets a new tail.
    this.#onOver(this)
    // A copy, because a reader that ends gives its place to another.
    for (const reader of this.#waiting.slice()) reader.end(end)
    for (const reader of this.#lagging ?? []) reader.end(end)
  }

  retry(reader: Reader, error: unknown, attempt: () => void): void {
    if (error !== undefined && !this.#passes(error)) reader.end({ type: 'failed', error })
    else this.#services.retries.add(attempt)
  }

  readonly #watch = (): void => {
    this.#services.store.watch(this.stream, this).then(
      (result) => {
        if (result.outcome === 'missing') return this.endAll({ type: 'missing' })
        if (this.#over) return result.stop()
        this.#unwatch = result.stop
        this.#warned = false
        this.#begin(result)
      },
      (error: unknown) => {
        if (this.#over) return
        if (this.#passes(error)) this.#services.retries.add(this.#watch)
        else this.endAll({ type: 'failed', error })
      },
    )
  }

  /** Whether an error is temporary. Logged once per outage. */
  #passes(error: unknown): boolean {
    const passes = error instanceof StoreError && PASSING.has(error.code)
    if (!passes || !this.#warned) {
      this.#services.logger[passes ? 'warn' : 'error'](
        { err: error, stream: this.stream },
        passes ? 'stream cannot be read; trying again' : 'stream cannot be read',
      )
    }
    this.#warned = passes
    return passes
  }

  /** Records were trimmed before they were told. The log decides what this means for each reader. */
  #watchAnew(): void {
    this.#unwatch = undefined
    this.#watch()
  }

  #begin({ incarnation, tail, closed, end }: Watching): void {
    if (this.#recent && incarnation !== this.#incarnation) {
      this.endAll({ type: 'gone', reason: 'deleted' })
      return
    }
    this.#incarnation = incarnation
    if (this.#recent) {
      const { tail: was } = this.#recent
      const isFurther = tail.position > was.position
      if (!isFurther && !isAt(tail, was)) return this.endAll({ type: 'gone', reason: 'lost' })
      this.#recent.restart(tail)
      this.#isEarly = true
    } else this.#recent = new RecentRecords(this.stream, this.#services, tail)
    this.#closed = closed
    this.#closedWith = end
    // Readers added so far have not begun, and count as lagging.
    for (const reader of this.#lagging ?? []) reader.begin()
    // The first event may have come before `watch` resolved.
    if (this.#isEarly) this.news()
    this.#isEarly = false
  }

  #join(reader: Reader): void {
    this.#hear()
    reader.begin()
  }

  protected override news(): void {
    if (this.#dirty) return
    this.#dirty = true
    this.#services.clock.add(this)
  }

  /** Takes what has come. The next flush sends it. */
  #hear(): void {
    if (!this.#recent) {
      this.#isEarly = true
      return
    }
    for (let event = this.take(); event && !this.#over && !this.#gone; event = this.take()) {
      if (event.type === 'gone') {
        const { reason } = event
        if (reason === 'trimmed') return this.#watchAnew()
        this.#gone = { type: 'gone', reason }
      } else this.#append(event)
    }
  }

  #append(event: Extract<StreamEvent, { type: 'append' }>): void {
    const { from, next, closed, end } = event
    const { recent } = this
    const { tail } = recent
    if (from.position !== tail.position) {
      const fields = { stream: this.stream, told: tail.position, from: from.position }
      this.#services.logger.error(fields, 'events of the store out of order; reading the log instead')
      recent.restart(from)
    } else if (from.stamp !== tail.stamp) {
      this.#gone = { type: 'gone', reason: 'lost' }
      return
    }
    const length = next.position - from.position
    if (closed) recent.close(end)
    if (length > 0) recent.add(Span.of(event, length), next)
    this.#closed = closed
    this.#closedWith = end
  }

  /** Returns whether the reader still waits at the tail. An error of one encoder does not affect other readers. */
  #serve(reader: Reader, batch: Batch | undefined): boolean {
    try {
      return batch ? reader.send(batch) : reader.advance()
    } catch (error) {
      this.#services.logger.error({ err: error, stream: this.stream }, 'frame could not be encoded')
      reader.end({ type: 'failed', error })
      return false
    }
  }

  /** Returns whether it was waiting. The last waiting reader takes its index. */
  #leave(reader: Reader): boolean {
    const { place } = reader
    if (place === undefined) return false
    reader.place = undefined
    const last = this.#waiting.pop()
    if (last && last !== reader) {
      this.#waiting[place] = last
      last.place = place
    }
    return true
  }

  #lag(reader: Reader): void {
    this.#lagging ??= new Set()
    this.#lagging.add(reader)
  }

  #catchUp(reader: Reader): void {
    if (this.#lagging?.delete(reader) && this.#lagging.size === 0) this.#lagging = undefined
  }

  /** Recent records are kept only for lagging readers, and for waiting ones until the next flush. */
  #relax(): void {
    if (!this.#lagging && !this.#dirty) this.#recent?.clear()
  }
}
