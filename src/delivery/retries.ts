/** Attempts that failed, each made again a little later. One timer for all; none while there are none. */

/** Milliseconds between two attempts. */
const RETRY_MS = 250

/** Attempts made at a time, so that a store that comes back is not met by all at once. */
const MAX_AT_ONCE = 100

export class Retries {
  readonly #waiting = new Set<() => void>()
  #timer: NodeJS.Timeout | undefined

  get size(): number {
    return this.#waiting.size
  }

  /** Calls `attempt` later, unless it was dropped by then. */
  add(attempt: () => void): void {
    this.#waiting.add(attempt)
    this.#timer ??= setTimeout(this.#retry, RETRY_MS).unref()
  }

  delete(attempt: () => void): void {
    this.#waiting.delete(attempt)
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#waiting.clear()
  }

  readonly #retry = (): void => {
    this.#timer = undefined
    const due = [...this.#waiting].slice(0, MAX_AT_ONCE)
    for (const attempt of due) this.#waiting.delete(attempt)
    for (const attempt of due) attempt()
    if (this.#waiting.size > 0) this.#timer ??= setTimeout(this.#retry, RETRY_MS).unref()
  }
}
