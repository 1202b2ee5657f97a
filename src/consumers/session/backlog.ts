/**
 * The frames of a connection that its consumer has not handled yet. When there are too many, the transport
 * stops reading; at half as many it reads again.
 */
import type { Transport, WebSocketData } from '../transport.ts'

/** Frames and bytes above which the transport stops reading. */
const MAX_FRAMES = 64
const MAX_BYTES = 256 * 1024

export class Backlog {
  readonly #transport: Pick<Transport, 'pause' | 'resume'>
  #frames = 0
  #bytes = 0
  #paused = false

  constructor(transport: Pick<Transport, 'pause' | 'resume'>) {
    this.#transport = transport
  }

  add(data: WebSocketData): void {
    this.#frames++
    this.#bytes += data.length
    if (this.#paused || (this.#frames <= MAX_FRAMES && this.#bytes <= MAX_BYTES)) return
    this.#paused = true
    this.#transport.pause()
  }

  remove(data: WebSocketData): void {
    this.#frames--
    this.#bytes -= data.length
    if (this.#frames <= MAX_FRAMES / 2 && this.#bytes <= MAX_BYTES / 2) this.release()
  }

  /** Lets the transport read, even when many frames wait. */
  release(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#transport.resume()
  }
}
