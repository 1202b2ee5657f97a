/**
 * Receives, from one Redis, for channels without a `!`, which other processes receive from too.
 *
 * Invariant: a message leaves Redis only while somebody here waits for it. What finds nobody on its
 * arrival (a receiver gave up meanwhile) goes back to where it was in the queue.
 */
import type { Logger } from '../../../logging/logger.ts'
import type { ChannelMessage } from '../../layer.ts'
import type { WaitingReceivers } from '../../local/receivers.ts'
import { BlockingPop } from './blocking-pop.ts'
import type { Shard } from './shard.ts'
import type { Stored } from './stored.ts'

export interface NamedInboxOptions {
  readonly shard: Shard
  readonly wakeKey: string
  readonly logger: Logger
  /** Those who wait, by channel; a channel for which nobody waits is not in it. */
  readonly receivers: ReadonlyMap<string, WaitingReceivers<ChannelMessage>>
  /** Seconds for which a message is kept. */
  readonly expiry: number
  /** The message, or undefined when it cannot be delivered to anybody. */
  read(stored: Stored, maxAge: number): ChannelMessage | undefined
  /** So many messages were dropped because nobody had received them in time. */
  onExpired(messages: number): void
}

/** Most messages taken in one step. */
const BATCH = 100

export class NamedInbox {
  readonly #options: NamedInboxOptions
  readonly #pop: BlockingPop
  /** Channels that have receivers whom the last look at the queue did not count. */
  readonly #unasked = new Set<string>()
  /** Channels that the pop under way waits for. */
  #blocked: ReadonlySet<string> = new Set()
  #demand: PromiseWithResolvers<void> = Promise.withResolvers<void>()
  #running: Promise<void> | undefined
  #closed = false

  constructor(options: NamedInboxOptions) {
    this.#options = options
    this.#pop = new BlockingPop(options.shard, options.wakeKey, options.logger)
  }

  /** Notices that somebody began to wait for a channel. */
  ask(channel: string): void {
    if (this.#closed) return
    this.#running ??= this.#run()
    // While Redis waits for the channel on our behalf, nothing can lie in its queue.
    if (this.#blocked.has(channel)) return
    this.#unasked.add(channel)
    this.#demand.resolve()
    this.#pop.wake()
  }

  /** Notices that nobody waits for a channel any more. */
  leave(channel: string): void {
    if (this.#blocked.has(channel)) this.#pop.wake()
  }

  /** @param graceMs what is on its way is given back if it arrives within this time. */
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
      const { shard, expiry } = this.#options
      const { messages, expired } = await shard.take(channel, count, maxAge < expiry)
      if (messages.length < count) this.#pop.drained.note(channel, asked)
      if (expired > 0) this.#options.onExpired(expired)
      await this.#hand(channel, messages, maxAge)
      if ((this.#options.receivers.get(channel)?.size ?? 0) > count) this.#unasked.add(channel)
    } catch (error) {
      this.#options.logger.debug({ err: error }, 'taking channel messages failed; trying again')
    }
  }

  async #hand(channel: string, messages: readonly Stored[], maxAge: number): Promise<void> {
    const rest = [...messages]
    for (let stored = rest[0]; stored; stored = rest[0]) {
      const receivers = this.#options.receivers.get(channel)
      if (!receivers || receivers.size === 0) break
      rest.shift()
      const message = this.#options.read(stored, maxAge)
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
      this.#options.logger.warn(fields, 'channel messages that nobody waits for any more were lost')
    }
  }
}
