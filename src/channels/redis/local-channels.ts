/**
 * The channels with a `!` of this process: their messages and their receivers. Messages come from this
 * process and from Redis.
 *
 * Invariant: a queue exists from `open` to `release`, and for nothing else.
 */
import { channelReleased } from '../errors.ts'
import type { ChannelMessage, GroupSendResult } from '../layer.ts'
import { specificChannel } from '../names.ts'
import type { ChannelLayerSettings } from '../options.ts'
import { ChannelQueue } from '../local/queue.ts'
import { Sweep } from '../../time/sweep.ts'

/** The result of putting a message in several channels. */
export interface Delivered extends GroupSendResult {
  /** Whether a receiver needs a turn of the event loop first: see `ChannelQueue.wantsTurn`. */
  readonly isTurnWanted: boolean
}

export interface LocalUsage {
  readonly channels: number
  readonly messages: number
  readonly receivers: number
}

/** The shortest time between two sweeps, in milliseconds. */
const MIN_SWEEP = 100

export class LocalChannels {
  readonly #process: string
  readonly #expiryMs: number
  readonly #capacityOf: (channel: string) => number
  readonly #queues = new Map<string, ChannelQueue>()
  /** How many channels each prefix has. Each prefix is a queue in Redis. */
  readonly #prefixes = new Map<string, number>()
  readonly #onExpired: (messages: number) => void
  readonly #sweep: Sweep

  constructor(
    process: string,
    { expiry, capacityOf }: Pick<ChannelLayerSettings, 'expiry' | 'capacityOf'>,
    onExpired: (messages: number) => void,
  ) {
    this.#process = process
    this.#expiryMs = expiry * 1000
    this.#capacityOf = capacityOf
    this.#onExpired = onExpired
    this.#sweep = new Sweep(this.#expiryMs, MIN_SWEEP, () => this.#dropExpired())
  }

  /** The names of the queues in Redis that these channels have: one for each prefix. */
  *queues(): Generator<string, void, undefined> {
    for (const prefix of this.#prefixes.keys()) yield `${prefix}.${this.#process}!`
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
   * Puts a message in a channel; for `shared` see `ChannelQueue.put`. Returns false when the channel is full,
   * and undefined when there is none.
   *
   * @param age seconds since it was sent.
   */
  put(channel: string, message: ChannelMessage, shared: boolean, age = 0): boolean | undefined {
    const queue = this.#queues.get(channel)
    if (!queue) return undefined
    const now = performance.now()
    const accepted = queue.put(message, shared, now, now + this.#expiryMs - age * 1000)
    if (queue.length > 0) this.#sweep.arm()
    return accepted
  }

  /** Puts a message in each of the channels that exist. */
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
    this.#sweep.stop()
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

  /** Whether messages are left that will expire. */
  #dropExpired(): boolean {
    const now = performance.now()
    let held = 0
    for (const queue of this.#queues.values()) {
      queue.dropExpired(now)
      held += queue.length
    }
    return held > 0
  }
}
