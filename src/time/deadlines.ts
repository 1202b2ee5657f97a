/**
 * Actions that become due a fixed time after they were added: ends of long polls, renewals. One timer serves
 * all of them, and runs only while there are any.
 */
import { DeadlineQueue } from './deadline-queue.ts'

export class Deadlines {
  readonly #delayMs: number
  readonly #queue: DeadlineQueue<() => void>
  #timer: NodeJS.Timeout | undefined

  constructor(delaySeconds: number) {
    this.#delayMs = delaySeconds * 1000
    this.#queue = new DeadlineQueue(this.#delayMs)
  }

  get size(): number {
    return this.#queue.size
  }

  /** Calls `action` once, when its time has come. Adding it again restarts its time. */
  add(action: () => void): void {
    this.#queue.add(action, performance.now())
    this.#timer ??= setInterval(() => this.#tick(), Math.min(1000, this.#delayMs / 4)).unref()
  }

  delete(action: () => void): void {
    this.#queue.delete(action)
    this.#rest()
  }

  #tick(): void {
    for (const action of this.#queue.take(performance.now(), Number.POSITIVE_INFINITY)) action()
    this.#rest()
  }

  /** Stops the timer when nothing is left. */
  #rest(): void {
    if (this.#queue.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
