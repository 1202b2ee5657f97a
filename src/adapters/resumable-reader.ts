/** A reader of the package `resumable-stream`: it is given the text of a log, then what comes, and the package's word for the end. */
import type { Logger } from '../logging/logger.ts'
import { readRunEnd } from '../protocol/run-end.ts'
import type { StreamStore } from '../streams/store.ts'
import { pagesOf } from './pages.ts'
import type { PagesEnd } from './pages.ts'
import type { Orphans } from './orphans.ts'

/** By this text on a chunk channel the package knows the end of a stream. */
export const DONE_MESSAGE = '\n\n\nDONE_SENTINEL_hasdfasudfyge374%$%^$EDSATRTYFtydryrte\n'

export interface ResumableReaderOptions {
  readonly store: StreamStore
  readonly logger: Logger
  readonly orphans: Orphans
  /** Given before the end of a stream that did not end well. */
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

  /** Gives the text of a stream, from so many UTF-16 units on. Once. */
  start(id: string, skip: number): void {
    if (this.#hasBegun) return
    this.#hasBegun = true
    void this.#give(id, skip)
  }

  /** Nothing is given any more. */
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
        // The first one is given also when it is empty: the package takes it for the answer to its request.
        if (isFirst || text.length > left) this.#say(text.slice(left))
        left = Math.max(0, left - text.length)
      }
      this.#end(result.value)
    } catch (err) {
      if (signal.aborted) return
      logger.error({ err, stream: id }, 'a stream could not be read any further')
      this.#end({ type: 'gone', reason: 'lost' })
    }
  }

  #end(end: PagesEnd): void {
    const isWell = end.type === 'closed' && readRunEnd(end.end)?.status === 'completed'
    const { interrupted } = this.#options
    if (!isWell && interrupted !== undefined) this.#say(interrupted)
    this.#call(DONE_MESSAGE)
  }

  /** A text that happens to be the package's word for the end is given in two. */
  #say(text: string): void {
    const pieces = text === DONE_MESSAGE ? [text.slice(0, 1), text.slice(1)] : [text]
    for (const piece of pieces) this.#call(piece)
  }

  #call(message: string): void {
    if (this.#left.signal.aborted) return
    // The package's own is async. Not waited for: at the end it waits for `leave`.
    const answered: unknown = this.#options.callback(message)
    if (!(answered instanceof Promise)) return
    answered.catch((err: unknown) => this.#options.logger.error({ err }, 'a reader failed'))
  }
}

function textOf(records: readonly (string | Uint8Array)[]): string {
  return records.map((record) => JSON.parse(record as string) as string).join('')
}
