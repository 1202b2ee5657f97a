/** Gives up a connection on which not a byte comes. */
export class Watchdog {
  readonly #end = new AbortController()
  readonly #seconds: number
  #timer: ReturnType<typeof setTimeout> | undefined

  /** Begins to wait, for so many seconds between two bytes. */
  constructor(seconds: number) {
    this.#seconds = seconds
    this.fed()
  }

  /** Aborts when the time is over. */
  get signal(): AbortSignal {
    return this.#end.signal
  }

  /** Bytes came, or may be expected within other than the usual time. */
  fed(seconds: number = this.#seconds): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#end.abort(), seconds * 1000)
  }

  /** Waits no longer. */
  stop(): void {
    clearTimeout(this.#timer)
  }
}
