/**
 * Records that follow each other in one stream, and the frames that were made of them. Readers at `from`
 * share a frame for each shared encoder; an encoder of one reader makes its own.
 */
import { Buffer } from 'node:buffer'
import type { Json } from '../protocol/json.ts'
import { offsetBefore } from '../protocol/offset.ts'
import type { Offset } from '../protocol/offset.ts'
import type { StreamRecord } from '../streams/stream.ts'

/**
 * Turns records into what one kind of connection sends, for all readers alike: one for all, which keeps
 * nothing. Its identity names the format.
 */
export interface SharedEncoder<Frame> {
  readonly own?: undefined
  /** Called once for each batch: nothing in the frame may belong to one reader. */
  encode(batch: Batch): Frame
}

/**
 * The same for one reader alone, for protocols whose frames say something of their request: a number of
 * its own, or how many frames came before. It may keep what it needs; `FollowObserver.opened` says where
 * its reader begins, before the first frame.
 *
 * What is the same for all readers it takes from `batch.frame(a shared encoder)`, which makes it once.
 */
export interface ReaderEncoder<Frame> {
  /**
   * What of a frame is its own: the `head`, where the records are memory that other readers' frames share,
   * or the whole `frame`. Frames that share count once among those that wait (`LargeFrames`).
   */
  readonly own: 'head' | 'frame'
  /**
   * Called for each batch that its reader is sent, once and in order, without gaps from where it was
   * opened. The frame is written at once. Where batches begin and end differs from reader to reader.
   */
  encode(batch: Batch): Frame
}

export type Encoder<Frame> = SharedEncoder<Frame> | ReaderEncoder<Frame>

/**
 * What lay behind a batch when it was made: more records, nothing yet (it ends at the tail), or
 * nothing ever (it ends where the closed stream does).
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
  /** What the stream is closed with, where it ends here. */
  readonly end: Json | undefined
  #encoder: SharedEncoder<unknown> | undefined
  #frame: unknown
  /** The last part that was asked for. */
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

  /** The frame of this batch in one format, or for one reader. */
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

  /** The part after a position inside this batch, the same for all who ask for it in a row. */
  after(position: number): Batch {
    if (this.#rest?.from.position !== position) {
      const { stream, next, reach, end } = this
      const rest = this.span.slice(position - this.from.position)
      this.#rest = new Batch(stream, offsetBefore(next, position), next, rest, reach, end)
    }
    return this.#rest
  }
}

/** What a store tells of records: an event, or a page. */
export interface Told {
  readonly records: readonly StreamRecord[]
  readonly json?: Uint8Array | undefined
}

/** Records in a row, in as few pieces as they came: as text that nobody looks into, if the store has it so. */
export class Span {
  /** How many records. */
  readonly length: number
  /**
   * Length of all records: bytes, or characters of text, which are as many bytes or up to three times
   * as many. Of text that came in one piece the commas between records count, too.
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

  /** Runs that follow each other, as one. At least one. */
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

  /** Records of JSON with commas between them, as UTF-8, if the store has all of them so. Not to be written to. */
  get json(): Uint8Array | undefined {
    return this.#json
  }

  /** Records of JSON with commas between them; undefined for bytes. */
  get text(): string | undefined {
    if (this.#text === undefined) {
      if (this.#json) return (this.#text = viewOf(this.#json).toString())
      const { records } = this
      if (typeof records[0] === 'string') this.#text = records.join(',')
    }
    return this.#text
  }

  /** This run and the one that follows it. */
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
