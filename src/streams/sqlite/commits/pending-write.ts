/** A write that waits for its transaction, or is in it. A single object, because there is one per append. */
import type { WaitingWrites } from '../../bookkeeping/waiting-writes.ts'

/** How much a write adds to its transaction. `bytes` is what it holds in memory while it waits. */
export interface Weight {
  readonly records: number
  readonly bytes: number
  /** Whether it removes more than it adds: allowed, and retried, while the disk is full. */
  readonly frees?: boolean
}

export class PendingWrite {
  readonly weight: Weight
  readonly since: number = performance.now()
  /** The writes it failed together with; it shares its next transaction only with some of them. */
  half: symbol | undefined
  /** How often it did not fit, and was tried again with the room that was made. */
  tries = 0
  readonly #waiting: WaitingWrites
  readonly #work: (now: number) => unknown
  readonly #resolve: (result: unknown) => void
  readonly #reject: (reason: unknown) => void
  #result: unknown
  #stay: (() => void) | undefined

  /** @throws {StoreError} `overloaded` when too much waits already. */
  constructor(
    weight: Weight,
    waiting: WaitingWrites,
    work: (now: number) => unknown,
    resolve: (result: unknown) => void,
    reject: (reason: unknown) => void,
  ) {
    waiting.take(weight.bytes)
    this.weight = weight
    this.#waiting = waiting
    this.#work = work
    this.#resolve = resolve
    this.#reject = reject
  }

  /** Has it withdrawn by the signal, until it is run. */
  until(signal: AbortSignal, withdraw: () => void): void {
    const leave = (): void => {
      withdraw()
      this.reject(signal.reason)
    }
    signal.addEventListener('abort', leave, { once: true })
    this.#stay = () => signal.removeEventListener('abort', leave)
  }

  run(now: number): void {
    this.#stay?.()
    this.#result = this.#work(now)
  }

  /** Answers with what its last run gave. */
  resolve(): void {
    this.#waiting.give(this.weight.bytes)
    this.#resolve(this.#result)
  }

  reject(reason: unknown): void {
    this.#stay?.()
    this.#waiting.give(this.weight.bytes)
    this.#reject(reason)
  }
}
