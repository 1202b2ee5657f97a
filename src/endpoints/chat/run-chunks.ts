/**
 * One reader's chunks: those of the run's log, with or without merged deltas, and the run's end. The transport encodes
 * them.
 */
import type { Batch, ReaderEncoder } from '../../delivery/batch.ts'
import type { Json } from '../../protocol/json.ts'
import { missingWords } from '../../conversation/last-words.ts'
import { mergedDeltas } from './merged-deltas.ts'

export interface RunChunksOptions<Frame> {
  /** Whether readers of this transport count chunks, so that none may be merged. */
  readonly isCounted: boolean
  /** What comes before the first chunk. */
  readonly before?: readonly string[]
  /** Encodes chunks, at least one. */
  readonly frame: (chunks: readonly string[]) => Frame
}

export class RunChunks<Frame> implements ReaderEncoder<Frame> {
  readonly own = 'frame'
  readonly #options: RunChunksOptions<Frame>
  #last: string | undefined
  #isBegun = false

  constructor(options: RunChunksOptions<Frame>) {
    this.#options = options
  }

  encode(batch: Batch): Frame {
    const { isCounted, before = [], frame } = this.#options
    const chunks = isCounted ? (batch.records as readonly string[]) : batch.frame(mergedDeltas)
    this.#last = chunks.at(-1)
    if (this.#isBegun) return frame(chunks)
    this.#isBegun = true
    return frame([...before, ...chunks])
  }

  /** Returns what to write after the last batch of a run that is closed with `end`. */
  lastFrame(end: Json | undefined): Frame | undefined {
    const words = missingWords(this.#last, end)
    return words.length > 0 ? this.#options.frame(words) : undefined
  }
}
