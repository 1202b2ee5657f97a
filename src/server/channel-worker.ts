/**
 * Serves named channels: takes their messages from the layer, and gives each to a consumer.
 *
 * Invariants: a consumer handles one message at a time. A message is taken only when a consumer is free, so
 * that the rest wait in the layer. No error of a consumer ends the worker.
 */
import type { OptionNames } from '../protocol/known-options.ts'
import { isChannelError } from '../channels/errors.ts'
import type { ChannelLayer, ChannelMessage } from '../channels/layer.ts'
import type { ChannelConsumer, ChannelConsumerClass } from '../consumers/channel-consumer.ts'
import { eventHandler, shownType } from '../consumers/event-handler.ts'
import { type HandlerOwner, callHandler, guardProcess, loggingOwner } from '../logging/late-errors.ts'
import type { Logger } from '../logging/logger.ts'
import { LONGEST_TIMER_MS } from '../time/duration.ts'
import { pause } from '../time/ticker.ts'

export interface WorkOptions {
  /** Which of the application's channels to serve. Default: all of them. */
  readonly channels?: readonly string[]
  /** Messages of one channel that are handled at the same time, each by its own consumer. Default 1. */
  readonly concurrency?: number
  /**
   * Seconds that `close` waits for current messages; then the signal of their consumers aborts. Default 10.
   */
  readonly shutdownTimeout?: number
}

export const WORK_OPTIONS: OptionNames<WorkOptions> = {
  channels: true,
  concurrency: true,
  shutdownTimeout: true,
}

export interface RunningWorker {
  /** The channels that it serves. */
  readonly channels: readonly string[]
  /** Takes no more messages, and resolves when the current ones have been handled or their time is over. */
  close(): Promise<void>
  readonly closed: Promise<void>
}

export interface ChannelWorkerContext {
  readonly consumers: ReadonlyMap<string, ChannelConsumerClass>
  readonly layer: ChannelLayer
  readonly logger: Logger
}

/** A message that a consumer handles now. */
interface InHand {
  readonly channel: string
  readonly type: string
}

/** Milliseconds before the next attempt after a receive failed. */
const RETRY_DELAY = 1000
/** Milliseconds that a handler has to end after its signal aborted. */
const CUT_GRACE = 1000

export class ChannelWorker implements RunningWorker {
  readonly channels: readonly string[]
  readonly closed: Promise<void>
  readonly #layer: ChannelLayer
  readonly #logger: Logger
  readonly #shutdownTimeout: number
  readonly #stopping = new AbortController()
  readonly #cut = new AbortController()
  readonly #inHand = new Set<InHand>()
  readonly #work: Promise<unknown>
  /** Keeps the process alive, which a layer that waits to reconnect does not. */
  readonly #alive = setInterval(() => undefined, LONGEST_TIMER_MS)
  readonly #unguard = guardProcess()
  readonly #resolveClosed: () => void
  #closing: Promise<void> | undefined

  /** @throws {RangeError} for an option out of its range, and the errors of the consumers' constructors. */
  constructor({ consumers, layer, logger }: ChannelWorkerContext, options: WorkOptions) {
    const { channels = [...consumers.keys()], concurrency = 1, shutdownTimeout = 10 } = options
    this.#layer = layer
    this.#logger = logger
    this.#shutdownTimeout = shutdownTimeout
    this.channels = [...new Set(channels)]
    const { promise, resolve } = Promise.withResolvers<void>()
    this.closed = promise
    this.#resolveClosed = resolve
    try {
      this.#check(consumers, concurrency)
      const made = this.channels.flatMap((channel) => {
        const consumer = consumers.get(channel) as ChannelConsumerClass
        const owner = this.#ownerOf(channel)
        return Array.from({ length: concurrency }, () => ({
          owner,
          consumer: callHandler(owner, () => this.#make(channel, consumer)),
        }))
      })
      this.#work = Promise.all(made.map(({ owner, consumer }) => this.#serve(owner, consumer)))
    } catch (error) {
      this.#release()
      throw error
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #check(consumers: ReadonlyMap<string, unknown>, concurrency: number): void {
    if (!(Number.isSafeInteger(concurrency) && concurrency > 0))
      throw new RangeError(`concurrency is ${concurrency}; it takes a whole number above 0`)
    if (!(this.#shutdownTimeout >= 0 && this.#shutdownTimeout * 1000 <= LONGEST_TIMER_MS))
      throw new RangeError(`shutdownTimeout is ${this.#shutdownTimeout}; it takes seconds from 0`)
    if (consumers.size === 0)
      throw new RangeError('no channel has a consumer: put channel(name, Consumer) among the routes')
    const unknown = this.channels.find((channel) => !consumers.has(channel))
    if (unknown === undefined) return
    const known = [...consumers.keys()].join(', ')
    throw new RangeError(
      `no consumer serves the channel "${unknown}"; the channels with a consumer are ${known}`,
    )
  }

  #make(channel: string, consumer: ChannelConsumerClass): ChannelConsumer {
    const { signal } = this.#cut
    return new consumer({ channel, channels: this.#layer, logger: this.#logger, signal })
  }

  /**
   * The owner of late errors of a channel's consumers. Their current message goes on, as the error may be of
   * another one.
   */
  #ownerOf(channel: string): HandlerOwner {
    const words = { name: `the consumer of the channel ${channel}`, outcome: 'the worker goes on' }
    return loggingOwner(this.#logger, words, { channel })
  }

  async #serve(owner: HandlerOwner, consumer: ChannelConsumer): Promise<void> {
    const { signal } = this.#stopping
    const { channel } = consumer
    while (!signal.aborted) {
      let message: ChannelMessage
      try {
        message = await this.#layer.receive(channel, signal)
      } catch (error) {
        if (signal.aborted || isChannelError(error, 'channel_layer_closed')) return
        this.#logger.error({ err: error, channel }, 'channel not received; trying again')
        await pause(RETRY_DELAY, signal)
        continue
      }
      await this.#handle(owner, consumer, message)
    }
  }

  async #handle(owner: HandlerOwner, consumer: ChannelConsumer, message: ChannelMessage): Promise<void> {
    const { channel } = consumer
    const type = shownType(message.type)
    const handler = eventHandler(consumer, message.type)
    if (typeof handler === 'string') {
      const fields = { channel, type, reason: handler }
      this.#logger.error(fields, 'channel message refused: no handler for its type')
      return
    }
    const inHand: InHand = { channel, type }
    this.#inHand.add(inHand)
    try {
      await callHandler(owner, () => handler.call(consumer, message))
    } catch (error) {
      this.#logger.error({ err: error, channel, type }, 'channel consumer failed; its message is lost')
    } finally {
      this.#inHand.delete(inHand)
    }
  }

  async #close(): Promise<void> {
    this.#stopping.abort()
    const ended = new AbortController()
    const ending = this.#work.then(() => ended.abort())
    await Promise.race([ending, pause(this.#shutdownTimeout * 1000, ended.signal)])
    if (!ended.signal.aborted) {
      for (const message of this.#inHand)
        this.#logger.warn({ ...message }, 'shutdown took too long: aborting the current message')
      this.#cut.abort(new Error('The worker shuts down'))
      await Promise.race([ending, pause(CUT_GRACE, ended.signal)])
    }
    this.#release()
    this.#resolveClosed()
  }

  #release(): void {
    clearInterval(this.#alive)
    this.#unguard()
  }
}
