/** Failed attempts, each repeated a little later. One timer serves all of them, and runs only while there are some. */

/** Milliseconds between two attempts. */
const RETRY_MS = 250

/** Most attempts at a time, so that a store that recovers is not hit by all of them at once. */
const MAX_AT_ONCE = 100

export class Retries {
  readonly #waiting = new Set<() => void>()
  #timer: NodeJS.Timeout | undefined

  get size(): number {
    return this.#waiting.size
  }

  /** Calls `attempt` later, unless it is deleted before. */
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
