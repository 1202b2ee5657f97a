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

  constructor(context: RunContext) {
    this.#context = context
    const { value, finished } = (context.resumeFrom ?? {}) as { value?: Json; finished?: boolean }
    this.resumeFrom = value
    this.#value = value
    this.isFinished = finished === true
  }

  /** Keeps a value with the chunk that comes next. */
  keep(value: Json): void {
    this.#value = value
    this.#context.checkpoint({ value })
  }

  /** The chunk that comes next is the answer's last one. */
  finish(): void {
    if (this.#value !== undefined) this.#context.checkpoint({ value: this.#value, finished: true })
  }
}
