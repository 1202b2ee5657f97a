/** Which answer this tab reads, and which ones it asked for. */
import type { Reading } from './shown-messages.ts'

export class Readings {
  #now: Reading | undefined
  readonly #own = new Set<string>()
  /** The run that could not be read to its end: it is not read again by itself. */
  #lost: string | undefined
  #isOthersOver = false

  get now(): Reading | undefined {
    return this.#now
  }

  /** Whether this tab asked for the answer that it reads: tools of the page run in one tab. */
  get isOwn(): boolean {
    return this.#now !== undefined && this.#own.has(this.#now.run)
  }

  /** True for a moment when an answer has ended that another tab asked for: that one goes on by itself. */
  get isOthersOver(): boolean {
    return this.#isOthersOver
  }

  /** Notes that this tab asks for an answer by this run. */
  own(run: string): void {
    this.#own.add(run)
  }

  begin(run: string, question: string): void {
    this.#now = { run, question, answer: undefined }
  }

  /** Notes the id of the answer's message. */
  began(run: string, answer: string): void {
    if (this.#now?.run === run) this.#now = { ...this.#now, answer }
  }

  /** @param isLost whether it goes on, and cannot be read. */
  end(isLost: boolean): void {
    const { run } = this.#now ?? {}
    if (isLost) this.#lost = run
    this.#isOthersOver = run !== undefined && !this.#own.has(run)
    // `useChat` decides in the same task whether it goes on.
    queueMicrotask(() => (this.#isOthersOver = false))
    this.#now = undefined
  }

  leave(): void {
    this.#now = undefined
  }

  isLost(run: string): boolean {
    return run === this.#lost
  }
}
