/** The last checkpoint of a provider, by which its upstream work can be cancelled. */
import type { Json } from '../../protocol/json.ts'

export class UpstreamPlace {
  #value: Json | undefined
  /** Called when it changes: a provider may learn after the end of its run what it has to cancel. */
  onMove: (() => void) | undefined

  constructor(value: Json | undefined) {
    this.#value = value
  }

  /** Undefined while the provider has given none. */
  get value(): Json | undefined {
    return this.#value
  }

  move(value: Json): void {
    this.#value = value
    this.onMove?.()
  }
}
