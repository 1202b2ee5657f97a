/**
 * The cases of the channel layer's suite, and what they run with.
 *
 * Cases know the `ChannelLayer` interface, `node:assert` and nothing else, so that they run under any test runner. To
 * show that nothing arrives, they send something afterwards and expect that first.
 */
import assert from 'node:assert/strict'
import type { ChannelErrorCode } from '../../channels/errors.ts'
import type { ChannelLayer, ChannelMessage } from '../../channels/layer.ts'
import type { ChannelLayerOptions } from '../../channels/options.ts'
import { TimedTrial } from '../timed-trial.ts'

/**
 * What some layers cannot do:
 *
 * - `peers`: two layers, as two processes have them, share messages and groups.
 * - `named-channels`: a channel without a `!` keeps messages until some process receives them.
 * - `sender-sees-capacity`: a sender learns that a channel with a `!` of its own process is full.
 * - `bytes-and-big-integers`: messages carry more than JSON does.
 * - `group-order`: what one process sends to a channel of another and to its groups, each awaited before the
 *   next, arrives in that order.
 */
export type ChannelLayerAbility =
  | 'peers'
  | 'named-channels'
  | 'sender-sees-capacity'
  | 'bytes-and-big-integers'
  | 'group-order'

/** Makes the layers to be tested. */
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
  /** What the layer cannot do, each with the reason; see `reasonToSkipLayerCase`. */
  readonly cannot?: Readonly<Partial<Record<ChannelLayerAbility, string>>>
}

export interface ChannelLayerCase {
  /** What is true of a layer that passes. Unique. */
  readonly name: string
  /** The rules of docs/channel-layer.md that the case holds: `CL-1`, … */
  readonly rules: readonly string[]
  readonly needs: readonly ChannelLayerAbility[]
  /** Rejects with an `AssertionError` when the layer breaks a rule. Cases may run side by side. */
  run(harness: ChannelLayerHarness): Promise<void>
}

/** Why a layer need not pass a case, or undefined when it must. */
export function reasonToSkipLayerCase(
  layerCase: ChannelLayerCase,
  harness: ChannelLayerHarness,
): string | undefined {
  return layerCase.needs.map((ability) => harness.cannot?.[ability]).find((reason) => reason !== undefined)
}

/** Makes a case; the layers it used are closed when it ends. */
export function layerCase(
  rules: readonly string[],
  name: string,
  body: (trial: LayerTrial) => Promise<void>,
  needs: readonly ChannelLayerAbility[] = [],
): ChannelLayerCase {
  const run = async (harness: ChannelLayerHarness): Promise<void> => {
    const trial = new LayerTrial(harness)
    try {
      await body(trial)
    } finally {
      await trial.end()
    }
  }
  return { name, rules, needs, run }
}

/** One run of one case. */
export class LayerTrial extends TimedTrial<ChannelErrorCode> {
  readonly #harness: ChannelLayerHarness
  readonly #layers: ChannelLayer[] = []

  constructor(harness: ChannelLayerHarness) {
    super(harness, 1000)
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
    return this.hold(layer.receive(channel, signal))
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
}
