/**
 * Does some work again and again, on one timer. A tick is skipped while the work of an earlier one still
 * runs.
 */

export interface TickerOptions {
  /** Whether the timer keeps the process alive. */
  readonly ref: boolean
}

export class Ticker {
  readonly #everyMs: number
  readonly #work: () => Promise<void> | void
  readonly #ref: boolean
  #timer: NodeJS.Timeout | undefined
  #working: Promise<void> | undefined
  #again = false

  /** `work` must not throw. */
  constructor(everyMs: number, work: () => Promise<void> | void, { ref }: TickerOptions) {
    this.#everyMs = everyMs
    this.#work = work
    this.#ref = ref
  }

  get running(): boolean {
    return this.#timer !== undefined
  }

  start(): void {
    if (this.#timer) return
    this.#timer = setInterval(() => this.#tick(), this.#everyMs)
    if (!this.#ref) this.#timer.unref()
  }

  /** Works now, or once more after the work that runs. */
  now(): void {
    if (this.#working) this.#again = true
    else this.#tick()
  }

  /** Stops; resolves when work that still runs has ended. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#again = false
    await this.#working
  }

  #tick(): void {
    if (this.#working) return
    const working = this.#work()
    if (!working) return
    this.#working = working.then(() => {
      this.#working = undefined
      if (!this.#again) return
      this.#again = false
      this.#tick()
    })
  }
}

/** Waits. The signal ends the wait early, without an error. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, milliseconds)
    signal.addEventListener('abort', end, { once: true })
  })
}
