/**
 * The end of one stream, watched once for all its readers in this process. It exists while somebody
 * reads. Its recent records are sent at the ticks of the flush clock to the readers that wait at the
 * tail; nobody else is visited.
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

/** What all tails of a delivery share. */
export interface TailServices extends RecentLimits {
  readonly store: StreamStore
  readonly clock: FlushClock
  readonly pages: LogPages
  readonly large: LargeFrames
  readonly retries: Retries
  readonly logger: Logger
}

type Watching = Extract<WatchResult, { outcome: 'watching' }>

/** Failures that pass by themselves: see `StoreErrorCode`. */
const PASSING: ReadonlySet<string> = new Set(['full', 'locked', 'io', 'unavailable'])

/** It is its own inbox: with thousands of streams each object more is one more to wait for. */
export class Tail extends StreamInbox implements Flushable, ReaderTail {
  // What a flush looks at comes first: with thousands of streams, each place in memory counts.
  #dirty = false
  #over = false
  #closed = false
  #recent: RecentRecords | undefined
  /** At the tail, in no order: they are sent what comes at the next flush. */
  readonly #waiting: Reader[] = []
  /** All others. Nearly always there are none. */
  #lagging: Set<Reader> | undefined
  /** What took the stream away, until the next flush. */
  #gone: FollowEnd | undefined
  #incarnation = ''
  /** Whether something came before it was known what is watched. */
  #isEarly = false
  readonly #services: TailServices
  readonly stream: string
  readonly pages: LogPages
  readonly large: LargeFrames
  readonly #onOver: (tail: Tail) => void
  /** Ends the watch of the store. */
  #unwatch: (() => void) | undefined
  #closedWith: Json | undefined
  #warned = false

  /** Watches at once. `onOver` is called when its last reader goes or its stream ends: no reader may be added then. */
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

  /** For readers that have begun: they begin when it is known. */
  get recent(): RecentRecords {
    return this.#recent as RecentRecords
  }

  /**
   * Whether the stream that it watches went away. It then tells its readers after the caller, who asks
   * because another stream of the same id may be there.
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
    // Not before the caller has its reader in hand.
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
    // Backwards: whoever leaves meanwhile is replaced by one that had its turn.
    for (let place = this.#waiting.length - 1; place >= 0; place--) {
      const reader = this.#waiting[place]
      if (!reader || this.#serve(reader, batch)) continue
      // One that ended is gone already.
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
    // Whoever follows the stream anew when told of its end gets another tail.
    this.#onOver(this)
    // A copy: whoever ends leaves its place to another.
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

  /** Whether an error passes by itself. Logged once for each outage. */
  #passes(error: unknown): boolean {
    const passes = error instanceof StoreError && PASSING.has(error.code)
    if (!passes || !this.#warned) {
      this.#services.logger[passes ? 'warn' : 'error'](
        { err: error, stream: this.stream },
        passes ? 'a stream cannot be read; trying again' : 'a stream cannot be read',
      )
    }
    this.#warned = passes
    return passes
  }

  /** What came was trimmed before it was told. Where each of its readers is left by that, the log says. */
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
    // Whoever is there has not begun, and lags as yet.
    for (const reader of this.#lagging ?? []) reader.begin()
    // The first event may have come before the answer of the watch that caused it.
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

  /** Takes what came. What there is to send is sent at the next flush. */
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
      this.#services.logger.error(fields, 'a store told of records out of order; reading its log instead')
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

  /** Whether the reader goes on waiting. What one encoder throws is no matter of the others. */
  #serve(reader: Reader, batch: Batch | undefined): boolean {
    try {
      return batch ? reader.send(batch) : reader.advance()
    } catch (error) {
      this.#services.logger.error({ err: error, stream: this.stream }, 'a frame could not be made')
      reader.end({ type: 'failed', error })
      return false
    }
  }

  /** Whether it was waiting. The last one takes its place. */
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

  /** Once everybody has what is recent, nobody needs it. What a flush is still to send, those who wait do. */
  #relax(): void {
    if (!this.#lagging && !this.#dirty) this.#recent?.clear()
  }
}
