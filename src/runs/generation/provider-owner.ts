/** What a provider throws where nobody can catch it is its run's affair, and fails that alone. */
import { isAbortFor } from '../../logging/abort-errors.ts'
import { type CallHandler, type HandlerOwner, callsOf, logLate } from '../../logging/late-errors.ts'
import type { Logger } from '../../logging/logger.ts'

/** Whose provider it is. */
export interface ProviderOf {
  readonly run: string
  readonly kind: string | undefined
}

export class ProviderOwner implements HandlerOwner {
  /** Calls what is the provider's: what that throws later is known to be this run's. */
  readonly call: CallHandler
  readonly #of: ProviderOf
  readonly #logger: Logger
  #fail: ((error: unknown) => boolean) | undefined
  #cutFor: Error | undefined

  /** @param fail ends the provider, and so its run, for an error; says whether it went on until then. */
  constructor(of: ProviderOf, logger: Logger, fail: (error: unknown) => boolean) {
    this.#of = of
    this.#logger = logger
    this.#fail = fail
    this.call = callsOf(this)
  }

  threwLate(error: unknown): void {
    if (this.#cutFor && isAbortFor(error, this.#cutFor)) return
    const { run, kind } = this.#of
    const outcome = this.#fail?.(error) ? 'its run fails' : 'its run has an end already'
    const name = kind === undefined ? 'the provider of a run' : `the provider of a run of the kind ${kind}`
    logLate(this.#logger, { name, outcome }, { err: error, run })
  }

  /** Its signal aborts for this reason: what only says so is no error from here on. */
  cut(reason: Error): void {
    this.#cutFor = reason
  }

  /** It ended. Lets go of the run: what the provider began may remember this owner for ever. */
  release(): void {
    this.#fail = undefined
  }
}
