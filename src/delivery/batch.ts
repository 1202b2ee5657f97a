/**
 * Records that follow each other in one stream, and the frames that were made of them. Whoever stands
 * at `from` gets the same frame, which is made once for each encoder.
 */
import type { Offset } from '../protocol/offset.ts'
import type { StreamRecord } from '../streams/store.ts'

/** Turns records into what one kind of connection sends. Its identity names the format. */
export interface Encoder<Frame> {
  /** Called once for each batch: nothing in the frame may belong to one reader. */
  encode(batch: Batch): Frame
}

/**
 * What lay behind a batch when it was made: more records, nothing yet (it ends at the tail), or
 * nothing ever (it ends where the closed stream does).
 */
export type Reach = 'more' | 'tail' | 'closed'

export class Batch {
  /** The id of the stream. */
  readonly stream: string
  readonly incarnation: string
  /** Position before the first record. */
  readonly from: number
  /** At least one. */
  readonly records: readonly StreamRecord[]
  /** Length of all records: bytes, or characters of text, which are as many bytes or up to three times as many. */
  readonly size: number
  readonly reach: Reach
  #encoder: Encoder<unknown> | undefined
  #frame: unknown
  #others: Map<Encoder<unknown>, unknown> | undefined

  constructor(stream: string, from: Offset, records: readonly StreamRecord[], size: number, reach: Reach) {
    this.stream = stream
    this.incarnation = from.incarnation
    this.from = from.position
    this.records = records
    this.size = size
    this.reach = reach
  }

  /** Position after the last record. */
  get next(): number {
    return this.from + this.records.length
  }

  /** The frame of this batch in one format. */
  frame<Frame>(encoder: Encoder<Frame>): Frame {
    // Nearly always there is one format: it is kept without a map.
    if (this.#encoder === encoder) return this.#frame as Frame
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

  /** The part after a position inside this batch. */
  after(position: number): Batch {
    const records = this.records.slice(position - this.from)
    return new Batch(
      this.stream,
      { incarnation: this.incarnation, position },
      records,
      sizeOf(records),
      this.reach,
    )
  }
}

/** The length of records, as `Batch.size` counts it. */
export function sizeOf(records: readonly StreamRecord[]): number {
  let size = 0
  for (const record of records) size += record.length
  return size
}
