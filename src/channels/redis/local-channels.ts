/**
 * The channels with a `!` of this process: what they hold, and who waits for it. Like the memory
 * layer's, and fed from Redis as well.
 *
 * Invariant: a queue exists from `open` to `release`, and for nothing else.
 */
import { channelReleased } from '../errors.ts'
import type { ChannelMessage, GroupSendResult } from '../layer.ts'
import { specificChannel } from '../names.ts'
import type { ChannelLayerSettings } from '../options.ts'
import { ChannelQueue } from '../local/queue.ts'

/** What became of a message for several channels. */
export interface Delivered extends GroupSendResult {
  /** Whether a receiver needs a turn of the event loop before more is put: see `ChannelQueue.wantsTurn`. */
  readonly isTurnWanted: boolean
}

export interface LocalUsage {
  readonly channels: number
  readonly messages: number
  readonly receivers: number
}

/** Bounds of the time between two sweeps, in milliseconds; see memory.ts. */
const MIN_SWEEP = 100
const MAX_SWEEP = 2 ** 31 - 1

export class LocalChannels {
  readonly #process: string
  readonly #expiryMs: number
  readonly #capacityOf: (channel: string) => number
  readonly #queues = new Map<string, ChannelQueue>()
  /** How many channels each prefix has: each prefix is a queue in Redis. */
  readonly #prefixes = new Map<string, number>()
  readonly #onExpired: (messages: number) => void
  #sweep: NodeJS.Timeout | undefined

  constructor(
    process: string,
    { expiry, capacityOf }: Pick<ChannelLayerSettings, 'expiry' | 'capacityOf'>,
    onExpired: (messages: number) => void,
  ) {
    this.#process = process
    this.#expiryMs = expiry * 1000
    this.#capacityOf = capacityOf
    this.#onExpired = onExpired
  }

  get prefixes(): Iterable<string> {
    return this.#prefixes.keys()
  }

  open(prefix: string): string {
    const channel = specificChannel(prefix, this.#process)
    this.#queues.set(channel, new ChannelQueue(this.#capacityOf(channel), this.#onExpired))
    this.#prefixes.set(prefix, (this.#prefixes.get(prefix) ?? 0) + 1)
    return channel
  }

  get(channel: string): ChannelQueue | undefined {
    return this.#queues.get(channel)
  }

  has(channel: string): boolean {
    return this.#queues.has(channel)
  }

  /** False when there was no such channel. */
  release(channel: string): boolean {
    const queue = this.#queues.get(channel)
    if (!queue) return false
    this.#queues.delete(channel)
    const prefix = channel.slice(0, channel.indexOf(`.${this.#process}!`))
    const left = (this.#prefixes.get(prefix) ?? 1) - 1
    if (left > 0) this.#prefixes.set(prefix, left)
    else this.#prefixes.delete(prefix)
    queue.end(channelReleased(channel))
    return true
  }

  /**
   * Puts a message in a channel; see `ChannelQueue.put` for `shared`. False when it is full, undefined
   * when there is no such channel.
   *
   * @param age seconds since it was sent.
   */
  put(channel: string, message: ChannelMessage, shared: boolean, age = 0): boolean | undefined {
    const queue = this.#queues.get(channel)
    if (!queue) return undefined
    const now = performance.now()
    const accepted = queue.put(message, shared, now, now + this.#expiryMs - age * 1000)
    if (queue.length > 0) this.#armSweep()
    return accepted
  }

  /** Puts a message in each of the channels that are here. */
  putInAll(channels: ReadonlySet<string>, message: ChannelMessage, age?: number): Delivered {
    let sent = 0
    let dropped = 0
    let isTurnWanted = false
    for (const channel of channels) {
      const accepted = this.put(channel, message, channels.size > 1, age)
      if (accepted === true) sent++
      else if (accepted === false) dropped++
      if (this.wantsTurn(channel)) isTurnWanted = true
    }
    return { sent, dropped, isTurnWanted }
  }

  wantsTurn(channel: string): boolean {
    return this.#queues.get(channel)?.wantsTurn() ?? false
  }

  capacity(channel: string): number {
    return this.#queues.get(channel)?.capacity ?? this.#capacityOf(channel)
  }

  async receive(channel: string, signal?: AbortSignal): Promise<ChannelMessage> {
    const queue = this.#queues.get(channel)
    if (!queue) throw channelReleased(channel)
    return queue.receive(performance.now(), signal)
  }

  /** Drops every message; receivers go on waiting. */
  clear(): void {
    for (const queue of this.#queues.values()) queue.clear()
  }

  end(reason: Error): void {
    clearTimeout(this.#sweep)
    for (const queue of this.#queues.values()) queue.end(reason)
    this.#queues.clear()
    this.#prefixes.clear()
  }

  usage(): LocalUsage {
    let messages = 0
    let receivers = 0
    for (const queue of this.#queues.values()) {
      messages += queue.length
      receivers += queue.receivers
    }
    return { channels: this.#queues.size, messages, receivers }
  }

  #armSweep(): void {
    this.#sweep ??= setTimeout(
      () => this.#dropExpired(),
      Math.min(Math.max(this.#expiryMs, MIN_SWEEP), MAX_SWEEP),
    ).unref()
  }

  #dropExpired(): void {
    this.#sweep = undefined
    const now = performance.now()
    let held = 0
    for (const queue of this.#queues.values()) {
      queue.dropExpired(now)
      held += queue.length
    }
    if (held > 0) this.#armSweep()
  }
}
