/**
 * Things that are due a fixed time after they were added: signs of life, ends of long polls. One
 * timer for all, which runs only while there are any; since the delay is one, the order of adding is
 * the order of falling due, and what is not due is not looked at.
 */
export class Deadlines {
  readonly #delayMs: number
  readonly #due = new Map<() => void, number>()
  #timer: NodeJS.Timeout | undefined

  constructor(delaySeconds: number) {
    this.#delayMs = delaySeconds * 1000
  }

  get size(): number {
    return this.#due.size
  }

  /** Calls `action` once, when its time has come. Adding it again starts its time anew. */
  add(action: () => void): void {
    this.#due.delete(action)
    this.#due.set(action, performance.now() + this.#delayMs)
    this.#timer ??= setInterval(() => this.#tick(), Math.min(1000, this.#delayMs / 4)).unref()
  }

  delete(action: () => void): void {
    this.#due.delete(action)
    if (this.#due.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #tick(): void {
    const now = performance.now()
    const due: (() => void)[] = []
    for (const [action, at] of this.#due) {
      if (at > now) break
      due.push(action)
    }
    for (const action of due) {
      this.delete(action)
      action()
    }
  }
}
