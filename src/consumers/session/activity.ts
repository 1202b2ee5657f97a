/** What runs of a connection, so that it is known when nothing does any more. */
import type { Logger } from '../../logging/logger.ts'
import { type Scope, scopeForLog } from '../scope.ts'

/** Seconds that a handler or a task may go on after its connection ended before the log names it. */
const STUCK_AFTER = 10

export class Activity {
  /** Resolves when nothing runs any more, and nothing will. */
  readonly finished: Promise<void>
  readonly #finish: () => void
  #running = 0
  #last = false
  #timer: NodeJS.Timeout | undefined

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.finished = promise
    this.#finish = resolve
  }

  /** Something runs, until `end`. */
  begin(): void {
    this.#running++
  }

  end(): void {
    this.#running--
    if (!this.#isOver) return
    clearTimeout(this.#timer)
    this.#finish()
  }

  /** What begins now is the last thing to do for this connection. */
  last(): void {
    this.#last = true
  }

  /** The connection ended: names in the log what goes on for long. */
  watch(scope: Scope<never>, logger: Logger): void {
    if (this.#isOver) return
    this.#timer = setTimeout(() => {
      logger.warn(
        { scope: scopeForLog(scope), seconds: STUCK_AFTER },
        'a handler goes on after its connection ended: pass this.signal to what it awaits',
      )
    }, STUCK_AFTER * 1000).unref()
  }

  get #isOver(): boolean {
    return this.#last && this.#running === 0
  }
}
