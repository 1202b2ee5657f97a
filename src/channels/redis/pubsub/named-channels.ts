/**
 * Channels without a `!` that are received here. Pub/sub keeps nothing: such a channel is listened to
 * from the first receive, and until nobody has received from it for as long as messages are kept.
 *
 * Invariant: a channel is in the table exactly while it is listened to.
 */
import type { ChannelMessage } from '../../layer.ts'
import { ChannelQueue } from '../../local/queue.ts'

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

/** Bounds of the time between two looks for channels that nobody uses, in milliseconds. */
const MIN_SWEEP = 100
const MAX_SWEEP = 2 ** 31 - 1

export class NamedChannels {
  readonly #options: NamedChannelsOptions
  readonly #expiryMs: number
  readonly #channels = new Map<string, Named>()
  #sweep: NodeJS.Timeout | undefined

  constructor(options: NamedChannelsOptions) {
    this.#options = options
    this.#expiryMs = options.expiry * 1000
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
    clearTimeout(this.#sweep)
    for (const { queue } of this.#channels.values()) queue.end(reason)
    this.#channels.clear()
  }

  #open(channel: string): Named {
    const queue = new ChannelQueue(this.#options.capacityOf(channel), this.#options.onExpired)
    const named: Named = { queue, usedAt: performance.now() }
    this.#channels.set(channel, named)
    this.#options.listen(channel)
    this.#armSweep()
    return named
  }

  #armSweep(): void {
    const period = Math.min(Math.max(this.#expiryMs, MIN_SWEEP), MAX_SWEEP)
    this.#sweep ??= setTimeout(() => this.#leaveUnused(), period).unref()
  }

  #leaveUnused(): void {
    this.#sweep = undefined
    const now = performance.now()
    for (const [channel, { queue, usedAt }] of this.#channels) {
      queue.dropExpired(now)
      if (queue.receivers > 0 || now - usedAt < this.#expiryMs) continue
      this.#channels.delete(channel)
      this.#options.leave(channel)
    }
    if (this.#channels.size > 0) this.#armSweep()
  }
}
