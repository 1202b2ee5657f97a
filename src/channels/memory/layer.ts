/**
 * The channel layer of one process.
 *
 * Invariants: a call does its work before it returns its promise, so that calls take effect in the order they
 * are made; a promise that settles later only gives receivers their turn. A queue exists for a channel of
 * `newChannel` until its release, and for another channel only while it holds a message or somebody waits.
 * Expired messages are dropped when something looks at their queue, and by one timer for the whole layer,
 * which runs only while something is held.
 */
import { channelFull, layerClosed, channelReleased } from '../errors.ts'
import { GroupTable } from '../local/group-table.ts'
import { type Logger, libraryLogger } from '../../logging/logger.ts'
import type { ChannelLayer, ChannelMessage, GroupSendResult } from '../layer.ts'
import { type OptionNames, checkOptions } from '../../protocol/known-options.ts'
import { LossReport } from '../local/loss-report.ts'
import { copyMessage } from '../message.ts'
import { checkChannelName, checkGroupName, isSpecific, processId, specificChannel } from '../names.ts'
import {
  CHANNEL_LAYER_OPTIONS,
  type ChannelLayerOptions,
  type ChannelLayerSettings,
  channelLayerSettings,
} from '../options.ts'
import { ChannelQueue } from '../local/queue.ts'
import { Sweep } from '../../time/sweep.ts'
import { turn } from '../local/turn.ts'

export interface MemoryChannelsOptions extends ChannelLayerOptions {
  /** Milliseconds from any start, never going back. Default: `performance.now()`. */
  readonly clock?: (() => number) | undefined
  /**
   * Logs how many messages were dropped. Default: the logger of `millrace serve` and `millrace worker`; in
   * any other program nothing is logged.
   */
  readonly logger?: Logger | undefined
}

/** What a layer holds at this moment, and what it has lost since it was made; for measurements and tests. */
export interface ChannelLayerUsage {
  /** Channels of `newChannel` that were not released, and others that are in use. */
  readonly channels: number
  /** Waiting messages, and receivers that wait for one. */
  readonly messages: number
  readonly receivers: number
  readonly groups: number
  /** Pairs of a group and a channel. */
  readonly memberships: number
  /** Messages of group sends dropped because their channels were full. */
  readonly dropped: number
  /** Messages dropped because nobody received them in time. */
  readonly expired: number
}

export interface MemoryChannelLayer extends ChannelLayer {
  /** Counts what is held; takes a step per channel. */
  usage(): ChannelLayerUsage
}

const OPTIONS: OptionNames<MemoryChannelsOptions> = { ...CHANNEL_LAYER_OPTIONS, clock: true, logger: true }

/**
 * The shortest time between two sweeps, in milliseconds. A sweep only frees memory, and nothing waits for it.
 */
const MIN_SWEEP = 100

/**
 * A channel layer for one process, in memory.
 *
 * @throws {RangeError} for an option out of its range, {TypeError} for one that does not exist.
 */
export function memoryChannels(options: MemoryChannelsOptions = {}): MemoryChannelLayer {
  checkOptions('memoryChannels()', options, OPTIONS)
  const { clock = () => performance.now(), logger = libraryLogger() } = options
  return new MemoryChannels(channelLayerSettings(options), clock, logger)
}

class MemoryChannels implements MemoryChannelLayer {
  readonly expiry: number
  readonly groupExpiry: number
  readonly isLocal = true
  readonly address = 'memory'
  readonly #capacityOf: (channel: string) => number
  readonly #clock: () => number
  readonly #process = processId()
  readonly #queues = new Map<string, ChannelQueue>()
  readonly #groups = new GroupTable()
  readonly #losses: LossReport
  readonly #countExpired = (messages: number): void => this.#losses.countExpired(messages)
  #groupsSweptAt: number
  readonly #sweep: Sweep
  #closed = false

  constructor(settings: ChannelLayerSettings, clock: () => number, logger: Logger) {
    this.expiry = settings.expiry
    this.groupExpiry = settings.groupExpiry
    this.#capacityOf = settings.capacityOf
    this.#clock = clock
    this.#losses = new LossReport(logger)
    this.#groupsSweptAt = clock()
    const period = Math.min(this.expiry, this.groupExpiry) * 1000
    this.#sweep = new Sweep(period, MIN_SWEEP, () => this.#dropExpired())
  }

  async send(channel: string, message: ChannelMessage): Promise<void> {
    this.#checkOpen()
    checkChannelName(channel)
    const copy = copyMessage(message)
    const queue = this.#queue(channel)
    if (!queue) return
    if (!this.#put(queue, copy, false)) throw channelFull(channel, queue.capacity)
    if (queue.wantsTurn()) await turn()
  }

  async receive(channel: string, signal?: AbortSignal): Promise<ChannelMessage> {
    this.#checkOpen()
    checkChannelName(channel)
    const queue = this.#queue(channel)
    if (!queue) throw channelReleased(channel)
    try {
      return await queue.receive(this.#clock(), signal)
    } finally {
      this.#forgetIdle(channel, queue)
    }
  }

  newChannel(prefix: string = 'specific'): string {
    this.#checkOpen()
    const channel = specificChannel(prefix, this.#process)
    this.#queues.set(channel, new ChannelQueue(this.#capacityOf(channel), this.#countExpired))
    return channel
  }

  release(channel: string): void {
    if (!isSpecific(channel)) return
    const queue = this.#queues.get(channel)
    if (!queue) return
    this.#queues.delete(channel)
    this.#groups.leaveAll(channel)
    queue.end(channelReleased(channel))
  }

  async groupAdd(group: string, channel: string): Promise<void> {
    this.#checkOpen()
    checkGroupName(group)
    checkChannelName(channel)
    if (isSpecific(channel) && !this.#queues.has(channel)) return
    this.#groups.add(group, channel, this.#clock() + this.groupExpiry * 1000)
    this.#sweep.arm()
  }

  async groupRenew(group: string, channel: string): Promise<boolean> {
    this.#checkOpen()
    checkGroupName(group)
    checkChannelName(channel)
    const now = this.#clock()
    if ((this.#groups.endOf(group, channel) ?? now) <= now) return false
    this.#groups.add(group, channel, now + this.groupExpiry * 1000)
    return true
  }

  async groupDiscard(group: string, channel: string): Promise<void> {
    this.#checkOpen()
    checkGroupName(group)
    checkChannelName(channel)
    this.#groups.discard(group, channel)
  }

  async groupSend(group: string, message: ChannelMessage): Promise<GroupSendResult> {
    this.#checkOpen()
    checkGroupName(group)
    const copy = copyMessage(message)
    let sent = 0
    let dropped = 0
    let isTurnWanted = false
    for (const channel of this.#groups.members(group, this.#clock())) {
      const queue = this.#queue(channel)
      if (queue && this.#put(queue, copy, true)) sent++
      else dropped++
      if (queue?.wantsTurn()) isTurnWanted = true
    }
    this.#losses.countFull(dropped)
    if (isTurnWanted) await turn()
    return { sent, dropped }
  }

  async flush(): Promise<void> {
    this.#checkOpen()
    this.#groups.clear()
    for (const [channel, queue] of this.#queues) {
      queue.clear()
      this.#forgetIdle(channel, queue)
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#sweep.stop()
    this.#groups.clear()
    // One error for all: a stack trace for each of 100,000 receivers would take a second.
    const closed = layerClosed()
    for (const queue of this.#queues.values()) queue.end(closed)
    this.#queues.clear()
  }

  usage(): ChannelLayerUsage {
    let messages = 0
    let receivers = 0
    for (const queue of this.#queues.values()) {
      messages += queue.length
      receivers += queue.receivers
    }
    const { size: groups, memberships } = this.#groups
    const { dropped, expired } = this.#losses
    return { channels: this.#queues.size, messages, receivers, groups, memberships, dropped, expired }
  }

  #checkOpen(): void {
    if (this.#closed) throw layerClosed()
  }

  /** The queue of a channel; a channel with a `!` has one only between `newChannel` and release. */
  #queue(channel: string): ChannelQueue | undefined {
    let queue = this.#queues.get(channel)
    if (!queue && !isSpecific(channel)) {
      queue = new ChannelQueue(this.#capacityOf(channel), this.#countExpired)
      this.#queues.set(channel, queue)
    }
    return queue
  }

  #put(queue: ChannelQueue, message: ChannelMessage, shared: boolean): boolean {
    const now = this.#clock()
    const accepted = queue.put(message, shared, now, now + this.expiry * 1000)
    if (queue.length > 0) this.#sweep.arm()
    return accepted
  }

  #forgetIdle(channel: string, queue: ChannelQueue): void {
    // The queue may have been removed already, and another one made under the same name.
    if (queue.idle && !isSpecific(channel) && this.#queues.get(channel) === queue)
      this.#queues.delete(channel)
  }

  /** Whether anything is left that will expire. */
  #dropExpired(): boolean {
    const now = this.#clock()
    let held = 0
    for (const [channel, queue] of this.#queues) {
      queue.dropExpired(now)
      held += queue.length
      this.#forgetIdle(channel, queue)
    }
    // Memberships live long and are many, so all of them are looked at once in a lifetime only.
    if (now - this.#groupsSweptAt >= this.groupExpiry * 1000) {
      this.#groups.dropExpired(now)
      this.#groupsSweptAt = now
    }
    return held > 0 || this.#groups.memberships > 0
  }
}
