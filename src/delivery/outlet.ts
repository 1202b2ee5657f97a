/**
 * A connection as delivery sees it: where frames go, whether there is room, and which of its readers
 * wait for room. All readers of one socket share its outlet.
 */
import type { Holder } from './large-frames.ts'

/** What delivery needs of a connection. */
export interface Port<Frame> {
  /**
   * Takes a frame and says whether there is room for more; after `false` the outlet's `drained` is
   * to be called once there is. Never throws; a frame for a dead connection is dropped. A flush writes
   * to many ports, and to one of them several times: system calls are best made when it is through.
   */
  write(frame: Frame): boolean
  /** Ends the connection at once: others wait for the memory that it holds. */
  cutSlow?(): void
}

/** A reader that can go on. */
export interface Resumable {
  resume(): void
}

export class Outlet<Frame> implements Holder {
  readonly #port: Port<Frame>
  /** None while nobody ever waited: most connections keep up. */
  #blocked: Set<Resumable> | undefined
  #writable = true
  #reading = false
  #gone = false
  /** Called when what was written has left. */
  #held: (() => void)[] | undefined

  constructor(port: Port<Frame>) {
    this.#port = port
  }

  /** Below its high-water mark. */
  get writable(): boolean {
    return this.#writable
  }

  /** One reader at a time reads the log, so that a socket with many streams holds one page. */
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

  /** There is room again. For the owner of the connection to call. */
  drained(): void {
    this.#writable = true
    this.#free()
    this.#resume()
  }

  /** Nothing is left of the connection. For its owner to call. */
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

  /** Calls `reader.resume` when there is room, after those who wait already. */
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
    // Whoever blocks again meanwhile goes to the end of the line and waits for the next time.
    for (let left = blocked.size; left > 0 && this.mayRead; left--) {
      const [next] = blocked
      if (!next) return
      blocked.delete(next)
      next.resume()
    }
  }
}
