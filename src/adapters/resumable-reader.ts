/**
 * A reader of the package `resumable-stream`: it receives the text of a log, then new text, and the package's end
 * marker.
 */
import type { Logger } from '../logging/logger.ts'
import { readRunEnd } from '../protocol/run-end.ts'
import type { StreamStore } from '../streams/store.ts'
import { pagesOf } from './pages.ts'
import type { PagesEnd } from './pages.ts'
import type { Orphans } from './orphans.ts'

/** The text on a chunk channel that marks the end of a stream. */
export const DONE_MESSAGE = '\n\n\nDONE_SENTINEL_hasdfasudfyge374%$%^$EDSATRTYFtydryrte\n'

export interface ResumableReaderOptions {
  readonly store: StreamStore
  readonly logger: Logger
  readonly orphans: Orphans
  /** Sent before the end of a stream that did not complete. */
  readonly interrupted: string | undefined
  readonly callback: (message: string) => void
}

export class ResumableReader {
  readonly #options: ResumableReaderOptions
  readonly #left = new AbortController()
  #hasBegun = false

  constructor(options: ResumableReaderOptions) {
    this.#options = options
  }

  /** Sends the text of a stream after this many UTF-16 units. Call it once. */
  start(id: string, skip: number): void {
    if (this.#hasBegun) return
    this.#hasBegun = true
    void this.#give(id, skip)
  }

  /** Sends nothing from now on. */
  leave(): void {
    this.#left.abort()
  }

  async #give(id: string, skip: number): Promise<void> {
    const { store, orphans, logger } = this.#options
    const { signal } = this.#left
    try {
      const pages = pagesOf(id, 'start', { store, orphans, signal })
      let left = skip
      let result = await pages.next()
      for (let isFirst = true; !result.done; result = await pages.next(), isFirst = false) {
        const text = textOf(result.value.records)
        // The first text is sent even if it is empty: the package takes it as the answer to its request.
        if (isFirst || text.length > left) this.#say(text.slice(left))
        left = Math.max(0, left - text.length)
      }
      this.#end(result.value)
    } catch (err) {
      if (signal.aborted) return
      logger.error({ err, stream: id }, 'stream could not be read further')
      this.#end({ type: 'gone', reason: 'lost' })
    }
  }

  #end(end: PagesEnd): void {
    const isWell = end.type === 'closed' && readRunEnd(end.end)?.status === 'completed'
    const { interrupted } = this.#options
    if (!isWell && interrupted !== undefined) this.#say(interrupted)
    this.#call(DONE_MESSAGE)
  }

  /** A text that equals the end marker is sent in two parts. */
  #say(text: string): void {
    const pieces = text === DONE_MESSAGE ? [text.slice(0, 1), text.slice(1)] : [text]
    for (const piece of pieces) this.#call(piece)
  }

  #call(message: string): void {
    if (this.#left.signal.aborted) return
    // The package's callback is async. It is not awaited, because at the end it waits for `leave`.
    const answered: unknown = this.#options.callback(message)
    if (!(answered instanceof Promise)) return
    answered.catch((err: unknown) => this.#options.logger.error({ err }, 'reader failed'))
  }
}

function textOf(records: readonly (string | Uint8Array)[]): string {
  return records.map((record) => JSON.parse(record as string) as string).join('')
}
