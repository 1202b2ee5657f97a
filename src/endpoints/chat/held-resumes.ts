/**
 * Resumes over HTTP that wait for an answer to begin. Each holds one of the six connections that a browser has to a
 * server, so there are few at a time for one user or address, and none waits for long.
 */

/** Seconds that one waits: less than proxies do before they answer in the server's place. */
const HELD_FOR = 25
const MAX_HELD = 3

export interface HeldResume {
  /** Aborts when it has waited for long enough, or its client has left. */
  readonly signal: AbortSignal
  /** Whether it has waited for long enough. */
  readonly isOver: boolean
  /** Gives the place back. */
  leave(): void
}

export class HeldResumes {
  readonly #seconds: number
  readonly #held = new Map<string, number>()

  constructor(seconds: number = HELD_FOR) {
    this.#seconds = seconds
  }

  /** Takes a place for one that waits; undefined where as many wait as may. */
  take(key: string, signal: AbortSignal): HeldResume | undefined {
    const held = this.#held.get(key) ?? 0
    if (held >= MAX_HELD) return undefined
    this.#held.set(key, held + 1)
    const over = new AbortController()
    const timer = setTimeout(() => over.abort(), this.#seconds * 1000).unref()
    return {
      signal: AbortSignal.any([signal, over.signal]),
      get isOver() {
        return over.signal.aborted
      },
      leave: () => {
        clearTimeout(timer)
        const left = (this.#held.get(key) ?? 1) - 1
        if (left > 0) this.#held.set(key, left)
        else this.#held.delete(key)
      },
    }
  }
}
