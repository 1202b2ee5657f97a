/**
 * The records of one stream as bytes, outside of the JavaScript heap. As strings, a million records are
 * a million objects that the garbage collector copies twice and then walks over and over, in pauses
 * that every reader of every stream feels.
 *
 * A chunk holds records one after the other, those of JSON with commas between them: what lies between
 * two places is one piece of text that nobody takes apart. Where each record ends is written from the
 * end of the chunk backwards, in two bytes each. A record too large for that has a chunk to itself,
 * which it fills.
 */
import { Buffer } from 'node:buffer'
import type { RecordKind } from '../requests.ts'
import type { StreamRecord } from '../store.ts'
import { LARGEST_CHUNK } from './chunk-pool.ts'
import type { ChunkPool } from './chunk-pool.ts'

const COMMA = 0x2c

interface Chunk {
  /** Position of its first record. */
  readonly first: number
  readonly count: number
  readonly bytes: Buffer
  /** Where its last record ends. */
  readonly used: number
  /** Whether all of its text is ASCII, which is read faster. */
  readonly isAscii: boolean
}

/** Records that follow each other in a log. */
export interface Stretch {
  readonly length: number
  /** Those of JSON with commas between them. */
  readonly text: string | undefined
  /** Those of bytes. */
  readonly records: readonly Uint8Array[] | undefined
}

export class RecordLog {
  readonly #pool: ChunkPool
  readonly #kind: RecordKind
  /** Bytes between two records. */
  readonly #gap: number
  readonly #full: Chunk[] = []
  // The last chunk, field by field: each append would have to look for it in another place of memory.
  #bytes: Buffer = NO_BYTES
  #used = 0
  #count = 0
  #isAscii = true
  #length = 0
  #size = 0

  constructor(kind: RecordKind, pool: ChunkPool) {
    this.#pool = pool
    this.#kind = kind
    this.#gap = kind === 'json' ? 1 : 0
  }

  get length(): number {
    return this.#length
  }

  /**
   * Appends all of them, or throws and leaves the log as it was: there may be no memory.
   *
   * @param bytes of all of them together, as UTF-8.
   */
  append(records: readonly StreamRecord[], bytes: number): void {
    const length = this.#length
    const before = this.#size
    let characters = 0
    for (const record of records) characters += record.length
    const isAscii = characters === bytes
    try {
      for (const record of records) {
        const size = isAscii || typeof record !== 'string' ? record.length : Buffer.byteLength(record)
        this.#put(record, size, isAscii)
      }
    } catch (error) {
      this.#cutBackTo(length)
      this.#size = before
      throw error
    }
  }

  /** Records from a position on: so many at most, and none behind the one that reaches so many bytes. */
  read(position: number, maxRecords: number, maxBytes: number): StreamRecord[] {
    const records: StreamRecord[] = []
    const end = Math.min(position + maxRecords, this.#length)
    let next = position
    let bytes = 0
    for (let index = this.#indexOf(position); next < end && bytes < maxBytes; index++) {
      const chunk = this.#chunkAt(index)
      const last = Math.min(chunk.first + chunk.count, end)
      for (; next < last && bytes < maxBytes; next++) {
        const from = beginOf(chunk, next - chunk.first, this.#gap)
        const to = endOf(chunk, next - chunk.first)
        records.push(this.#kind === 'json' ? textOf(chunk, from, to) : bytesOf(chunk, from, to))
        bytes += to - from
      }
    }
    return records
  }

  /** Records from a position on, in one piece: as far as a chunk goes. There has to be one. */
  stretch(position: number): Stretch {
    const chunk = this.#chunkAt(this.#indexOf(position))
    const length = chunk.first + chunk.count - position
    if (this.#kind === 'json') {
      const text = textOf(chunk, beginOf(chunk, position - chunk.first, 1), chunk.used)
      return { length, text, records: undefined }
    }
    const records: Uint8Array[] = []
    for (let n = position - chunk.first; n < chunk.count; n++) {
      records.push(bytesOf(chunk, beginOf(chunk, n, 0), endOf(chunk, n)))
    }
    return { length, text: undefined, records }
  }

  /** Gives its memory back: nothing is appended or read any more. */
  release(): void {
    for (const { bytes } of this.#full) this.#pool.give(bytes)
    this.#pool.give(this.#bytes)
    this.#full.length = 0
    this.#bytes = NO_BYTES
    this.#count = 0
    this.#used = 0
    this.#length = 0
  }

  #put(record: StreamRecord, size: number, isAscii: boolean): void {
    const needed = this.#gap + size + 2 * (this.#count + 1)
    if (this.#used + needed > this.#bytes.length) this.#begin(size)
    const bytes = this.#bytes
    let at = this.#used
    if (this.#gap > 0 && this.#count > 0) bytes[at++] = COMMA
    if (typeof record !== 'string') bytes.set(record, at)
    else if (isAscii) bytes.write(record, at, 'latin1')
    else {
      bytes.write(record, at, 'utf8')
      this.#isAscii = false
    }
    at += size
    this.#used = at
    this.#count++
    this.#length++
    this.#size += size
    const slot = bytes.length - 2 * this.#count
    if (slot < at) return
    bytes[slot] = at
    bytes[slot + 1] = at >>> 8
  }

  /** Begins a chunk that has room for a record: as large as all that the stream holds, within bounds. */
  #begin(size: number): void {
    const isLarge = size + 2 > LARGEST_CHUNK
    const bytes = isLarge ? Buffer.allocUnsafeSlow(size) : this.#pool.take(Math.max(this.#size, size + 2))
    if (this.#count > 0) this.#full.push(this.#lastChunk())
    this.#bytes = bytes
    this.#used = 0
    this.#count = 0
    this.#isAscii = true
  }

  #cutBackTo(length: number): void {
    while (this.#count > 0 && this.#length - this.#count >= length) {
      this.#pool.give(this.#bytes)
      this.#length -= this.#count
      const last = this.#full.pop()
      this.#bytes = last?.bytes ?? NO_BYTES
      this.#used = last?.used ?? 0
      this.#count = last?.count ?? 0
      this.#isAscii = last?.isAscii ?? true
    }
    const tooMany = this.#length - length
    if (tooMany === 0) return
    this.#used = endOf(this.#lastChunk(), this.#count - tooMany - 1)
    this.#count -= tooMany
    this.#length = length
  }

  #chunkAt(index: number): Chunk {
    return this.#full[index] ?? this.#lastChunk()
  }

  #lastChunk(): Chunk {
    const count = this.#count
    return {
      first: this.#length - count,
      count,
      bytes: this.#bytes,
      used: this.#used,
      isAscii: this.#isAscii,
    }
  }

  /** The index of the chunk that holds the record behind a position, mostly the last one. Binary search. */
  #indexOf(position: number): number {
    if (position >= this.#length - this.#count) return this.#full.length
    let low = 0
    let high = this.#full.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.#full[middle] as Chunk).first <= position) low = middle
      else high = middle - 1
    }
    return low
  }
}

const NO_BYTES: Buffer = Buffer.alloc(0)

function beginOf(chunk: Chunk, n: number, gap: number): number {
  return n === 0 ? 0 : endOf(chunk, n - 1) + gap
}

function endOf({ bytes, count, used }: Chunk, n: number): number {
  if (n === count - 1) return used
  const slot = bytes.length - 2 * (n + 1)
  return (bytes[slot] as number) + (bytes[slot + 1] as number) * 256
}

function textOf({ bytes, isAscii }: Chunk, begin: number, end: number): string {
  return bytes.toString(isAscii ? 'latin1' : 'utf8', begin, end)
}

/** A copy: the memory of a chunk is used again once its stream is gone. */
function bytesOf({ bytes }: Chunk, begin: number, end: number): Uint8Array {
  return new Uint8Array(bytes.subarray(begin, end))
}
