/**
 * Receives from one Redis for channels without a `!`, from which other processes receive, too.
 *
 * Invariant: a message leaves Redis only while a receiver here waits for it. When that receiver has given up
 * by the time the message arrives, the message goes back to its place in the queue.
 */
import type { ChannelMessage } from '../../layer.ts'
import type { WaitingReceivers } from '../../local/receivers.ts'
import type { LossReport } from '../../local/loss-report.ts'
import { BlockingPop, type BlockingPopOptions } from './blocking-pop.ts'
import type { QueueReader, Stored } from './queue-reader.ts'

export interface NamedInboxOptions extends BlockingPopOptions {
  readonly reader: QueueReader
  /** The receivers that wait, by channel. A channel without one is not in it. */
  readonly receivers: ReadonlyMap<string, WaitingReceivers<ChannelMessage>>
  readonly losses: LossReport
}

/** Most messages taken in one step. */
const BATCH = 100

export class NamedInbox {
  readonly #options: NamedInboxOptions
  readonly #pop: BlockingPop
  /** Channels with receivers that came after the last look at the queue. */
  readonly #unasked = new Set<string>()
  /** Channels that the current pop waits for. */
  #blocked: ReadonlySet<string> = new Set()
  #demand: PromiseWithResolvers<void> = Promise.withResolvers<void>()
  #running: Promise<void> | undefined
  #closed = false

  constructor(options: NamedInboxOptions) {
    this.#options = options
    this.#pop = new BlockingPop(options)
  }

  /** Notices a new receiver of a channel. */
  ask(channel: string): void {
    if (this.#closed) return
    this.#running ??= this.#run()
    // While Redis waits for the channel for us, its queue is empty.
    if (this.#blocked.has(channel)) return
    this.#unasked.add(channel)
    this.#demand.resolve()
    this.#pop.wake()
  }

  /** Notices that a channel has no receivers any more. */
  leave(channel: string): void {
    if (this.#blocked.has(channel)) this.#pop.wake()
  }

  /** @param graceMs milliseconds in which a message that is under way can still arrive, to be given back. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true
    this.#demand.resolve()
    this.#pop.wake()
    const grace = setTimeout(() => void this.#pop.close(), this.#options.shard.ready ? graceMs : 0)
    await this.#running
    clearTimeout(grace)
    await this.#pop.close()
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      const { receivers } = this.#options
      if (receivers.size === 0) {
        await this.#demand.promise
        this.#demand = Promise.withResolvers<void>()
      }
      await Promise.all([...this.#unasked].map((channel) => this.#take(channel)))
      if (this.#closed || this.#unasked.size > 0 || receivers.size === 0) continue
      this.#blocked = new Set(receivers.keys())
      const popped = await this.#pop.pop([...this.#blocked], 1)
      this.#blocked = new Set()
      for (const channel of receivers.keys()) this.#unasked.add(channel)
      if (popped) await this.#hand(popped.queue, popped.messages, popped.maxAge)
    }
  }

  async #take(channel: string): Promise<void> {
    this.#unasked.delete(channel)
    const count = Math.min(this.#options.receivers.get(channel)?.size ?? 0, BATCH)
    if (count === 0) return
    try {
      const maxAge = this.#pop.drained.maxAge(channel)
      const asked = performance.now()
      const { shard, expiry, losses } = this.#options
      const { messages, expired } = await shard.take(channel, count, maxAge < expiry)
      if (messages.length < count) this.#pop.drained.note(channel, asked)
      losses.countExpired(expired)
      await this.#hand(channel, messages, maxAge)
      if ((this.#options.receivers.get(channel)?.size ?? 0) > count) this.#unasked.add(channel)
    } catch (error) {
      this.#options.logger.debug({ err: error }, 'channel messages not taken; trying again')
    }
  }

  async #hand(channel: string, messages: readonly Stored[], maxAge: number): Promise<void> {
    const rest = [...messages]
    for (let stored = rest[0]; stored; stored = rest[0]) {
      const receivers = this.#options.receivers.get(channel)
      if (!receivers || receivers.size === 0) break
      rest.shift()
      const { reader } = this.#options
      const message = reader.open(stored, reader.ageOf(stored, maxAge))?.message
      if (message && !receivers.hand(message)) {
        rest.unshift(stored)
        break
      }
    }
    if (rest.length === 0) return
    this.#pop.drained.forget(channel)
    try {
      await this.#options.shard.giveBack(channel, rest)
    } catch (error) {
      const fields = { err: error, channel, messages: rest.length }
      this.#options.logger.warn(
        fields,
        'channel messages lost: they had no receiver any more and could not be given back',
      )
    }
  }
}
