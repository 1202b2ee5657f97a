/**
 * The large frames that wait in connections: those of all readers together hold a fixed number of bytes. A
 * reader whose next frame is large waits in a line until there is room for it; small frames pass it by. A
 * frame that many connections hold, or records that their frames share, count once.
 *
 * Invariants: one frame is let in however large it is, and readers are served in the order they came. While
 * somebody waits, whoever has held a frame for too long is cut: a few clients that read a byte now and then
 * would keep large records from everybody.
 */
/** Size of a frame from which it counts. Smaller ones are bounded by each connection's mark. */
export const LARGE: number = 256 * 1024

/** What a frame holds: the batch that it shares with others, or something of its own. */
export interface Sized {
  readonly size: number
}

/** A connection that holds a frame. */
export interface Holder {
  /** Calls `free` once, when the frame has left or its connection is gone. */
  whenFree(free: () => void): void
  /** Ends the connection at once. */
  cut(): void
}

/** A reader in the line. */
export interface Waiting {
  /** There is room for what it asked for, which is kept for it until it asks again or leaves. */
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
  /** How many connections hold a frame of a batch. */
  readonly #shared = new WeakMap<Sized, number>()
  /** The one held longest first. */
  readonly #held = new Set<Held>()
  /** What they asked for, in the order they came. */
  readonly #line = new Map<Waiting, number>()
  /** Room that is kept for those whose turn it is. */
  readonly #turns = new Map<Waiting, number>()
  #timer: NodeJS.Timeout | undefined

  /** In bytes, and milliseconds that a frame may be held while somebody waits. */
  constructor(total: number, patienceMs: number) {
    this.#total = total
    this.#patienceMs = patienceMs
  }

  /** Bytes that are held, or kept for somebody. */
  get used(): number {
    return this.#used
  }

  /** Readers that wait for room. */
  get waiting(): number {
    return this.#line.size
  }

  /** Whether a large frame may be made and written now; if not, its reader has a place in the line. */
  admits(what: Sized, reader: Waiting): boolean {
    const hadTurn = this.#endTurn(reader)
    if (this.#shared.has(what)) return true
    if (this.#fits(what.size) && (hadTurn || this.#line.size === 0)) return true
    this.#line.set(reader, what.size)
    if (hadTurn) this.#serve()
    else this.#watch()
    return false
  }

  /** A reader needs no room any more, or not now. */
  leave(reader: Waiting): void {
    this.#line.delete(reader)
    this.#endTurn(reader)
    this.#serve()
  }

  /** A frame that was let in is written. It waits in a connection, or has left already. */
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

  /** Holds bytes that are no frame, if there is room for them and nobody waits. */
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

  /** Gives room to those who wait, as far as it goes. */
  #serve(): void {
    for (const [reader, bytes] of this.#line) {
      if (!this.#fits(bytes)) break
      this.#line.delete(reader)
      this.#turns.set(reader, bytes)
      this.#used += bytes
      // Not from within whatever made the room.
      queueMicrotask(() => {
        if (this.#turns.has(reader)) reader.resume()
      })
    }
    this.#watch()
  }

  /** One timer, and only while somebody waits. */
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
