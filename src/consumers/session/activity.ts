/** Counts the handlers and tasks of a connection that run, to know when all have ended. */
import type { Logger } from '../../logging/logger.ts'
import { type Scope, scopeForLog } from '../scope.ts'

/** Seconds that a handler or a task may continue after its connection ended before that is logged. */
const STUCK_AFTER = 10

export class Activity {
  /** Resolves when everything has ended, and nothing more will begin. */
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

  /** A handler or a task begins; it runs until `end`. */
  begin(): void {
    this.#running++
  }

  end(): void {
    this.#running--
    if (!this.#isOver) return
    clearTimeout(this.#timer)
    this.#finish()
  }

  /** The handler that runs now is the last one of this connection. */
  last(): void {
    this.#last = true
  }

  /** The connection ended. Logs when a handler or a task continues for long. */
  watch(scope: Scope<never>, logger: Logger): void {
    if (this.#isOver) return
    this.#timer = setTimeout(() => {
      logger.warn(
        { scope: scopeForLog(scope), seconds: STUCK_AFTER },
        'handler still runs after its connection ended: pass this.signal to what it awaits',
      )
    }, STUCK_AFTER * 1000).unref()
  }

  get #isOver(): boolean {
    return this.#last && this.#running === 0
  }
}
