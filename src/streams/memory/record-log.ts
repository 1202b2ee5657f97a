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
import type { Chunk, ChunkPool } from './chunk-pool.ts'

const COMMA = 0x2c

/** A chunk with records in it. All places are those of its slab. */
interface Piece extends Chunk {
  /** Position of its first record. */
  readonly first: number
  readonly count: number
  /** Where its last record ends. */
  readonly used: number
}

/** The records of a piece from one on up to another. */
interface Part {
  readonly piece: Piece
  readonly from: number
  readonly to: number
}

/** Copies of records that follow each other in a log: those of JSON as UTF-8, with commas between them. */
export type Stretch = { readonly length: number } & (
  | { readonly json: Buffer; readonly records: undefined }
  | { readonly json: undefined; readonly records: readonly Uint8Array[] }
)

/** A place in a log that moves on. It knows the byte, too, so that nobody has to look for it. */
export interface LogCursor {
  position: number
  /** Which chunk it is in, or at the end of. */
  chunk: number
  /** Where the record before it ends, in the chunk's slab. */
  byte: number
}

export class RecordLog {
  // The last chunk, field by field, and what each append looks at first: with thousands of streams it
  // finds them in slow memory.
  #slab: Buffer = NO_BYTES
  #used = 0
  /** Where the end of the last record is written. */
  #slot = 0
  #count = 0
  /** Bytes between two records. */
  readonly #gap: number
  #length = 0
  #size = 0
  #begin = 0
  #end = 0
  readonly #full: Piece[] = []
  /** How many of these are another log's as well. */
  #inherited = 0
  readonly #kind: RecordKind
  readonly #pool: ChunkPool

  constructor(kind: RecordKind, pool: ChunkPool) {
    this.#gap = kind === 'json' ? 1 : 0
    this.#kind = kind
    this.#pool = pool
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

  /**
   * Begins a new log with the records of another one up to a position. Both have them in the same memory, which
   * nobody writes to again: this one goes on in a chunk of its own.
   */
  inherit(source: RecordLog, length: number): void {
    for (const piece of [...source.#full, source.#lastPiece()]) {
      const count = Math.min(piece.count, length - piece.first)
      if (count <= 0) break
      const used = endOf(piece, count - 1)
      this.#pool.share(piece)
      this.#full.push({ ...piece, count, used })
      this.#size += used - piece.begin
    }
    this.#inherited = this.#full.length
    this.#length = length
  }

  /** Records from a position on: so many at most, and none behind the one that reaches so many bytes. */
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
      for (let at = beginOf(piece, from, this.#gap); to < most && bytes < maxBytes; to++) {
        const recordEnd = endOf(piece, to)
        bytes += recordEnd - at
        at = recordEnd + this.#gap
      }
      next += to - from
      parts.push({ piece, from, to })
    }
    const length = next - position
    return this.#kind === 'json'
      ? { length, json: joined(parts), records: undefined }
      : { length, json: undefined, records: parts.flatMap(recordsOf) }
  }

  /** A cursor at a position. */
  cursor(position: number): LogCursor {
    const chunk = this.#indexOf(position)
    const piece = this.#pieceAt(chunk)
    const n = position - piece.first
    return { position, chunk, byte: n === 0 ? piece.begin : endOf(piece, n - 1) }
  }

  /** Records from a cursor on, in one piece: as far as a chunk goes. There has to be one. Moves the cursor behind them. */
  next(cursor: LogCursor): Stretch {
    const piece = this.#full[cursor.chunk]
    if (!piece) {
      return this.#pass(cursor, this.#length - this.#count, this.#count, this.#slab, this.#begin, this.#used)
    }
    const { first, count, slab, begin, used } = piece
    if (cursor.position < first + count) return this.#pass(cursor, first, count, slab, begin, used)
    cursor.chunk++
    return this.next(cursor)
  }

  /** Gives its memory back: nothing is appended or read any more. */
  release(): void {
    for (const piece of this.#full) this.#pool.give(piece)
    this.#giveLast()
    this.#full.length = 0
    this.#slab = NO_BYTES
    this.#begin = this.#end = this.#slot = this.#used = 0
    this.#count = 0
    this.#length = 0
  }

  /** From a cursor to the end of its chunk. Not given as a piece: of the last chunk it would be made for this alone. */
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
    const piece = this.#pieceAt(cursor.chunk)
    return { length, json: undefined, records: recordsOf({ piece, from: position - first, to: count }) }
  }

  #put(record: StreamRecord, size: number, isAscii: boolean): void {
    if (this.#used + this.#gap + size > this.#slot - 2) this.#open(size)
    const slab = this.#slab
    let at = this.#used
    if (this.#gap > 0 && this.#count > 0) slab[at++] = COMMA
    if (typeof record !== 'string') slab.set(record, at)
    // As many bytes as characters: the faster of the two ways to write them.
    else slab.write(record, at, isAscii ? 'latin1' : 'utf8')
    at += size
    this.#used = at
    this.#count++
    this.#length++
    this.#size += size
    const slot = (this.#slot -= 2)
    // A record that has its chunk to itself has no slot.
    if (slot < at) return
    const end = at - this.#begin
    slab[slot] = end
    slab[slot + 1] = end >>> 8
  }

  /** Begins a chunk that has room for a record: as large as all that the stream holds, within bounds. */
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
      this.#used = endOf(this.#lastPiece(), this.#count - tooMany - 1)
      this.#count -= tooMany
      this.#length = length
    }
    this.#slot = this.#end - 2 * this.#count
  }

  #giveLast(): void {
    if (this.#end > this.#begin) this.#pool.give({ slab: this.#slab, begin: this.#begin, end: this.#end })
  }

  #pieceAt(index: number): Piece {
    return this.#full[index] ?? this.#lastPiece()
  }

  #lastPiece(): Piece {
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

  /** The index of the chunk that holds the record behind a position, mostly the last one. Binary search. */
  #indexOf(position: number): number {
    if (position >= this.#length - this.#count) return this.#full.length
    let low = 0
    let high = this.#full.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.#full[middle] as Piece).first <= position) low = middle
      else high = middle - 1
    }
    return low
  }
}

const NO_BYTES: Buffer = Buffer.alloc(0)

function beginOf(piece: Piece, n: number, gap: number): number {
  return n === 0 ? piece.begin : endOf(piece, n - 1) + gap
}

function endOf({ slab, begin, end, count, used }: Piece, n: number): number {
  if (n === count - 1) return used
  const slot = end - 2 * (n + 1)
  return begin + (slab[slot] as number) + (slab[slot + 1] as number) * 256
}

/** Records of JSON with commas between them, out of the chunks that they are in. */
function joined(parts: readonly Part[]): Buffer {
  const places = parts.map(({ piece, from, to }) => {
    return { slab: piece.slab, begin: beginOf(piece, from, 1), end: endOf(piece, to - 1) }
  })
  const commas = Math.max(0, places.length - 1)
  const json = Buffer.allocUnsafe(places.reduce((sum, { begin, end }) => sum + end - begin, commas))
  let at = 0
  for (const { slab, begin, end } of places) {
    if (at > 0) json[at++] = COMMA
    slab.copy(json, at, begin, end)
    at += end - begin
  }
  return json
}

/** Those of bytes. Copies: the memory of a chunk is used again once its stream is gone. */
function recordsOf({ piece, from, to }: Part): Uint8Array[] {
  const { slab } = piece
  return Array.from({ length: to - from }, (_, n) => {
    return new Uint8Array(slab.subarray(beginOf(piece, from + n, 0), endOf(piece, from + n)))
  })
}
