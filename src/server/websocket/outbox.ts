/**
 * The frames of one WebSocket on their way to the kernel. What is added within a turn of the event loop
 * leaves in one write. While the kernel takes no more, frames wait here, where the small ones share memory:
 * as a write of its own each would cost some 200 bytes beside its own, and a client that does not read
 * would hold many times what the limits say.
 */
import { Buffer } from 'node:buffer'
import type { Duplex } from 'node:stream'
import type { PendingWrite } from './flusher.ts'

/** Bytes of a frame of which copying them is most of what it costs: such a one is written as it is. */
export const WORTH_A_WRITE: number = 16 * 1024

/** Small frames in a row that wait before they are copied into one block. */
const GATHERED_AT = 64

export class Outbox implements PendingWrite {
  /** Whoever flushes it has it listed. */
  scheduled = false
  readonly #socket: Duplex
  readonly #onWritten: (error: Error | undefined) => void
  #frames: Buffer[] = []
  /** How many of them, from the first, stay as they are. */
  #settled = 0
  /** Behind the frames: where small ones are copied to, and how much of it is taken. */
  #block: Buffer | undefined
  #used = 0
  /** Of frames and block together. */
  #bytes = 0
  #largest = 0
  /** Writes that are not through. */
  #writes = 0

  /** `onWritten` is called when the kernel took what it was given, or never will. */
  constructor(socket: Duplex, onWritten: (error: Error | undefined) => void) {
    this.#socket = socket
    this.#onWritten = onWritten
  }

  /** Bytes that the kernel has not taken. */
  get unsent(): number {
    return this.#socket.writableLength + this.#bytes
  }

  /** About as many bytes as the largest frame among them has. */
  get largest(): number {
    return this.#largest
  }

  /** Takes a part of a message; the rest of it has to follow without an `await` in between. */
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

  /** Writes what waits, unless a write is under way: then what waits follows it. */
  flush(): void {
    if (this.#writes === 0) this.release()
  }

  /** Writes what waits in any case: something follows that does not go through here. */
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
      // As if its other side had gone: the sockets behind it are written to all the same.
      socket.destroy(error as Error)
    }
  }

  /** Forgets what waits. */
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

  /** Makes one of the small frames at the end: a block with room for more, where they leave any. */
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
