/** Where a run stands upstream, as its provider said last: by this it is cancelled there. */
import type { Json } from '../../protocol/json.ts'

export class UpstreamPlace {
  #value: Json | undefined
  /** Told when it moves: a provider may learn what it has to cancel when its run has ended. */
  onMove: (() => void) | undefined

  constructor(value: Json | undefined) {
    this.#value = value
  }

  /** Undefined when it is not known. */
  get value(): Json | undefined {
    return this.#value
  }

  move(value: Json): void {
    this.#value = value
    this.onMove?.()
  }
}
