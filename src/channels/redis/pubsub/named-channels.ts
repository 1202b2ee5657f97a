/**
 * Channels without a `!` that this process receives. Pub/sub keeps nothing, so the process listens to such a
 * channel from the first receive until there was no receiver for as long as messages are kept.
 *
 * Invariant: a channel is in the table exactly while this process listens to it.
 */
import type { ChannelMessage } from '../../layer.ts'
import { ChannelQueue } from '../../local/queue.ts'
import { Sweep } from '../../../time/sweep.ts'

export interface NamedChannelsOptions {
  /** Seconds for which a message is kept. */
  readonly expiry: number
  readonly capacityOf: (channel: string) => number
  readonly onExpired: (messages: number) => void
  listen(channel: string): void
  leave(channel: string): void
}

interface Named {
  readonly queue: ChannelQueue
  usedAt: number
}

/** The shortest time between two looks for unused channels, in milliseconds. */
const MIN_SWEEP = 100

export class NamedChannels {
  readonly #options: NamedChannelsOptions
  readonly #expiryMs: number
  readonly #channels = new Map<string, Named>()
  readonly #sweep: Sweep

  constructor(options: NamedChannelsOptions) {
    this.#options = options
    this.#expiryMs = options.expiry * 1000
    this.#sweep = new Sweep(this.#expiryMs, MIN_SWEEP, () => this.#leaveUnused())
  }

  has(channel: string): boolean {
    return this.#channels.has(channel)
  }

  async receive(channel: string, signal?: AbortSignal): Promise<ChannelMessage> {
    signal?.throwIfAborted()
    const named = this.#channels.get(channel) ?? this.#open(channel)
    try {
      return await named.queue.receive(performance.now(), signal)
    } finally {
      named.usedAt = performance.now()
    }
  }

  /** Whether there was room. */
  put(channel: string, message: ChannelMessage): boolean {
    const now = performance.now()
    return this.#channels.get(channel)?.queue.put(message, false, now, now + this.#expiryMs) ?? true
  }

  wantsTurn(channel: string): boolean {
    return this.#channels.get(channel)?.queue.wantsTurn() ?? false
  }

  usage(): { readonly messages: number; readonly receivers: number } {
    let messages = 0
    let receivers = 0
    for (const { queue } of this.#channels.values()) {
      messages += queue.length
      receivers += queue.receivers
    }
    return { messages, receivers }
  }

  /** Drops every message; receivers go on waiting. */
  clear(): void {
    for (const { queue } of this.#channels.values()) queue.clear()
  }

  end(reason: Error): void {
    this.#sweep.stop()
    for (const { queue } of this.#channels.values()) queue.end(reason)
    this.#channels.clear()
  }

  #open(channel: string): Named {
    const queue = new ChannelQueue(this.#options.capacityOf(channel), this.#options.onExpired)
    const named: Named = { queue, usedAt: performance.now() }
    this.#channels.set(channel, named)
    this.#options.listen(channel)
    this.#sweep.arm()
    return named
  }

  /** Whether channels are left. */
  #leaveUnused(): boolean {
    const now = performance.now()
    for (const [channel, { queue, usedAt }] of this.#channels) {
      queue.dropExpired(now)
      if (queue.receivers > 0 || now - usedAt < this.#expiryMs) continue
      this.#channels.delete(channel)
      this.#options.leave(channel)
    }
    return this.#channels.size > 0
  }
}
