/**
 * Consecutive records of one stream, and the frames made of them. Readers at `from` share one frame per shared
 * encoder; an encoder that belongs to one reader makes its own.
 */
import { Buffer } from 'node:buffer'
import type { Json } from '../protocol/json.ts'
import { offsetBefore } from '../protocol/offset.ts'
import type { Offset } from '../protocol/offset.ts'
import type { StreamRecord } from '../streams/stream.ts'

/**
 * Turns records into what one kind of connection sends, the same for all readers. It is stateless, and its identity
 * stands for the format.
 */
export interface SharedEncoder<Frame> {
  readonly own?: undefined
  /** Called once per batch. Nothing in the frame may be specific to one reader. */
  encode(batch: Batch): Frame
}

/**
 * An encoder for one reader, for protocols whose frames contain something of their request, such as its number or a
 * count of frames. It may keep state. `FollowObserver.opened` tells where its reader begins, before the first frame.
 *
 * It takes the part that is the same for all readers from `batch.frame(a shared encoder)`, which is made once.
 */
export interface ReaderEncoder<Frame> {
  /**
   * Which part of a frame is not shared: the `head`, when the records are memory that other readers' frames use too,
   * or the whole `frame`. Frames that share memory count once in `LargeFrames`.
   */
  readonly own: 'head' | 'frame'
  /**
   * Called once for each batch sent to its reader, in order and without gaps from where it was opened. The frame is
   * written at once. Batches begin and end at different places for different readers.
   */
  encode(batch: Batch): Frame
}

export type Encoder<Frame> = SharedEncoder<Frame> | ReaderEncoder<Frame>

/**
 * What followed a batch when it was made: more records, nothing yet (it ends at the tail), or nothing ever (it ends
 * where the closed stream ends).
 */
export type Reach = 'more' | 'tail' | 'closed'

export class Batch {
  /** The id of the stream. */
  readonly stream: string
  /** The places before the first record and after the last one. */
  readonly from: Offset
  readonly next: Offset
  /** At least one record. */
  readonly span: Span
  readonly reach: Reach
  /** What the stream was closed with, if it ends here. */
  readonly end: Json | undefined
  #encoder: SharedEncoder<unknown> | undefined
  #frame: unknown
  /** The part that `after` returned last. */
  #rest: Batch | undefined
  #others: Map<SharedEncoder<unknown>, unknown> | undefined

  constructor(stream: string, from: Offset, next: Offset, span: Span, reach: Reach, end?: Json) {
    this.stream = stream
    this.from = from
    this.next = next
    this.span = span
    this.reach = reach
    this.end = end
  }

  get size(): number {
    return this.span.size
  }

  get records(): readonly StreamRecord[] {
    return this.span.records
  }

  /** The frame of this batch, in one format or for one reader. */
  frame<Frame>(encoder: Encoder<Frame>): Frame {
    // Nearly always there is one format: it is kept without a map.
    if (this.#encoder === encoder) return this.#frame as Frame
    if (encoder.own !== undefined) return encoder.encode(this)
    if (this.#encoder === undefined) {
      this.#encoder = encoder
      const frame = encoder.encode(this)
      this.#frame = frame
      return frame
    }
    this.#others ??= new Map()
    const known = this.#others.get(encoder)
    if (known !== undefined) return known as Frame
    const frame = encoder.encode(this)
    this.#others.set(encoder, frame)
    return frame
  }

  /** The part after a position inside this batch. Repeated calls with the same position return the same object. */
  after(position: number): Batch {
    if (this.#rest?.from.position !== position) {
      const { stream, next, reach, end } = this
      const rest = this.span.slice(position - this.from.position)
      this.#rest = new Batch(stream, offsetBefore(next, position), next, rest, reach, end)
    }
    return this.#rest
  }
}

/** Records as a store delivers them: an event, or a page. */
export interface Told {
  readonly records: readonly StreamRecord[]
  readonly json?: Uint8Array | undefined
}

/** Consecutive records, in the pieces in which they came. They stay unparsed text if the store has them so. */
export class Span {
  /** How many records. */
  readonly length: number
  /**
   * Length of all records: bytes, or characters of text (one to three bytes each). Commas between records count where
   * the text came in one piece.
   */
  readonly size: number
  readonly #told: Told | readonly Told[]
  readonly #json: Uint8Array | undefined
  #text: string | undefined

  private constructor(length: number, size: number, told: Told | readonly Told[], json?: Uint8Array) {
    this.length = length
    this.size = size
    this.#told = told
    this.#json = json
  }

  static of(told: Told, length: number = told.records.length): Span {
    const { json } = told
    return new Span(length, json?.byteLength ?? sizeOf(told.records), told, json)
  }

  /** Joins consecutive spans. At least one. */
  static join(spans: readonly Span[]): Span {
    const [first] = spans
    if (first && spans.length === 1) return first
    let length = 0
    let size = 0
    for (const span of spans) {
      length += span.length
      size += span.size
    }
    const pieces = spans.map((span) => span.#json)
    const json = pieces.every((piece) => piece !== undefined) ? joined(pieces) : undefined
    return new Span(
      length,
      size,
      spans.flatMap((span) => span.#told),
      json,
    )
  }

  get records(): readonly StreamRecord[] {
    const told = this.#told
    return isList(told) ? told.flatMap(({ records }) => records) : told.records
  }

  /** JSON records with commas between them, as UTF-8, if the store has all of them in this form. Do not write to it. */
  get json(): Uint8Array | undefined {
    return this.#json
  }

  /** JSON records with commas between them; undefined for records of bytes. */
  get text(): string | undefined {
    if (this.#text === undefined) {
      if (this.#json) return (this.#text = viewOf(this.#json).toString())
      const { records } = this
      if (typeof records[0] === 'string') this.#text = records.join(',')
    }
    return this.#text
  }

  /** This span and the one that follows it. */
  concat(next: Span): Span {
    return Span.join([this, next])
  }

  slice(from: number, to?: number): Span {
    return Span.of({ records: this.records.slice(from, to) })
  }
}

const COMMA = Buffer.from(',')

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(pieces.flatMap((piece, index) => (index === 0 ? piece : [COMMA, piece])))
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

function isList(told: Told | readonly Told[]): told is readonly Told[] {
  return Array.isArray(told)
}

function sizeOf(records: readonly StreamRecord[]): number {
  let size = 0
  for (const record of records) size += record.length
  return size
}
