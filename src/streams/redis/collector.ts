/**
 * Removes trimmed records from their logs in Redis, in the background and some at a time. What remains when this
 * process ends is removed with the next trim of the stream, or, after a trim by hand or by age, by a sweep of any
 * process.
 */
import type { Logger } from '../../logging/logger.ts'
import { StoreError } from '../errors.ts'

export class TrimCollector {
  readonly #collect: (id: string) => Promise<boolean>
  readonly #logger: Logger
  /** Streams that may have records to be removed. */
  readonly #due = new Set<string>()
  #running = false

  /** @param collect removes some, and returns whether there are more. */
  constructor(collect: (id: string) => Promise<boolean>, logger: Logger) {
    this.#collect = collect
    this.#logger = logger
  }

  /** Called after a stream was trimmed. */
  wake(id: string): void {
    this.#due.add(id)
    if (!this.#running) void this.#run()
  }

  async #run(): Promise<void> {
    this.#running = true
    for (const id of this.#due) {
      // If it is trimmed again from here on, it is added again.
      this.#due.delete(id)
      try {
        while (await this.#collect(id));
      } catch (error) {
        const isEnd = error instanceof StoreError && error.code === 'closed'
        if (!isEnd)
          this.#logger.warn({ err: error, stream: id }, 'trimmed records are left to the next trim or sweep')
      }
    }
    this.#running = false
  }
}
