/**
 * Records that follow each other in one stream, and the frames that were made of them. Readers at `from`
 * share a frame for each shared encoder; an encoder of one reader makes its own.
 */
import type { Json } from '../protocol/json.ts'
import { offsetBefore } from '../protocol/offset.ts'
import type { Offset } from '../protocol/offset.ts'
import type { StreamRecord } from '../streams/stream.ts'
import type { Run } from './span.ts'

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
  readonly run: Run
  readonly reach: Reach
  /** What the stream is closed with, where it ends here. */
  readonly end: Json | undefined
  #encoder: SharedEncoder<unknown> | undefined
  #frame: unknown
  /** The last part that was asked for. */
  #rest: Batch | undefined
  #others: Map<SharedEncoder<unknown>, unknown> | undefined

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
      const rest = this.run.slice(position - this.from.position)
      this.#rest = new Batch(stream, offsetBefore(next, position), next, rest, reach, end)
    }
    return this.#rest
  }
}
