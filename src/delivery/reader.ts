/**
 * A reader: a cursor in one stream, and the outlet its frames go to. It holds no records. Its place decides what it
 * does. Among the recent records, it is sent what it has not seen as soon as its outlet has room. Before them, it
 * reads the log. At the tail, it waits for the next flush.
 */
import type { Json } from '../protocol/json.ts'
import { START, isAt } from '../protocol/offset.ts'
import type { Offset, Place } from '../protocol/offset.ts'
import type { Batch, Encoder } from './batch.ts'
import { LARGE } from './large-frames.ts'
import type { LargeFrames } from './large-frames.ts'
import type { LogPage, LogPages } from './log-pages.ts'
import type { Outlet, Resumable } from './outlet.ts'
import type { RecentRecords } from './recent.ts'

/** How following a stream ended. */
export type FollowEnd =
  /** Every record of a closed stream was sent. `end` is what it was closed with, if anything. */
  | { readonly type: 'end'; readonly at: Offset; readonly end: Json | undefined }
  /** The stream did not exist when following began, or was another one of the same id. */
  | { readonly type: 'missing' }
  /** The stream is gone. `lost`: its store has lost records. */
  | { readonly type: 'gone'; readonly reason: 'deleted' | 'expired' | 'lost' }
  /** The offset belongs to another history, or lies past the tail. */
  | { readonly type: 'refused'; readonly reason: 'lost' | 'past-end' }
  /** The reader's place is before `first`, the first record that is kept. This can happen at the beginning or later. */
  | { readonly type: 'refused'; readonly reason: 'trimmed'; readonly first: Offset }
  /** The store failed for good. Temporary failures are retried. */
  | { readonly type: 'failed'; readonly error: unknown }
  /** This process stops delivering. Another process, or this one after a restart, continues from the offset. */
  | { readonly type: 'closing' }

/** What a follower is told beside its frames. The methods must not throw. */
export interface FollowObserver {
  /** Called before the first frame: where the records begin, and whether that is the tail. */
  opened(at: Offset, atTail: boolean): void
  /** The last call, after the last frame. Not called after `stop`. */
  over(end: FollowEnd): void
}

/** What a reader needs of its tail. */
export interface ReaderTail {
  readonly stream: string
  readonly pages: LogPages
  readonly large: LargeFrames
  readonly incarnation: string
  readonly closed: boolean
  readonly recent: RecentRecords
  /** What a closed stream was closed with. */
  readonly closedWith: Json | undefined
  /** The reader is at the tail and waits for the next flush. */
  wait(reader: Reader): void
  /** Calls `attempt` later, or ends the reader when the error will not pass. */
  retry(reader: Reader, error: unknown, attempt: () => void): void
  remove(reader: Reader): void
}

export interface ReaderOptions<Frame = unknown> {
  readonly place: Place
  /** Where its frames go; shared with other readers of the same connection. */
  readonly outlet: Outlet<Frame>
  /** Makes the frames. */
  readonly encoder: Encoder<Frame>
  readonly observer: FollowObserver
  /** The expected incarnation of the stream. A stream created anew since it was looked up is `missing`. */
  readonly incarnation?: string
  /** The place before the first record kept at that time. Records trimmed before it are not shown. */
  readonly first?: Offset
}

export class Reader implements Resumable {
  /** Its index among the tail's waiting readers. */
  place: number | undefined
  readonly #tail: ReaderTail
  readonly #outlet: Outlet<unknown>
  readonly #encoder: Encoder<unknown>
  /** Its place; verified once it is opened. */
  #at: Offset = START
  /** Whether it waits for room for a large frame, or has room reserved. */
  #inLine = false
  #state: 'joining' | 'following' | 'over' = 'joining'
  /** Whether it last read the log, whose history may no longer be the one its tail follows. */
  #isApart = false
  /** The place of the tail up to which it reads the log to verify that. */
  #joint: Offset | undefined
  readonly #options: ReaderOptions

  constructor(tail: ReaderTail, options: ReaderOptions) {
    this.#tail = tail
    this.#outlet = options.outlet
    this.#encoder = options.encoder
    this.#options = options
  }

  /** Called once the tail is known: finds the place and continues from there. */
  begin(): void {
    if (this.#state !== 'joining') return
    const { place, incarnation } = this.#options
    const { recent } = this.#tail
    if (incarnation !== undefined && incarnation !== this.#tail.incarnation)
      return this.end({ type: 'missing' })
    const { tail } = recent
    // Only the log knows about other places, and about what another process appended just now.
    if (place !== 'now' && !isAt(place, tail)) return this.#readLog(place)
    this.#open(tail, true)
    this.resume()
  }

  #open(at: Offset, atTail: boolean): void {
    this.#at = at
    this.#state = 'following'
    this.#options.observer.opened(at, atTail)
  }

  /** Sends what is available, then waits at the tail, for room, or for the log. */
  resume(): void {
    if (this.#state === 'joining') this.begin()
    else if (this.advance()) this.#tail.wait(this)
  }

  /** Sends the batch of a flush if the reader is inside it; otherwise the same as `advance`. */
  send(batch: Batch): boolean {
    const outlet = this.#outlet
    const { position } = this.#at
    const isInside = batch.from.position <= position && position < batch.next.position
    if (!isInside || this.#state !== 'following' || !outlet.writable) return this.advance()
    if (this.#isApart && !this.#joins()) return false
    // A reader that joined, or read the log, after the first of these records has seen a part.
    const unseen = position === batch.from.position ? batch : batch.after(position)
    return this.#write(unseen) && this.#hasMore()
  }

  /** Sends recent records. Returns true when the reader is at the tail and more may come. */
  advance(): boolean {
    if (this.#state !== 'following') return false
    const outlet = this.#outlet
    const { recent } = this.#tail
    // The receiver of a frame may stop the reader.
    while (this.#state === 'following' && this.#at.position < recent.sealed) {
      if (!outlet.writable) {
        this.#leaveLine()
        outlet.block(this)
        return false
      }
      if (this.#isApart && !this.#joins()) return false
      const batch = recent.from(this.#at.position)
      if (!batch) {
        this.#readLog(this.#at)
        return false
      }
      if (!this.#write(batch)) return false
    }
    return this.#hasMore()
  }

  /** At the tail: returns whether more may come. */
  #hasMore(): boolean {
    if (this.#state !== 'following') return false
    const { closed, recent, closedWith } = this.#tail
    const ahead = this.#at.position - recent.tail.position
    if (ahead < 0) return true
    // A reader that has read past what the tail has heard of verifies this once the tail has caught up.
    if (this.#isApart && (closed || ahead === 0) && !this.#joins()) return false
    if (!closed) return true
    this.end({ type: 'end', at: this.#at, end: closedWith })
    return false
  }

  /**
   * Returns whether the tail's records follow those it read in the log: between the two, the stream may have been
   * replaced. The tail knows its history at some places only, so inside a batch this reads the log up to the next
   * one.
   */
  #joins(): boolean {
    const { recent } = this.#tail
    const joint = (this.#joint ??= recent.tail)
    const at = this.#at
    // One append wrote the records before both places, or they are the same place.
    if (at.stamp === joint.stamp || isAt(at, joint)) {
      this.#isApart = false
      this.#joint = undefined
      return true
    }
    if (at.position < joint.position) this.#readLog(at, joint.position)
    else this.end({ type: 'gone', reason: 'lost' })
    return false
  }

  /** Ends the reader and tells its observer. */
  end(end: FollowEnd): void {
    if (this.stop()) this.#options.observer.over(end)
  }

  /** Ends the reader without telling its observer. False when it had ended already. */
  stop(): boolean {
    if (this.#state === 'over') return false
    this.#state = 'over'
    this.#leaveLine()
    this.#outlet.detach(this)
    this.#tail.remove(this)
    return true
  }

  /** @param upTo position at which to stop. */
  #readLog(place: Place, upTo?: number): void {
    const outlet = this.#outlet
    if (!outlet.mayRead) {
      this.#leaveLine()
      return outlet.block(this)
    }
    outlet.beginRead()
    const { pages, stream, incarnation } = this.#tail
    pages
      .read(stream, place, { incarnation, first: this.#options.first?.position ?? 0 }, upTo)
      .then(
        (page) => this.#take(page),
        (error: unknown) => this.#retry(error),
      )
      .finally(() => outlet.endRead())
      // Only an encoder can throw here.
      .catch((error: unknown) => this.end({ type: 'failed', error }))
  }

  #take(page: LogPage): void {
    if (this.#state === 'joining') return this.#join(page)
    if (this.#state !== 'following') return
    switch (page.outcome) {
      case 'page': {
        // Written even if the outlet filled up meanwhile: a dropped page would be read again.
        if (!this.#write(page.batch)) return
        this.#isApart = true
        return this.resume()
      }
      case 'empty':
        return this.#retry(undefined)
      case 'missing':
        return this.end({ type: 'gone', reason: 'deleted' })
      // The records it was to read next were trimmed.
      case 'trimmed':
        return this.end({ type: 'refused', reason: 'trimmed', first: page.first })
      case 'past-end':
      case 'lost':
        return this.end({ type: 'gone', reason: 'lost' })
    }
  }

  /** Handles what the log says about the requested place. */
  #join(page: LogPage): void {
    switch (page.outcome) {
      case 'page':
        this.#open(page.batch.from, false)
        return this.#take(page)
      case 'empty':
        this.#open(page.at, true)
        this.#isApart = true
        return this.resume()
      case 'missing':
        return this.end({ type: 'missing' })
      case 'trimmed':
        return this.end({ type: 'refused', reason: 'trimmed', first: page.first })
      case 'lost':
      case 'past-end':
        return this.end({ type: 'refused', reason: page.outcome })
    }
  }

  /** Called without an error when the log lags behind the events of the store. */
  #retry(error: unknown): void {
    if (this.#state === 'following' || this.#state === 'joining')
      this.#tail.retry(this, error, () => this.resume())
  }

  /** Writes a batch. Returns false for a large one, which waits until there is room. */
  #write(batch: Batch): boolean {
    const { large } = this.#tail
    const isLarge = batch.size > LARGE
    // A frame that is not shared counts by itself.
    const held = isLarge && this.#encoder.own === 'frame' ? { size: batch.size } : batch
    if (isLarge && !large.admits(held, this)) {
      this.#inLine = true
      return false
    }
    if (!isLarge) this.#leaveLine()
    this.#inLine = false
    const outlet = this.#outlet
    this.#at = batch.next
    outlet.write(batch.frame(this.#encoder))
    if (isLarge) large.written(held, outlet.writable ? undefined : outlet)
    return true
  }

  #leaveLine(): void {
    if (!this.#inLine) return
    this.#inLine = false
    this.#tail.large.leave(this)
  }
}
