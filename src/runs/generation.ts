/**
 * Drives one provider: asks it for one event after the other, and ends it.
 *
 * It can be cut at any time, whatever the provider does: one that ignores its signal is left behind
 * after a while, and one that never waits for anything still lets the event loop have its turns.
 */
import { setImmediate as turn } from 'node:timers/promises'

/** How the provider ended. */
export type Ending =
  /** It said that it is done. */
  | { readonly type: 'whole' }
  | { readonly type: 'threw'; readonly error: unknown }
  /** It was cut, and did not end in time. */
  | { readonly type: 'left' }

/** Events taken at most without a turn of the event loop. */
const EVENTS_PER_TURN = 100

export interface GenerationOptions {
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
  readonly #options: GenerationOptions
  readonly #abort = new AbortController()
  readonly #left = Promise.withResolvers<Ending>()
  #iterator: AsyncIterator<unknown> | undefined
  #leaving: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #over = false
  #askedAt: number | undefined
  #aliveAt = 0

  /** Begins at once. */
  constructor(options: GenerationOptions) {
    this.#options = options
    if (options.cutFor) this.cut(options.cutFor)
    const ending = this.#run().then(
      (): Ending => ({ type: 'whole' }),
      (error: unknown): Ending => ({ type: 'threw', error }),
    )
    this.ending = Promise.race([ending, this.#left.promise]).finally(() => {
      this.#over = true
      clearTimeout(this.#timer)
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
    this.#abort.abort(reason)
    // Some iterators know no signal. A generator sees this once it yields; what it yields then is kept.
    this.#leaving = this.#return()
    this.#leaving.catch(() => undefined)
  }

  async #run(): Promise<void> {
    const { begin, take } = this.#options
    const { signal } = this.#abort
    const iterator = begin(signal)[Symbol.asyncIterator]()
    this.#iterator = iterator
    if (signal.aborted) {
      // What it was to go on with is ended upstream by this.
      await iterator.next()
      await iterator.return?.()
      return
    }
    for (let events = 1; !signal.aborted; events++) {
      this.#askedAt = performance.now()
      const next = await iterator.next()
      this.#askedAt = undefined
      if (this.#over || next.done) break
      try {
        const room = take(next.value)
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
    await this.#iterator?.return?.()
  }
}
