/**
 * Drives one provider: asks it for events one by one, and ends it.
 *
 * It can be cut at any time, whatever the provider does. A provider that ignores its signal is left behind after a
 * while, and one that never waits does not block the event loop.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { Logger } from '../../logging/logger.ts'
import { iteratorOf } from './iterator-of.ts'
import { type ProviderOf, ProviderOwner } from './provider-owner.ts'

/** How the provider ended. */
export type Ending =
  /** It finished. */
  | { readonly type: 'whole' }
  /** It threw, possibly where nothing could catch it; then it was cut. */
  | { readonly type: 'threw'; readonly error: unknown }
  /** It was cut, and did not end in time. */
  | { readonly type: 'left' }

/** Most events taken without a turn of the event loop. */
const EVENTS_PER_TURN = 100

export interface GenerationOptions {
  /** The run and kind of the provider, for the log. */
  readonly of: ProviderOf
  readonly logger: Logger
  /** Calls the provider. */
  readonly begin: (signal: AbortSignal) => AsyncIterable<unknown>
  /** Takes an event. An error cuts the generation; a returned promise is awaited before the next event. */
  readonly take: (event: unknown) => Promise<void> | undefined
  /** Milliseconds that a cut provider has to end. */
  readonly stopTimeoutMs: number
  /**
   * Set when the provider is called only to cancel its upstream work: its signal is aborted for this reason from the
   * start.
   */
  readonly cutFor?: Error
}

export class Generation {
  /** Never rejects. */
  readonly ending: Promise<Ending>
  /** Resolves when the provider has ended, even after it was left behind. */
  readonly done: Promise<void>
  readonly #options: GenerationOptions
  /** All calls into the provider, and no others, are made under this owner. */
  readonly #owner: ProviderOwner
  readonly #abort = new AbortController()
  readonly #left = Promise.withResolvers<Ending>()
  #iterator: AsyncIterator<unknown> | undefined
  #leaving: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #thrownLate: Ending | undefined
  #over = false
  #askedAt: number | undefined
  #aliveAt = 0

  /** Begins at once. */
  constructor(options: GenerationOptions) {
    this.#options = options
    this.#owner = new ProviderOwner(options.of, options.logger, (error) => this.#threwLate(error))
    if (options.cutFor) this.cut(options.cutFor)
    const ending = this.#run().then(
      (): Ending => ({ type: 'whole' }),
      (error: unknown): Ending => ({ type: 'threw', error }),
    )
    this.done = ending.then(() => undefined)
    this.ending = Promise.race([ending, this.#left.promise]).then((how) => {
      this.#over = true
      clearTimeout(this.#timer)
      this.#owner.release()
      return this.#thrownLate ?? how
    })
  }

  /**
   * Since when, by `performance.now()`, it has been waiting for an event of the provider; undefined while it is not.
   */
  get askedAt(): number | undefined {
    return this.#askedAt
  }

  /** Since when the provider has given no sign of life either; at the earliest, when it was asked. */
  get quietSince(): number | undefined {
    return this.#askedAt === undefined ? undefined : Math.max(this.#askedAt, this.#aliveAt)
  }

  /** The provider reports that its upstream service is working. */
  alive(): void {
    this.#aliveAt = performance.now()
  }

  /** Ends the provider: aborts its signal with the reason, and asks its iterator to return. */
  cut(reason: Error): void {
    if (this.#abort.signal.aborted || this.#over) return
    this.#timer = setTimeout(() => {
      this.#over = true
      this.#left.resolve({ type: 'left' })
    }, this.#options.stopTimeoutMs)
    this.#owner.cut(reason)
    this.#owner.call(() => this.#abort.abort(reason))
    // Some iterators do not know signals. A generator notices `return` when it yields next; that event is kept.
    this.#leaving = this.#return()
    this.#leaving.catch(() => undefined)
  }

  /** Returns whether the error ends the generation. */
  #threwLate(error: unknown): boolean {
    if (this.#abort.signal.aborted || this.#over) return false
    this.#thrownLate = { type: 'threw', error }
    this.cut(new Error('The provider failed', { cause: error }))
    return true
  }

  async #run(): Promise<void> {
    const { begin, take } = this.#options
    const { signal } = this.#abort
    const owner = this.#owner
    const iterator = owner.call(() => iteratorOf(begin(signal)))
    this.#iterator = iterator
    const next = (): Promise<IteratorResult<unknown>> => iterator.next()
    if (signal.aborted) {
      // This lets the provider cancel the upstream work it would have continued.
      await owner.call(next)
      await this.#return()
      return
    }
    for (let events = 1; !signal.aborted; events++) {
      this.#askedAt = performance.now()
      const result = await owner.call(next)
      this.#askedAt = undefined
      if (this.#over || result.done) break
      try {
        const room = take(result.value)
        if (room) await room
      } catch (error) {
        this.cut(error as Error)
        await this.#leaving?.catch(() => undefined)
        throw error
      }
      if (events % EVENTS_PER_TURN === 0) await turn()
    }
    await this.#leaving?.catch(() => undefined)
  }

  async #return(): Promise<void> {
    await this.#owner.call(() => this.#iterator?.return?.())
  }
}
