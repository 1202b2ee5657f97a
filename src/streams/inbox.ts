/**
 * What came on a stream since its owner last looked, in as few pieces as can be. For a watcher that has
 * a time of its own for what it does: on a busy stream it is called once, and takes many appends
 * together.
 */
import type { StreamEvent } from './watching.ts'

/** Where an inbox takes its events from: a store's side of it. */
export interface InboxSource {
  /** The next event, undefined when there is none: then the inbox has to be called again for the next one. */
  take(): StreamEvent | undefined
}

export class StreamInbox {
  #source: InboxSource | undefined
  #called = false
  readonly #onNews: (() => void) | undefined

  /** What `news` calls. An owner that extends the class needs none. */
  constructor(onNews?: () => void) {
    this.#onNews = onNews
  }

  /**
   * Something came. Not called again before all was taken. It may take, end the watch and call the
   * store. It must not throw.
   */
  protected news(): void {
    this.#onNews?.()
  }

  /** The next event: the records of one append or of many. Undefined when all was taken. */
  take(): StreamEvent | undefined {
    const event = this.#source?.take()
    if (!event) this.#called = false
    return event
  }

  /** For the store that is watched with it: from here events are taken. An inbox is for one watch. */
  open(source: InboxSource): void {
    this.#source = source
  }

  /** For the store: there is something to take. */
  call(): void {
    if (this.#called || !this.#source) return
    this.#called = true
    this.news()
  }

  /** For the store: the watch of this source was stopped, and nothing more is taken from it. */
  close(source: InboxSource): void {
    if (this.#source === source) this.#source = undefined
  }
}
