/**
 * Subscriptions to channels of sharded pub/sub, on one connection that reconnects.
 *
 * Invariants: every wanted channel is subscribed to as soon as Redis is there. `onSubscribed` is called each
 * time, because messages published meanwhile are lost. A connection that stops answering is closed. After a
 * connection that subscribed to nothing the next one is opened with a delay.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../logging/logger.ts'
import { type RedisClient, RedisRefusedError } from './open-client.ts'

export interface SubscriptionEvents {
  readonly onLost: (error: Error) => void
  readonly onMoved: (channel: string) => void
}

export interface SubscriberOptions {
  /** For logs: which Redis. */
  readonly title: string
  /** Opens a connection. The signal ends the attempt. */
  open(signal: AbortSignal, events: SubscriptionEvents): Promise<RedisClient>
  /** Milliseconds without an answer after which the connection is closed. */
  readonly timeoutMs: number
  readonly logger: Logger
  readonly onSubscribed: (channel: string) => void
  /** Called when another server of the Cluster has this channel. The channel is not wanted here any more. */
  readonly onMoved: (channel: string) => void
}

const FIRST_DELAY = 50
const MAX_DELAY = 2_000

export class Subscriber {
  readonly #options: SubscriberOptions
  readonly #wanted = new Set<string>()
  readonly #closing = new AbortController()
  #connection: RedisClient | undefined
  #opening: Promise<void> | undefined
  #pings: NodeJS.Timeout | undefined
  /** Milliseconds until the next attempt; 0 after a connection that worked. */
  #delay = 0
  #warned = false

  constructor(options: SubscriberOptions) {
    this.#options = options
  }

  /** How many channels are wanted. */
  get size(): number {
    return this.#wanted.size
  }

  add(channel: string): void {
    if (this.#closing.signal.aborted || this.#wanted.has(channel)) return
    this.#wanted.add(channel)
    if (this.#connection) this.#subscribe(this.#connection, channel)
    else this.#open()
  }

  remove(channel: string): void {
    if (!this.#wanted.delete(channel)) return
    if (this.#connection) this.#unsubscribe(this.#connection, channel)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#wanted.clear()
    this.#leave()
    await this.#opening
  }

  #subscribe(connection: RedisClient, channel: string): void {
    connection.subscribe('sharded', [channel]).then(
      () => {
        if (this.#connection !== connection) return
        this.#delay = 0
        this.#warned = false
        if (this.#wanted.has(channel)) this.#options.onSubscribed(channel)
        // `remove` came before the subscription, when there was nothing to unsubscribe from.
        else this.#unsubscribe(connection, channel)
      },
      (error: unknown) => {
        if (this.#connection !== connection) return
        if (error instanceof RedisRefusedError && error.kind === 'MOVED') this.#moved(channel)
        else this.#lost(connection, error as Error)
      },
    )
  }

  #unsubscribe(connection: RedisClient, channel: string): void {
    connection
      .unsubscribe('sharded', [channel])
      .catch((error: unknown) => this.#lost(connection, error as Error))
  }

  #moved(channel: string): void {
    if (this.#wanted.delete(channel)) this.#options.onMoved(channel)
  }

  #open(): void {
    this.#opening ??= this.#openUntilReady().finally(() => {
      this.#opening = undefined
      if (!this.#connection && this.#wanted.size > 0 && !this.#closing.signal.aborted) this.#open()
    })
  }

  async #openUntilReady(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted && this.#wanted.size > 0) {
      const delay = this.#delay
      this.#delay = Math.min(Math.max(delay * 2, FIRST_DELAY), MAX_DELAY)
      // A random delay, because many processes may have lost the same Redis at the same moment.
      const pause = delay * (0.5 + Math.random() / 2)
      if (delay > 0) await sleep(pause, undefined, { signal, ref: false }).catch(() => undefined)
      try {
        if (!signal.aborted) await this.#openOnce()
        return
      } catch (error) {
        if (signal.aborted) return
        this.#failed(error as Error)
      }
    }
  }

  async #openOnce(): Promise<void> {
    const opened: { connection?: RedisClient; lost?: Error } = {}
    const connection = await this.#options.open(this.#closing.signal, {
      onLost: (error) => {
        opened.lost = error
        if (opened.connection) this.#lost(opened.connection, error)
      },
      onMoved: (channel) => this.#moved(channel),
    })
    if (opened.lost || this.#closing.signal.aborted) {
      connection.end()
      throw opened.lost ?? new Error('closed')
    }
    opened.connection = connection
    this.#connection = connection
    this.#pings = setInterval(() => this.#ping(connection), this.#options.timeoutMs)
    this.#pings.unref()
    for (const channel of this.#wanted) this.#subscribe(connection, channel)
  }

  #ping(connection: RedisClient): void {
    const { timeoutMs } = this.#options
    const late = setTimeout(() => {
      this.#lost(connection, new Error(`no answer within ${timeoutMs / 1000} s`))
    }, timeoutMs)
    late.unref()
    connection
      .send(['PING'])
      .catch((error: unknown) => this.#lost(connection, error as Error))
      .finally(() => clearTimeout(late))
  }

  #lost(connection: RedisClient, error: Error): void {
    if (this.#connection !== connection) return
    this.#leave()
    if (this.#closing.signal.aborted) return
    this.#failed(error)
    if (this.#wanted.size > 0) this.#open()
  }

  #leave(): void {
    clearInterval(this.#pings)
    const connection = this.#connection
    this.#connection = undefined
    connection?.end()
  }

  /** Logs a failure, once until a subscription succeeds. */
  #failed(error: Error): void {
    if (this.#warned) return
    this.#warned = true
    this.#options.logger.warn(
      { err: error, redis: this.#options.title },
      'redis subscriptions were lost; reconnecting',
    )
  }
}
