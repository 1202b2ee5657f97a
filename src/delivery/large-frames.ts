/**
 * Bounds the large frames that wait in connections: all readers together hold a fixed number of bytes. A reader whose
 * next frame is large queues until there is room; small frames do not queue. A frame held by many connections, or
 * records shared by their frames, count once.
 *
 * Invariants: a single frame is admitted whatever its size, and readers are served in order of arrival. While a
 * reader waits, a connection that has held a frame for too long is cut. Otherwise a few clients that read a byte now
 * and then could keep large records from all others.
 */
/** Size above which a frame counts. Smaller frames are bounded by the high-water mark of each connection. */
export const LARGE: number = 256 * 1024

/** What a frame holds: a batch shared with others, or memory of its own. */
export interface Sized {
  readonly size: number
}

/** A connection that holds a frame. */
export interface Holder {
  /** Calls `free` once, when the frame was sent or its connection is gone. */
  whenFree(free: () => void): void
  /** Ends the connection at once. */
  cut(): void
}

/** A reader in the queue. */
export interface Waiting {
  /** There is room for what it asked for. The room is reserved until it asks again or leaves. */
  resume(): void
}

interface Held {
  readonly holder: Holder
  readonly since: number
}

export class LargeFrames {
  readonly #total: number
  readonly #patienceMs: number
  #used = 0
  /** Number of connections that hold a frame of each batch. */
  readonly #shared = new WeakMap<Sized, number>()
  /** Ordered by how long they have been held, the longest first. */
  readonly #held = new Set<Held>()
  /** Bytes that each waiting reader asked for, in order of arrival. */
  readonly #line = new Map<Waiting, number>()
  /** Bytes reserved for readers whose turn it is. */
  readonly #turns = new Map<Waiting, number>()
  #timer: NodeJS.Timeout | undefined

  /** @param total in bytes. @param patienceMs how long a frame may be held while a reader waits. */
  constructor(total: number, patienceMs: number) {
    this.#total = total
    this.#patienceMs = patienceMs
  }

  /** Bytes that are held or reserved. */
  get used(): number {
    return this.#used
  }

  /** Number of readers that wait for room. */
  get waiting(): number {
    return this.#line.size
  }

  /** Whether a large frame may be made and written now. If not, its reader is queued. */
  admits(what: Sized, reader: Waiting): boolean {
    const hadTurn = this.#endTurn(reader)
    if (this.#shared.has(what)) return true
    if (this.#fits(what.size) && (hadTurn || this.#line.size === 0)) return true
    this.#line.set(reader, what.size)
    if (hadTurn) this.#serve()
    else this.#watch()
    return false
  }

  /** A reader no longer needs room, or not now. */
  leave(reader: Waiting): void {
    this.#line.delete(reader)
    this.#endTurn(reader)
    this.#serve()
  }

  /** An admitted frame was written. It waits in a connection, or was sent already. */
  written(what: Sized, holder: Holder | undefined): void {
    if (holder) this.#hold(what, holder)
    this.#serve()
  }

  #hold(what: Sized, holder: Holder): void {
    const { size } = what
    const holders = this.#shared.get(what) ?? 0
    this.#shared.set(what, holders + 1)
    if (holders === 0) this.#used += size
    this.#keep(holder, () => {
      const left = (this.#shared.get(what) ?? 0) - 1
      if (left > 0) return void this.#shared.set(what, left)
      this.#shared.delete(what)
      this.#used -= size
    })
  }

  /** Holds bytes that are not a frame, if there is room and no reader waits. */
  tryHold(bytes: number, holder: Holder): boolean {
    if (this.#line.size > 0 || !this.#fits(bytes)) return false
    this.#used += bytes
    this.#keep(holder, () => void (this.#used -= bytes))
    return true
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#line.clear()
    this.#turns.clear()
  }

  #keep(holder: Holder, release: () => void): void {
    const held = { holder, since: performance.now() }
    this.#held.add(held)
    holder.whenFree(() => {
      this.#held.delete(held)
      release()
      this.#serve()
    })
    this.#watch()
  }

  #fits(bytes: number): boolean {
    return this.#used === 0 || this.#used + bytes <= this.#total
  }

  #endTurn(reader: Waiting): boolean {
    const bytes = this.#turns.get(reader)
    if (bytes === undefined) return false
    this.#turns.delete(reader)
    this.#used -= bytes
    return true
  }

  /** Reserves room for waiting readers, as long as there is some. */
  #serve(): void {
    for (const [reader, bytes] of this.#line) {
      if (!this.#fits(bytes)) break
      this.#line.delete(reader)
      this.#turns.set(reader, bytes)
      this.#used += bytes
      // Not within the call that made the room.
      queueMicrotask(() => {
        if (this.#turns.has(reader)) reader.resume()
      })
    }
    this.#watch()
  }

  /** One timer, which runs only while a reader waits. */
  #watch(): void {
    const [oldest] = this.#held
    if (this.#line.size === 0 || !oldest) {
      clearTimeout(this.#timer)
      this.#timer = undefined
      return
    }
    if (this.#timer) return
    const due = Math.max(0, oldest.since + this.#patienceMs - performance.now())
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      const [first] = this.#held
      if (first && performance.now() - first.since >= this.#patienceMs) {
        this.#held.delete(first)
        first.holder.cut()
      }
      this.#watch()
    }, due).unref()
  }
}
