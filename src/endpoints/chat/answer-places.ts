/**
 * The checkpoints of an answer. With the source's own value each keeps whether the answer's `finish` is in the log, so
 * that an answer which is continued after it gets no second one.
 */
import type { Json } from '../../protocol/json.ts'
import type { RunContext } from '../../providers/provider.ts'

export class AnswerPlaces {
  /** The source's last checkpoint; undefined if the answer begins. */
  readonly resumeFrom: Json | undefined
  readonly isFinished: boolean
  readonly #context: RunContext
  #value: Json | undefined
  #isDue = false

  constructor(context: RunContext) {
    this.#context = context
    const { value, finished } = (context.resumeFrom ?? {}) as { value?: Json; finished?: boolean }
    this.resumeFrom = value
    this.#value = value
    this.isFinished = finished === true
  }

  /** Keeps a value with the source's next chunk; after an abort at once, since none may come. */
  keep(value: Json): void {
    this.#value = value
    this.#isDue = true
    if (this.#context.signal.aborted) this.#context.checkpoint({ value })
  }

  /** A chunk of the source is yielded next. */
  pass({ isFinish }: { readonly isFinish: boolean }): void {
    const value = this.#value
    if (value === undefined || !(this.#isDue || isFinish)) return
    this.#isDue = false
    this.#context.checkpoint({ value, ...(isFinish && { finished: true }) })
  }
}
