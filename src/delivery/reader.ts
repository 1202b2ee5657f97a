/**
 * A reader: a cursor in one stream and the outlet its frames go to. It holds no records. Where it
 * stands decides what it does: among the recent records it is sent what it has not seen, at once
 * when its outlet has room; further back it reads the log; at the tail it waits for the next flush.
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
  /** Every record of a closed stream was sent. `end` is what it is closed with, if with anything. */
  | { readonly type: 'end'; readonly at: Offset; readonly end: Json | undefined }
  /** The stream was not there when following it began, or was another one of the same id. */
  | { readonly type: 'missing' }
  /** The stream went away. `lost`: its store has lost records. */
  | { readonly type: 'gone'; readonly reason: 'deleted' | 'expired' | 'lost' }
  /** The offset is of another history, or lies past the tail. */
  | { readonly type: 'refused'; readonly reason: 'lost' | 'past-end' }
  /** The place, at the beginning or where it had come to, is before the `first` record that is kept. */
  | { readonly type: 'refused'; readonly reason: 'trimmed'; readonly first: Offset }
  /** The store failed for good. What fails for a time is tried again. */
  | { readonly type: 'failed'; readonly error: unknown }
  /** This process stops delivering; another one, or this one restarted, goes on from the offset. */
  | { readonly type: 'closing' }

/** What a follower is told beside its frames. Neither may throw. */
export interface FollowObserver {
  /** Where the records begin, and whether that is the tail; before the first frame. */
  opened(at: Offset, atTail: boolean): void
  /** The last thing it hears, behind the last frame; never after it stopped by itself. */
  over(end: FollowEnd): void
}

/** What a reader needs of the tail it reads. */
export interface ReaderTail {
  readonly stream: string
  readonly pages: LogPages
  readonly large: LargeFrames
  readonly incarnation: string
  readonly closed: boolean
  readonly recent: RecentRecords
  /** What a closed stream is closed with. */
  readonly closedWith: Json | undefined
  /** The reader is at the tail and waits for the next flush. */
  wait(reader: Reader): void
  /** Calls `attempt` later, or ends the reader when the error will not pass. */
  retry(reader: Reader, error: unknown, attempt: () => void): void
  remove(reader: Reader): void
}

export interface ReaderOptions<Frame = unknown> {
  readonly place: Place
  /** Where its frames go, beside those of other readers of the same connection. */
  readonly outlet: Outlet<Frame>
  /** What makes them. */
  readonly encoder: Encoder<Frame>
  readonly observer: FollowObserver
  /** What the stream's incarnation has to be. One that was created anew since it was looked up is missing. */
  readonly incarnation?: string
  /** The place before the first record that was kept of it then: what was trimmed by then is not shown. */
  readonly first?: Offset
}

export class Reader implements Resumable {
  /** Where its tail has it among those that wait. */
  place: number | undefined
  readonly #tail: ReaderTail
  readonly #outlet: Outlet<unknown>
  readonly #encoder: Encoder<unknown>
  /** Where it stands; proven once it is opened. */
  #at: Offset = START
  /** Among those who wait for room for a large frame, or whose turn it is. */
  #inLine = false
  #state: 'joining' | 'following' | 'over' = 'joining'
  /** It comes from the log, which need not be the history any more that its tail tells of. */
  #isApart = false
  /** The place of the tail up to which it reads the log to find out. */
  #joint: Offset | undefined
  readonly #options: ReaderOptions

  constructor(tail: ReaderTail, options: ReaderOptions) {
    this.#tail = tail
    this.#outlet = options.outlet
    this.#encoder = options.encoder
    this.#options = options
  }

  /** The tail is known: finds the place and goes on from there. */
  begin(): void {
    if (this.#state !== 'joining') return
    const { place, incarnation } = this.#options
    const { recent } = this.#tail
    if (incarnation !== undefined && incarnation !== this.#tail.incarnation)
      return this.end({ type: 'missing' })
    const { tail } = recent
    // What lies before any other place the log knows, and what another process appended just now.
    if (place !== 'now' && !isAt(place, tail)) return this.#readLog(place)
    this.#open(tail, true)
    this.resume()
  }

  #open(at: Offset, atTail: boolean): void {
    this.#at = at
    this.#state = 'following'
    this.#options.observer.opened(at, atTail)
  }

  /** Sends what there is, then waits at the tail, for room, or for the log. */
  resume(): void {
    if (this.#state === 'joining') this.begin()
    else if (this.advance()) this.#tail.wait(this)
  }

  /** Sends the batch that everybody waited for, and otherwise does as `advance`. */
  send(batch: Batch): boolean {
    const outlet = this.#outlet
    const { position } = this.#at
    const isInside = batch.from.position <= position && position < batch.next.position
    if (!isInside || this.#state !== 'following' || !outlet.writable) return this.advance()
    if (this.#isApart && !this.#joins()) return false
    // It has seen a part when it came, or read the log, after the first of these records.
    const unseen = position === batch.from.position ? batch : batch.after(position)
    return this.#write(unseen) && this.#hasMore()
  }

  /** Sends what is recent; true when that was all and more may come. */
  advance(): boolean {
    if (this.#state !== 'following') return false
    const outlet = this.#outlet
    const { recent } = this.#tail
    // Whoever is given a frame may stop the reader.
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

  /** At the tail: whether anything may come. */
  #hasMore(): boolean {
    if (this.#state !== 'following') return false
    const { closed, recent, closedWith } = this.#tail
    const ahead = this.#at.position - recent.tail.position
    if (ahead < 0) return true
    // One that has read further than it was told of finds out when it is.
    if (this.#isApart && (closed || ahead === 0) && !this.#joins()) return false
    if (!closed) return true
    this.end({ type: 'end', at: this.#at, end: closedWith })
    return false
  }

  /**
   * Whether the records that its tail keeps follow those that it read in the log: between the two the stream may have
   * become another one. The tail knows its history at some places only; inside a batch this reads on in the log, up to one.
   */
  #joins(): boolean {
    const { recent } = this.#tail
    const joint = (this.#joint ??= recent.tail)
    const at = this.#at
    // One append wrote the records before both places; or it is the same place.
    if (at.stamp === joint.stamp || isAt(at, joint)) {
      this.#isApart = false
      this.#joint = undefined
      return true
    }
    if (at.position < joint.position) this.#readLog(at, joint.position)
    else this.end({ type: 'gone', reason: 'lost' })
    return false
  }

  /** Ends it and tells its observer. */
  end(end: FollowEnd): void {
    if (this.stop()) this.#options.observer.over(end)
  }

  /** Ends it without a word; false when it was over already. */
  stop(): boolean {
    if (this.#state === 'over') return false
    this.#state = 'over'
    this.#leaveLine()
    this.#outlet.detach(this)
    this.#tail.remove(this)
    return true
  }

  /** @param upTo where to stop. */
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
      // Nothing above throws, unless an encoder does.
      .catch((error: unknown) => this.end({ type: 'failed', error }))
  }

  #take(page: LogPage): void {
    if (this.#state === 'joining') return this.#join(page)
    if (this.#state !== 'following') return
    switch (page.outcome) {
      case 'page': {
        // Also when the outlet filled up meanwhile: a page that is dropped is read once more.
        if (!this.#write(page.batch)) return
        this.#isApart = true
        return this.resume()
      }
      case 'empty':
        return this.#retry(undefined)
      case 'missing':
        return this.end({ type: 'gone', reason: 'deleted' })
      // What it is yet to read was trimmed under it.
      case 'trimmed':
        return this.end({ type: 'refused', reason: 'trimmed', first: page.first })
      case 'past-end':
      case 'lost':
        return this.end({ type: 'gone', reason: 'lost' })
    }
  }

  /** What the log says of the place that was asked for. */
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

  /** Without an error, the store is behind what it told. */
  #retry(error: unknown): void {
    if (this.#state === 'following' || this.#state === 'joining')
      this.#tail.retry(this, error, () => this.resume())
  }

  /** Writes a batch; false for a large one that waits until there is room for it. */
  #write(batch: Batch): boolean {
    const { large } = this.#tail
    const isLarge = batch.size > LARGE
    // A frame of its own is nobody else's, and counts for itself.
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
