/** Counts what has come, and wakes who waits for so much more: chaos is paced by records, not by a clock. */
export class Progress {
  count = 0
  /** On the clock of `performance.now()`. */
  lastAt: number = performance.now()
  readonly #waiting = new Set<() => void>()

  add(): void {
    this.count++
    this.lastAt = performance.now()
    for (const look of this.#waiting) look()
  }

  /** Resolves once `count` more have come; rejects with the reason of the signal. */
  async more(count: number, signal: AbortSignal): Promise<void> {
    const target = this.count + count
    await this.until(() => this.count >= target, signal)
  }

  /** Resolves once a condition holds, which is looked at whenever something came. */
  async until(holds: () => boolean, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (holds()) return
    await new Promise<void>((resolve, reject) => {
      const end = (): void => {
        this.#waiting.delete(look)
        signal.removeEventListener('abort', abort)
      }
      const look = (): void => {
        if (!holds()) return
        end()
        resolve()
      }
      const abort = (): void => {
        end()
        reject(signal.reason)
      }
      this.#waiting.add(look)
      signal.addEventListener('abort', abort, { once: true })
    })
  }
}
