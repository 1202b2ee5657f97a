/**
 * Several processes over one memory layer, as far as the suite can tell: each has channels of its own
 * and an end of its own. It lets the cases for peers be run before a layer with real peers exists.
 */
import { channelReleased, layerClosed } from '../../src/channels/errors.ts'
import type { ChannelLayer, ChannelMessage, GroupSendResult } from '../../src/channels/layer.ts'
import { memoryChannels } from '../../src/channels/memory/layer.ts'
import type { ChannelLayerHarness } from '../../src/conformance/channel-layer-cases.ts'

export function twoProcesses(): ChannelLayerHarness {
  return {
    make: (options) => new ProcessView(memoryChannels(options)),
    peer: (of) => new ProcessView((of as ProcessView).shared),
    advance() {},
  }
}

class ProcessView implements ChannelLayer {
  readonly shared: ChannelLayer
  readonly #mine = new Set<string>()
  readonly #ended = new AbortController()

  constructor(shared: ChannelLayer) {
    this.shared = shared
  }

  get expiry(): number {
    return this.shared.expiry
  }

  get groupExpiry(): number {
    return this.shared.groupExpiry
  }

  async send(channel: string, message: ChannelMessage): Promise<void> {
    this.#ended.signal.throwIfAborted()
    await this.shared.send(channel, message)
  }

  async receive(channel: string, signal?: AbortSignal): Promise<ChannelMessage> {
    if (channel.includes('!') && !this.#mine.has(channel)) throw channelReleased(channel)
    const signals = signal ? [signal, this.#ended.signal] : [this.#ended.signal]
    return await this.shared.receive(channel, AbortSignal.any(signals))
  }

  newChannel(prefix?: string): string {
    const channel = this.shared.newChannel(prefix)
    this.#mine.add(channel)
    return channel
  }

  release(channel: string): void {
    if (this.#mine.delete(channel)) this.shared.release(channel)
  }

  async groupAdd(group: string, channel: string): Promise<void> {
    await this.shared.groupAdd(group, channel)
  }

  async groupRenew(group: string, channel: string): Promise<boolean> {
    return await this.shared.groupRenew(group, channel)
  }

  async groupDiscard(group: string, channel: string): Promise<void> {
    await this.shared.groupDiscard(group, channel)
  }

  async groupSend(group: string, message: ChannelMessage): Promise<GroupSendResult> {
    return await this.shared.groupSend(group, message)
  }

  async flush(): Promise<void> {
    await this.shared.flush()
  }

  async close(): Promise<void> {
    this.#ended.abort(layerClosed())
    for (const channel of this.#mine) this.release(channel)
  }
}
