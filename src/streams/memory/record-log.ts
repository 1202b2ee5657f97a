/**
 * The records of one stream as bytes, outside the JavaScript heap. As strings, a million records would be a million
 * objects that the garbage collector copies twice and then visits again and again, in pauses that affect every
 * reader.
 *
 * A chunk holds consecutive records; JSON records have commas between them, so that the bytes between two places are
 * ready to send. The ends of the records are stored from the end of the chunk backwards, two bytes each. A record too
 * large for this gets a chunk of its own, which it fills.
 */
import { Buffer } from 'node:buffer'
import type { RecordKind } from '../bookkeeping/requests.ts'
import type { StreamRecord } from '../stream.ts'
import { LARGEST_CHUNK } from './chunk-pool.ts'
import type { ChunkPool } from './chunk-pool.ts'
import { recordBegin, bytesIn, recordEnd, joinedParts, recordsOf } from './filled-chunk.ts'
import type { Part, FilledChunk } from './filled-chunk.ts'

const COMMA = 0x2c

/** A copy of consecutive records of a log: JSON records as UTF-8, with commas between them. */
export type Stretch = { readonly length: number } & (
  | { readonly json: Buffer; readonly records: undefined }
  | { readonly json: undefined; readonly records: readonly Uint8Array[] }
)

/** A moving place in a log. It also holds the byte, to save the search. */
export interface LogCursor {
  position: number
  /** The index of its chunk, counting chunks that were given back. */
  chunk: number
  /** Where the previous record ends in the chunk's slab. */
  byte: number
}

export class RecordLog {
  // The fields of the last chunk, and others that an append reads, come first: with thousands of streams they are
  // fetched from slow memory.
  #slab: Buffer = NO_BYTES
  #used = 0
  /** Where the end of the last record is stored. */
  #slot = 0
  #count = 0
  /** Bytes between two records. */
  readonly #gap: number
  #length = 0
  /** Bytes of the records after `#start`. */
  #size = 0
  #start = 0
  #begin = 0
  #end = 0
  readonly #full: FilledChunk[] = []
  /** How many of these are shared with another log. */
  #inherited = 0
  /** How many earlier chunks were given back. */
  #dropped = 0
  readonly #kind: RecordKind
  readonly #pool: ChunkPool

  constructor(kind: RecordKind, pool: ChunkPool) {
    this.#gap = kind === 'json' ? 1 : 0
    this.#kind = kind
    this.#pool = pool
  }

  /** Number of records ever appended. */
  get length(): number {
    return this.#length
  }

  /** Bytes of the kept records. */
  get bytes(): number {
    return this.#size
  }

  /**
   * Appends all records. If there is no memory it throws and leaves the log unchanged.
   *
   * @param bytes total length as UTF-8.
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

  /**
   * Begins a new log with the records of another one up to a position. Both share their memory, which is not written
   * again: this log continues in a chunk of its own.
   */
  inherit(source: RecordLog, length: number): void {
    const start = Math.min(source.#start, length)
    for (const piece of [...source.#full, source.#lastPiece()]) {
      const count = Math.min(piece.count, length - piece.first)
      if (count <= 0) break
      const used = recordEnd(piece, count - 1)
      this.#pool.share(piece)
      this.#full.push({ ...piece, count, used })
      const from = Math.max(0, start - piece.first)
      this.#size += bytesIn({ piece: { ...piece, count, used }, from, to: count }, this.#gap)
    }
    this.#start = start
    this.#inherited = this.#full.length
    this.#length = length
  }

  /** Records from a position on: at most `maxRecords`, ending with the one that reaches `maxBytes`. */
  read(position: number, maxRecords: number, maxBytes: number): Stretch {
    const end = Math.min(position + maxRecords, this.#length)
    const parts: Part[] = []
    let next = position
    let bytes = 0
    for (let index = this.#indexOf(position); next < end && bytes < maxBytes; index++) {
      const piece = this.#pieceAt(index)
      const from = next - piece.first
      const most = Math.min(piece.count, end - piece.first)
      let to = from
      for (let at = recordBegin(piece, from, this.#gap); to < most && bytes < maxBytes; to++) {
        const itsEnd = recordEnd(piece, to)
        bytes += itsEnd - at
        at = itsEnd + this.#gap
      }
      next += to - from
      parts.push({ piece, from, to })
    }
    const length = next - position
    return this.#kind === 'json'
      ? { length, json: joinedParts(parts), records: undefined }
      : { length, json: undefined, records: parts.flatMap(recordsOf) }
  }

  /** A cursor at a position. */
  cursor(position: number): LogCursor {
    const chunk = this.#indexOf(position)
    const piece = this.#pieceAt(chunk)
    const n = position - piece.first
    return { position, chunk: chunk + this.#dropped, byte: n === 0 ? piece.begin : recordEnd(piece, n - 1) }
  }

  /** The records from a cursor to the end of its chunk. There must be one. Moves the cursor past them. */
  next(cursor: LogCursor): Stretch {
    // The chunk was given back at its end, where the next one begins.
    if (cursor.chunk < this.#dropped) cursor.chunk = this.#dropped
    const piece = this.#full[cursor.chunk - this.#dropped]
    if (!piece) {
      return this.#pass(cursor, this.#length - this.#count, this.#count, this.#slab, this.#begin, this.#used)
    }
    const { first, count, slab, begin, used } = piece
    if (cursor.position < first + count) return this.#pass(cursor, first, count, slab, begin, used)
    cursor.chunk++
    return this.next(cursor)
  }

  /** Forgets the records before a position, and gives back chunks that held no others. No cursor may be before it. */
  trim(before: number): void {
    let whole = 0
    for (let index = 0; this.#start < before; index++) {
      const piece = this.#pieceAt(index)
      const to = Math.min(piece.count, before - piece.first)
      this.#size -= bytesIn({ piece, from: this.#start - piece.first, to }, this.#gap)
      this.#start = piece.first + to
      if (to === piece.count) whole++
    }
    if (whole > this.#full.length) this.#dropLast()
    for (const piece of this.#full.splice(0, whole)) {
      this.#pool.give(piece)
      this.#dropped++
    }
    this.#inherited = Math.max(0, this.#inherited - whole)
  }

  /** The lowest position after which the records have at most this many bytes, or only the last record remains. */
  positionOfLast(bytes: number): number {
    let position = this.#start
    let left = this.#size
    for (let index = 0; left > bytes && position < this.#length - 1; index++) {
      const piece = this.#pieceAt(index)
      const end = Math.min(piece.count, this.#length - 1 - piece.first)
      const from = position - piece.first
      const all = bytesIn({ piece, from, to: end }, this.#gap)
      if (left - all > bytes) {
        left -= all
        position = piece.first + end
        continue
      }
      for (let n = from; left > bytes && n < end; n++) {
        left -= bytesIn({ piece, from: n, to: n + 1 }, this.#gap)
        position++
      }
    }
    return position
  }

  /** Gives its memory back. The log must not be used afterwards. */
  release(): void {
    for (const piece of this.#full) this.#pool.give(piece)
    this.#dropLast()
    this.#full.length = 0
    this.#length = 0
  }

  /**
   * The records from a cursor to the end of its chunk. Takes the chunk's fields, because an object for the last chunk
   * would be created for this call only.
   */
  #pass(cursor: LogCursor, first: number, count: number, slab: Buffer, begin: number, used: number): Stretch {
    const { position, byte } = cursor
    const from = position === first ? begin : byte + this.#gap
    cursor.position = first + count
    cursor.byte = used
    const length = cursor.position - position
    if (this.#kind === 'json') {
      const json = Buffer.allocUnsafe(used - from)
      slab.copy(json, 0, from, used)
      return { length, json, records: undefined }
    }
    const piece = this.#pieceAt(cursor.chunk - this.#dropped)
    return { length, json: undefined, records: recordsOf({ piece, from: position - first, to: count }) }
  }

  #put(record: StreamRecord, size: number, isAscii: boolean): void {
    if (this.#used + this.#gap + size > this.#slot - 2) this.#open(size)
    const slab = this.#slab
    let at = this.#used
    if (this.#gap > 0 && this.#count > 0) slab[at++] = COMMA
    if (typeof record !== 'string') slab.set(record, at)
    // ASCII only: the faster way to write it.
    else slab.write(record, at, isAscii ? 'latin1' : 'utf8')
    at += size
    this.#used = at
    this.#count++
    this.#length++
    this.#size += size
    const slot = (this.#slot -= 2)
    // A record with a chunk of its own has no slot.
    if (slot < at) return
    const end = at - this.#begin
    slab[slot] = end
    slab[slot + 1] = end >>> 8
  }

  /** Begins a chunk with room for a record: as large as the stream so far, within bounds. */
  #open(size: number): void {
    const isLarge = size + 2 > LARGEST_CHUNK
    const { slab, begin, end } = isLarge
      ? { slab: Buffer.allocUnsafeSlow(size), begin: 0, end: size }
      : this.#pool.take(Math.max(this.#size, size + 2))
    if (this.#count > 0) this.#full.push(this.#lastPiece())
    this.#slab = slab
    this.#used = this.#begin = begin
    this.#slot = this.#end = end
    this.#count = 0
  }

  #cutBackTo(length: number): void {
    while (this.#count > 0 && this.#length - this.#count >= length) {
      this.#giveLast()
      this.#length -= this.#count
      const last = this.#full.length > this.#inherited ? this.#full.pop() : undefined
      this.#slab = last?.slab ?? NO_BYTES
      this.#begin = last?.begin ?? 0
      this.#end = last?.end ?? 0
      this.#used = last?.used ?? 0
      this.#count = last?.count ?? 0
    }
    const tooMany = this.#length - length
    if (tooMany > 0) {
      this.#used = recordEnd(this.#lastPiece(), this.#count - tooMany - 1)
      this.#count -= tooMany
      this.#length = length
    }
    this.#slot = this.#end - 2 * this.#count
  }

  /** Gives the last chunk back; the next one replaces it. */
  #dropLast(): void {
    this.#giveLast()
    this.#slab = NO_BYTES
    this.#begin = this.#end = this.#slot = this.#used = 0
    this.#count = 0
  }

  #giveLast(): void {
    if (this.#end > this.#begin) this.#pool.give({ slab: this.#slab, begin: this.#begin, end: this.#end })
  }

  #pieceAt(index: number): FilledChunk {
    return this.#full[index] ?? this.#lastPiece()
  }

  #lastPiece(): FilledChunk {
    const count = this.#count
    return {
      first: this.#length - count,
      count,
      slab: this.#slab,
      begin: this.#begin,
      end: this.#end,
      used: this.#used,
    }
  }

  /** The index of the chunk with the record after a position, usually the last one. Binary search. */
  #indexOf(position: number): number {
    if (position >= this.#length - this.#count) return this.#full.length
    let low = 0
    let high = this.#full.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.#full[middle] as FilledChunk).first <= position) low = middle
      else high = middle - 1
    }
    return low
  }
}

const NO_BYTES: Buffer = Buffer.alloc(0)
