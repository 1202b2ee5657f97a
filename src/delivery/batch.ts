/**
 * Records that follow each other in one stream, and the frames that were made of them. Whoever stands
 * at `from` gets the same frame, which is made once for each encoder.
 */
import type { Json } from '../protocol/json.ts'
import { offsetBefore } from '../protocol/offset.ts'
import type { Offset } from '../protocol/offset.ts'
import type { StreamRecord } from '../streams/store.ts'
import type { Run } from './run.ts'

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
  /** The places before the first record and after the last one. */
  readonly from: Offset
  readonly next: Offset
  /** At least one record. */
  readonly run: Run
  readonly reach: Reach
  /** What the stream is closed with, where it ends here. */
  readonly end: Json | undefined
  #encoder: Encoder<unknown> | undefined
  #frame: unknown
  /** The last part that was asked for. */
  #rest: Batch | undefined
  #others: Map<Encoder<unknown>, unknown> | undefined

  constructor(stream: string, from: Offset, next: Offset, run: Run, reach: Reach, end?: Json) {
    this.stream = stream
    this.from = from
    this.next = next
    this.run = run
    this.reach = reach
    this.end = end
  }

  get size(): number {
    return this.run.size
  }

  get records(): readonly StreamRecord[] {
    return this.run.records
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

  /** The part after a position inside this batch, the same for all who ask for it in a row. */
  after(position: number): Batch {
    if (this.#rest?.from.position !== position) {
      const { stream, next, reach, end } = this
      const rest = this.run.slice(position - this.from.position)
      this.#rest = new Batch(stream, offsetBefore(next, position), next, rest, reach, end)
    }
    return this.#rest
  }
}
