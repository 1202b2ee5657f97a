import type { Json } from '../../src/protocol/json.ts'
import type { RunContext, RunProvider } from '../../src/providers/provider.ts'

/** One call of a provider that does what the test says. */
export class Puppet {
  readonly context: RunContext
  readonly #events: (() => unknown)[] = []
  #wake = Promise.withResolvers<void>()
  /** Whether the generator has ended, by whatever. */
  ended = false

  constructor(context: RunContext) {
    this.context = context
  }

  yield(...events: readonly unknown[]): void {
    for (const event of events) this.#do(() => event)
  }

  /** Yields an event that carries a checkpoint. */
  checkpoint(value: Json, event: unknown): void {
    this.#do(() => {
      this.context.checkpoint(value)
      return event
    })
  }

  throw(error: unknown): void {
    this.#do(() => {
      throw error
    })
  }

  end(): void {
    this.#do(() => END)
  }

  async *play(): AsyncGenerator<Json, void, undefined> {
    const { signal } = this.context
    const abort = (): void => this.#wake.resolve()
    signal.addEventListener('abort', abort)
    try {
      for (;;) {
        signal.throwIfAborted()
        const next = this.#events.shift()
        if (!next) {
          await this.#wake.promise
          this.#wake = Promise.withResolvers()
          continue
        }
        const event = next()
        if (event === END) return
        yield event as Json
      }
    } finally {
      signal.removeEventListener('abort', abort)
      this.ended = true
    }
  }

  #do(event: () => unknown): void {
    this.#events.push(event)
    this.#wake.resolve()
  }
}

const END = Symbol('end')

/** A provider, and each call of it. */
export class PuppetProvider {
  readonly calls: Puppet[] = []

  readonly provider: RunProvider = (context) => {
    const puppet = new Puppet(context)
    this.calls.push(puppet)
    return puppet.play()
  }

  /** The same, as what a definition of runs does. */
  readonly run = (_input: unknown, context: RunContext): AsyncIterable<unknown> => this.provider(context)

  get last(): Puppet {
    const puppet = this.calls.at(-1)
    if (!puppet) throw new Error('The provider was not called')
    return puppet
  }
}

/** A provider that throws before it yields anything. */
export function throwing(error: unknown): RunProvider {
  return async function* () {
    yield* []
    throw error
  }
}
