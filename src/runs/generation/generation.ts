/**
 * Drives one provider: asks it for one event after the other, and ends it.
 *
 * It can be cut at any time, whatever the provider does: one that ignores its signal is left behind
 * after a while, and one that never waits for anything still lets the event loop have its turns.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { Logger } from '../../logging/logger.ts'
import { type ProviderOf, ProviderOwner } from './provider-owner.ts'

/** How the provider ended. */
export type Ending =
  /** It said that it is done. */
  | { readonly type: 'whole' }
  /** Also where nobody could catch it: then it was cut. */
  | { readonly type: 'threw'; readonly error: unknown }
  /** It was cut, and did not end in time. */
  | { readonly type: 'left' }

/** Events taken at most without a turn of the event loop. */
const EVENTS_PER_TURN = 100

export interface GenerationOptions {
  /** Whose the provider is, for the log. */
  readonly of: ProviderOf
  readonly logger: Logger
  /** Calls the provider. */
  readonly begin: (signal: AbortSignal) => AsyncIterable<unknown>
  /** Takes an event. What it throws cuts the generation; what it returns is waited for before the next. */
  readonly take: (event: unknown) => Promise<void> | undefined
  /** Milliseconds that a provider which was cut has to end. */
  readonly stopTimeoutMs: number
  /** Begun only to be ended: the provider is called under a signal that aborted for this reason. */
  readonly cutFor?: Error
}

export class Generation {
  /** Never rejects. */
  readonly ending: Promise<Ending>
  /** Resolves when the provider has ended, also after it was left behind. */
  readonly done: Promise<void>
  readonly #options: GenerationOptions
  /** Everything of the provider is called under it, and nothing else. */
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

  /** Since when, on the clock of `performance.now()`, the provider owes an event; undefined while it does not. */
  get askedAt(): number | undefined {
    return this.#askedAt
  }

  /** Since when it gave no sign of life either: never before it was asked. */
  get quietSince(): number | undefined {
    return this.#askedAt === undefined ? undefined : Math.max(this.#askedAt, this.#aliveAt)
  }

  /** The provider says that whoever it asks is at work. */
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
    // Some iterators know no signal. A generator sees this once it yields; what it yields then is kept.
    this.#leaving = this.#return()
    this.#leaving.catch(() => undefined)
  }

  /** Whether that ends it. */
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
    const iterator = owner.call(() => begin(signal)[Symbol.asyncIterator]())
    this.#iterator = iterator
    const next = (): Promise<IteratorResult<unknown>> => iterator.next()
    if (signal.aborted) {
      // What it was to go on with is ended upstream by this.
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
