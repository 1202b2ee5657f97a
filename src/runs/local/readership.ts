/**
 * Whether a run has readers in any process. A process knows its own; the others are asked only when a run would
 * otherwise be stopped as unread.
 */
import type { Mailbox } from '../control/mailbox.ts'
import type { RunSettings } from '../options.ts'
import { pause } from '../../time/ticker.ts'

/** Time for the others to answer: two appends and their delivery to a watcher, on busy machines. */
const ANSWER_MS = 2000
/** Time for the store to accept the question. */
const ASK_MS = 10_000

export class Readership {
  readonly #settings: RunSettings
  readonly #mailbox: Mailbox
  readonly #closed: AbortSignal
  /** Runs that the others are being asked about; each aborts at the first answer. */
  readonly #asked = new Map<string, AbortController>()

  /** @param closed ends all questions. */
  constructor(settings: RunSettings, mailbox: Mailbox, closed: AbortSignal) {
    this.#settings = settings
    this.#mailbox = mailbox
    this.#closed = closed
  }

  /** Readers in this process. Throws what the application's `readers` throws. */
  here(run: string): number {
    return this.#settings.readers?.(run) ?? 0
  }

  /** Whether a run has readers in other processes. Rejects as the store does. */
  async elsewhere(run: string): Promise<boolean> {
    const answered = new AbortController()
    this.#asked.set(run, answered)
    try {
      const asking = AbortSignal.any([this.#closed, AbortSignal.timeout(ASK_MS)])
      const told = await this.#mailbox.askForReaders(run, asking)
      if (told > 0) await pause(ANSWER_MS, AbortSignal.any([this.#closed, answered.signal]))
      return answered.signal.aborted
    } finally {
      this.#asked.delete(run)
    }
  }

  /** Answers another process that asks about its run. Without readers here, it sends nothing. */
  async answer(run: string, holder: string): Promise<void> {
    try {
      if (this.here(run) > 0) await this.#mailbox.tellOfReaders(holder, run, this.#closed)
    } catch (err) {
      if (!this.#closed.aborted)
        this.#settings.logger.warn({ err, run }, 'another process could not be told of the readers of a run')
    }
  }

  /** Another process has readers of a run. */
  heard(run: string): void {
    this.#asked.get(run)?.abort()
  }
}
