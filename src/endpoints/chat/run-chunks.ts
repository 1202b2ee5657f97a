/**
 * One reader's chunks: those of its run's log, with deltas merged or one by one, and the end as the log has it.
 * What becomes of them on the wire is its transport's.
 */
import type { Batch, ReaderEncoder } from '../../delivery/batch.ts'
import type { Json } from '../../protocol/json.ts'
import { missingWords } from './last-words.ts'
import { mergedDeltas } from './merged-deltas.ts'

export interface RunChunksOptions<Frame> {
  /** Whether readers of this transport count chunks, so that none may be merged. */
  readonly isCounted: boolean
  /** Makes of chunks, one at least, what is written. */
  readonly frame: (chunks: readonly string[]) => Frame
}

export class RunChunks<Frame> implements ReaderEncoder<Frame> {
  readonly own = 'frame'
  readonly #options: RunChunksOptions<Frame>
  #last: string | undefined

  constructor(options: RunChunksOptions<Frame>) {
    this.#options = options
  }

  encode(batch: Batch): Frame {
    const { isCounted, frame } = this.#options
    const chunks = isCounted ? (batch.records as readonly string[]) : batch.frame(mergedDeltas)
    this.#last = chunks.at(-1)
    return frame(chunks)
  }

  /** What is to be written behind the last batch of a run that is closed with `end`. */
  lastFrame(end: Json | undefined): Frame | undefined {
    const words = missingWords(this.#last, end)
    return words.length > 0 ? this.#options.frame(words) : undefined
  }
}
