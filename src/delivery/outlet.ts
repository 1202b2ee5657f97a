/**
 * A connection as delivery sees it: where frames go, whether there is room, and which readers wait for room. All
 * readers of one socket share its outlet.
 */
import type { Holder } from './large-frames.ts'

/** What delivery needs of a connection. */
export interface Port<Frame> {
  /**
   * Takes a frame and returns whether there is room for more. After `false`, call the outlet's `drained` once there
   * is. Must not throw; a frame for a dead connection is dropped. A flush writes to many ports, and to one port
   * several times, so make system calls after the flush.
   */
  write(frame: Frame): boolean
  /** Ends the connection at once, because other readers wait for the memory it holds. */
  cutSlow?(): void
}

/** A reader that can continue. */
export interface Resumable {
  resume(): void
}

export class Outlet<Frame> implements Holder {
  readonly #port: Port<Frame>
  /** Created when a reader first waits: most connections keep up. */
  #blocked: Set<Resumable> | undefined
  #writable = true
  #reading = false
  #gone = false
  /** Called when everything written was sent. */
  #held: (() => void)[] | undefined

  constructor(port: Port<Frame>) {
    this.#port = port
  }

  /** Whether the connection is below its high-water mark. */
  get writable(): boolean {
    return this.#writable
  }

  /** Whether a reader may read the log. One does at a time, so that a socket with many streams holds one page. */
  get mayRead(): boolean {
    return this.#writable && !this.#reading
  }

  /** Readers that wait for room. */
  get blocked(): number {
    return this.#blocked?.size ?? 0
  }

  write(frame: Frame): void {
    this.#writable = this.#port.write(frame)
  }

  /** Called by the owner of the connection when there is room again. */
  drained(): void {
    this.#writable = true
    this.#free()
    this.#resume()
  }

  /** Called by the owner of the connection when it is gone. */
  gone(): void {
    this.#gone = true
    this.#free()
  }

  whenFree(free: () => void): void {
    if (this.#gone) return free()
    this.#held ??= []
    this.#held.push(free)
  }

  cut(): void {
    this.#port.cutSlow?.()
  }

  detach(reader: Resumable): void {
    this.#blocked?.delete(reader)
  }

  /** Calls `reader.resume` when there is room, after the readers that wait already. */
  block(reader: Resumable): void {
    this.#blocked ??= new Set()
    this.#blocked.add(reader)
  }

  beginRead(): void {
    this.#reading = true
  }

  endRead(): void {
    this.#reading = false
    this.#resume()
  }

  #free(): void {
    const held = this.#held
    this.#held = undefined
    for (const free of held ?? []) free()
  }

  #resume(): void {
    const blocked = this.#blocked
    if (!blocked) return
    // A reader that blocks again meanwhile goes to the end of the queue and waits for the next time.
    for (let left = blocked.size; left > 0 && this.mayRead; left--) {
      const [next] = blocked
      if (!next) return
      blocked.delete(next)
      next.resume()
    }
  }
}
