/** Attributes errors that a provider throws outside of any call to its run, so that only that run fails. */
import { isAbortFor } from '../../logging/abort-errors.ts'
import { type CallHandler, type HandlerOwner, callsOf, logLate } from '../../logging/late-errors.ts'
import type { Logger } from '../../logging/logger.ts'

/** The run and kind of a provider. */
export interface ProviderOf {
  readonly run: string
  readonly kind: string | undefined
}

export class ProviderOwner implements HandlerOwner {
  /** Calls into the provider, so that errors it throws later are attributed to this run. */
  readonly call: CallHandler
  readonly #of: ProviderOf
  readonly #logger: Logger
  #fail: ((error: unknown) => boolean) | undefined
  #cutFor: Error | undefined

  /** @param fail ends the provider, and so its run, for an error; returns whether the provider was still running. */
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

  /** The provider's signal aborts for this reason. From now on, an error that only repeats it is ignored. */
  cut(reason: Error): void {
    this.#cutFor = reason
  }

  /** The provider ended. Releases the run, because work that the provider began may keep a reference to this owner. */
  release(): void {
    this.#fail = undefined
  }
}
