/**
 * Removes records that were trimmed from their logs in Redis, in the background and some at a time. What is
 * left when this process ends is removed with the next trim of the stream, and what was trimmed by hand or by age by a
 * sweep, of any process.
 */
import type { Logger } from '../../logging/logger.ts'
import { StoreError } from '../errors.ts'

export class TrimCollector {
  readonly #collect: (id: string) => Promise<boolean>
  readonly #logger: Logger
  /** Streams that have, or may have, records to be removed. */
  readonly #due = new Set<string>()
  #running = false

  /** @param collect removes some, and says whether there are more. */
  constructor(collect: (id: string) => Promise<boolean>, logger: Logger) {
    this.#collect = collect
    this.#logger = logger
  }

  /** A stream was trimmed. */
  wake(id: string): void {
    this.#due.add(id)
    if (!this.#running) void this.#run()
  }

  async #run(): Promise<void> {
    this.#running = true
    for (const id of this.#due) {
      // Trimmed once more from here on, it comes once more.
      this.#due.delete(id)
      try {
        while (await this.#collect(id));
      } catch (error) {
        const isEnd = error instanceof StoreError && error.code === 'closed'
        if (!isEnd)
          this.#logger.warn(
            { err: error, stream: id },
            'Trimmed records are left for the next trim or sweep to remove',
          )
      }
    }
    this.#running = false
  }
}
