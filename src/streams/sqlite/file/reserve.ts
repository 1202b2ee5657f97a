/**
 * Room on the disk that is kept for the day it is full: a file beside the database, given back when the
 * log has to be brought into the database, or a delete needs a few pages of the log. It stays when the
 * store is closed, as the disk may be full when it is opened again.
 */
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  statSync,
  statfsSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'

/** Bytes written in one go. */
const CHUNK = 64 * 1024
/** The least that is worth having: a delete needs some pages of the log. */
const LEAST = 16 * 1024

export class Reserve {
  readonly #path: string
  readonly #folder: string

  constructor(database: string) {
    this.#path = `${database}-reserve`
    this.#folder = dirname(database)
  }

  get size(): number {
    return statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0
  }

  /** Grows it to `bytes`. False, and unchanged, if the disk has no room. */
  grow(bytes: number): boolean {
    // Readable by its owner only, like the database. Random bytes, because some disks compress.
    let handle: number
    try {
      handle = openSync(this.#path, constants.O_WRONLY | constants.O_CREAT, 0o600)
    } catch {
      return false
    }
    const before = fstatSync(handle).size
    try {
      const step = randomBytes(CHUNK)
      for (let size = before; size < bytes;) {
        const written = writeSync(handle, step, 0, Math.min(step.length, bytes - size), size)
        if (written === 0) throw new Error('The disk took nothing')
        size += written
      }
      return true
    } catch {
      ftruncateSync(handle, before)
      return false
    } finally {
      closeSync(handle)
    }
  }

  /** Creates it again with at most this many bytes, and at most half of the free disk. Returns its size. */
  take(bytes: number): number {
    for (let wanted = Math.min(bytes, this.#free() / 2); wanted >= LEAST; wanted /= 2) {
      const size = Math.floor(wanted)
      if (this.grow(size)) return size
    }
    this.release()
    return 0
  }

  /** Frees its space. */
  release(): void {
    try {
      unlinkSync(this.#path)
    } catch {
      // It is gone already, or was never there.
    }
  }

  #free(): number {
    try {
      const { bavail, bsize } = statfsSync(this.#folder)
      return bavail * bsize
    } catch {
      return Number.MAX_SAFE_INTEGER
    }
  }
}
