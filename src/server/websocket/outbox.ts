/**
 * The unsent frames of one WebSocket. Frames that are added in one turn of the event loop leave in one write.
 * While the kernel takes no more, frames wait here, and small ones share memory: as separate writes each
 * would take some 200 bytes more, and a client that does not read would hold many times its limit.
 */
import { Buffer } from 'node:buffer'
import type { Duplex } from 'node:stream'
import type { SocketWrites } from './flusher.ts'

/** Bytes from which copying a frame costs more than writing it by itself. */
export const WORTH_A_WRITE: number = 16 * 1024

/** Small frames in a row that wait before they are copied into one block. */
const GATHERED_AT = 64

export class Outbox implements SocketWrites {
  /** Whether it will be flushed; set by the flusher. */
  scheduled = false
  readonly #socket: Duplex
  readonly #onWritten: (error: Error | undefined) => void
  #frames: Buffer[] = []
  /** How many of the first frames are not copied again. */
  #settled = 0
  /** The block after the frames into which small frames are copied, and how much of it is used. */
  #block: Buffer | undefined
  #used = 0
  /** Bytes of frames and block together. */
  #bytes = 0
  #largest = 0
  /** Pending writes. */
  #writes = 0

  /** @param onWritten is called when the kernel has taken a write, or when the write failed. */
  constructor(socket: Duplex, onWritten: (error: Error | undefined) => void) {
    this.#socket = socket
    this.#onWritten = onWritten
  }

  /** Bytes that the kernel has not taken yet. */
  get unsent(): number {
    return this.#socket.writableLength + this.#bytes
  }

  /** About the size of the largest unsent frame. */
  get largest(): number {
    return this.#largest
  }

  /** Takes a part of a message. The rest has to follow without an `await` in between. */
  add(frame: Buffer): void {
    const { length } = frame
    this.#bytes += length
    if (length > this.#largest) this.#largest = length
    if (this.#block) {
      if (this.#used + length <= this.#block.length) return this.#copy(frame)
      this.#settle()
    }
    this.#frames.push(frame)
    if (length >= WORTH_A_WRITE) this.#settled = this.#frames.length
    else if (this.#frames.length - this.#settled >= GATHERED_AT) this.#gather()
  }

  /** Writes waiting frames; when a write is pending, they follow it. */
  flush(): void {
    if (this.#writes === 0) this.release()
  }

  /** Writes waiting frames at once, because something follows that does not pass through here. */
  release(): void {
    if (this.#bytes === 0) return
    if (this.#frames.length - this.#settled > 1) this.#gather()
    if (this.#block) this.#settle()
    const frames = this.#frames
    this.clear()
    this.#writes++
    const socket = this.#socket
    try {
      if (frames.length > 1) socket.cork()
      for (let n = 0; n < frames.length - 1; n++) socket.write(frames[n])
      socket.write(frames.at(-1), this.#written)
      if (frames.length > 1) socket.uncork()
    } catch (error) {
      // Ends this socket alone; other sockets are still written to.
      socket.destroy(error as Error)
    }
  }

  /** Drops waiting frames. */
  clear(): void {
    this.#frames = []
    this.#settled = 0
    this.#block = undefined
    this.#bytes = 0
  }

  readonly #written = (error?: Error | null): void => {
    this.#writes--
    this.#largest = this.#frames.reduce(
      (most, { length }) => Math.max(most, length),
      this.#block ? WORTH_A_WRITE : 0,
    )
    if (!error && !this.scheduled) this.flush()
    this.#onWritten(error ?? undefined)
  }

  /** Joins the small frames at the end, into a block with room for more if they leave any. */
  #gather(): void {
    const frames = this.#frames.splice(this.#settled)
    const length = frames.reduce((sum, frame) => sum + frame.length, 0)
    if (frames.length < GATHERED_AT || length >= WORTH_A_WRITE) {
      this.#settled = this.#frames.push(Buffer.concat(frames, length))
      return
    }
    this.#block = Buffer.allocUnsafeSlow(WORTH_A_WRITE)
    this.#used = 0
    for (const frame of frames) this.#copy(frame)
  }

  #copy(frame: Buffer): void {
    const block = this.#block as Buffer
    block.set(frame, this.#used)
    this.#used += frame.length
  }

  #settle(): void {
    this.#settled = this.#frames.push((this.#block as Buffer).subarray(0, this.#used))
    this.#block = undefined
  }
}
