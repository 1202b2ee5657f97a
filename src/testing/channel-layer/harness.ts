/**
 * What a case of the channel layer's suite is made of, and what it is given to run.
 *
 * Cases know the `ChannelLayer` interface, `node:assert` and nothing else, so that they run under any
 * test runner. They show that nothing arrives without waiting for it: what was sent afterwards is
 * what comes first.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ChannelErrorCode } from '../../channels/errors.ts'
import type { ChannelLayer, ChannelMessage } from '../../channels/layer.ts'
import type { ChannelLayerOptions } from '../../channels/options.ts'

/**
 * What some layers cannot do:
 *
 * - `peers`: two layers, as two processes have them, share messages and groups.
 * - `named-channels`: a channel without a `!` keeps messages until some process receives them.
 * - `sender-sees-capacity`: a sender learns that a channel with a `!` of its own process is full.
 * - `bytes-and-big-integers`: messages carry more than JSON does.
 */
export type ChannelLayerAbility =
  | 'peers'
  | 'named-channels'
  | 'sender-sees-capacity'
  | 'bytes-and-big-integers'

/** How to get the layers that are put to the test. */
export interface ChannelLayerHarness {
  /** An open layer that shares nothing with the ones made before. The case closes it. */
  make(options?: ChannelLayerOptions): ChannelLayer | Promise<ChannelLayer>
  /** Another open layer with the same options that shares messages and groups with the first. */
  peer?(of: ChannelLayer): ChannelLayer | Promise<ChannelLayer>
  /**
   * Lets time pass for every layer of this harness. Without it the cases that need time use times of
   * about a second, and wait.
   */
  advance?(seconds: number): void | Promise<void>
  /** Seconds after which a message or an answer that did not come is missing. Default: 4. */
  readonly patience?: number
  /** What the layer cannot do, each with the reason; see `reasonToSkip`. */
  readonly cannot?: Readonly<Partial<Record<ChannelLayerAbility, string>>>
}

export interface ChannelLayerCase {
  /** What is true of a layer that passes; unique. */
  readonly name: string
  /** The rules of docs/channel-layer.md that the case holds: `CL-1`, … */
  readonly rules: readonly string[]
  readonly needs: readonly ChannelLayerAbility[]
  /** Rejects with an `AssertionError` when the layer breaks a rule. Cases may run side by side. */
  run(harness: ChannelLayerHarness): Promise<void>
}

/** Why a layer need not pass a case, or undefined when it must. */
export function reasonToSkip(layerCase: ChannelLayerCase, harness: ChannelLayerHarness): string | undefined {
  return layerCase.needs.map((ability) => harness.cannot?.[ability]).find((reason) => reason !== undefined)
}

/** Makes a case; the layers it used are closed when it ends. */
export function layerCase(
  rules: readonly string[],
  name: string,
  body: (trial: Trial) => Promise<void>,
  needs: readonly ChannelLayerAbility[] = [],
): ChannelLayerCase {
  const run = async (harness: ChannelLayerHarness): Promise<void> => {
    const trial = new Trial(harness)
    try {
      await body(trial)
    } finally {
      await trial.end()
    }
  }
  return { name, rules, needs, run }
}

/** One run of one case. */
export class Trial {
  readonly #harness: ChannelLayerHarness
  readonly #layers: ChannelLayer[] = []

  constructor(harness: ChannelLayerHarness) {
    this.#harness = harness
  }

  async layer(options: ChannelLayerOptions = {}): Promise<ChannelLayer> {
    return this.#keep(await this.#harness.make(options))
  }

  async peer(of: ChannelLayer): Promise<ChannelLayer> {
    assert.ok('peer' in this.#harness, 'the harness has neither `peer` nor a reason in `cannot.peers`')
    return this.#keep(await this.#harness.peer(of))
  }

  #keep(layer: ChannelLayer): ChannelLayer {
    this.#layers.push(layer)
    return layer
  }

  async end(): Promise<void> {
    await Promise.all(this.#layers.map((layer) => layer.close()))
  }

  /** Begins to wait for a message. A case that fails meanwhile leaves no rejection unhandled. */
  receive(layer: ChannelLayer, channel: string, signal?: AbortSignal): Promise<ChannelMessage> {
    const receiving = layer.receive(channel, signal)
    receiving.catch(() => {})
    return receiving
  }

  /** The next message of a channel, which must come soon. */
  next(layer: ChannelLayer, channel: string): Promise<ChannelMessage> {
    return this.soon(this.receive(layer, channel), `a message of ${channel}`)
  }

  /** Takes as many messages as are expected, and compares each. */
  async expectNext(
    layer: ChannelLayer,
    channel: string,
    ...messages: readonly ChannelMessage[]
  ): Promise<void> {
    for (const message of messages) assert.deepStrictEqual(await this.next(layer, channel), message)
  }

  /** What a promise resolves to, which must happen soon. */
  async soon<T>(promise: Promise<T>, what: string): Promise<T> {
    const { patience = 4 } = this.#harness
    const arrived = new AbortController()
    const missing = sleep(patience * 1000, undefined, { signal: arrived.signal }).then(
      () => assert.fail(`${what} did not come within ${patience} s`),
      () => undefined as never,
    )
    try {
      return await Promise.race([promise, missing])
    } finally {
      arrived.abort()
    }
  }

  /** The call must reject, rather than throw, with an error of this code. */
  async expectError(code: ChannelErrorCode, call: () => Promise<unknown>): Promise<void> {
    const outcome = call().then(
      () => assert.fail(`the call succeeded; it should be refused with ${code}`),
      (error: unknown) => error,
    )
    const error = await this.soon(outcome, `the error ${code}`)
    assert.ok(error instanceof Error, `${code} is an Error`)
    assert.equal('code' in error ? error.code : undefined, code, error.message)
    assert.notEqual(error.message, '', 'the error says what is wrong')
  }

  /** Seconds that are short for this harness, to be used as an expiry. */
  get shortTime(): number {
    return this.#harness.advance ? 60 : 1
  }

  async elapse(seconds: number): Promise<void> {
    if (this.#harness.advance) await this.#harness.advance(seconds)
    // Timers may fire a little early, and a layer's server may count in whole milliseconds.
    else await sleep(seconds * 1000 + 20)
  }

  /**
   * Runs what must be over within so many seconds to mean anything. When time is real and the machine
   * stalls, a failure says nothing about the layer, and there is another attempt.
   */
  async withinTime(seconds: number, attempt: () => Promise<void>): Promise<void> {
    for (let attempts = 1; ; attempts++) {
      const start = performance.now()
      try {
        return await attempt()
      } catch (error) {
        const stalled = !this.#harness.advance && performance.now() - start > seconds * 1000
        if (!stalled || attempts === 5) throw error
      }
    }
  }
}
