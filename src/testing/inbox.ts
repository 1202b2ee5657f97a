/** Items that arrived and were not taken yet, in order. One caller waits at a time, as a test does. */
import type { ConnectionClosedError } from '../consumers/transport.ts'

export class Inbox<T> {
  /** Resolves when the connection has ended, to how it ended. */
  readonly ended: Promise<ConnectionClosedError>
  readonly #items: T[] = []
  readonly #finish: (closed: ConnectionClosedError) => void
  #closed: ConnectionClosedError | undefined
  #wake: (() => void) | undefined

  constructor() {
    const { promise, resolve } = Promise.withResolvers<ConnectionClosedError>()
    this.ended = promise
    this.#finish = resolve
  }

  put(item: T): void {
    this.#items.push(item)
    this.#wake?.()
  }

  end(closed: ConnectionClosedError): void {
    this.#closed = closed
    this.#finish(closed)
    this.#wake?.()
  }

  /** Takes the next item; rejects if none comes within this many seconds, or the connection ends. */
  async take(seconds: number, what: string): Promise<T> {
    await this.#arrival(seconds)
    if (this.#items.length > 0) return this.#items.shift() as T
    throw this.#closed ?? new Error(`${what} within ${seconds} s`)
  }

  async staysEmpty(seconds: number): Promise<boolean> {
    await this.#arrival(seconds)
    return this.#items.length === 0
  }

  /** Resolves when there is an item, at the end of the connection, or after this many seconds. */
  async #arrival(seconds: number): Promise<void> {
    if (this.#items.length > 0 || this.#closed) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, seconds * 1000)
    this.#wake = resolve
    await promise
    clearTimeout(timer)
    this.#wake = undefined
  }
}
