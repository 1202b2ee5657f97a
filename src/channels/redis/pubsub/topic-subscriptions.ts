/**
 * The topics that this process listens to on one Redis, on a connection of its own that reconnects.
 *
 * Invariants: a topic is subscribed to once, however often it is asked for. After a reconnect every topic is
 * subscribed to again, before the calls that wait for it resolve. Messages published meanwhile are lost, and
 * `onGap` is called.
 */
import type { Logger } from '../../../logging/logger.ts'
import { RedisConnection } from '../../../redis/connection.ts'
import type { HostSettings } from '../../../redis/hosts.ts'
import { openClient, RedisRefusedError } from '../../../redis/open-client.ts'
import { CONNECTION_ERRORS } from '../failures.ts'

export interface TopicSubscriptionsOptions {
  readonly host: HostSettings
  /** Milliseconds; see `RedisConnectionOptions`. */
  readonly timeoutMs: number
  readonly logger: Logger
  /** Subscribed to before the connection counts as ready. */
  readonly pattern: string
  readonly topic: string
  readonly onMessage: (topic: string, message: Buffer) => void
  /** Called when the connection is back after it was lost. */
  readonly onGap: () => void
}

/** Most topics in one command, so that Redis serves other clients in between and buffers stay small. */
const BATCH = 1000
/** Milliseconds between two pings of an idle connection. */
const HEARTBEAT = 5_000

export class TopicSubscriptions {
  readonly #connection: RedisConnection
  readonly #options: TopicSubscriptionsOptions
  /** Wanted topics, each with a promise that the current connection has subscribed to it. */
  readonly #topics = new Map<string, Promise<void>>()
  /** Pending unsubscribe commands, by topic. */
  readonly #leaving = new Map<string, number>()
  #barrier: Promise<void> | undefined
  #heartbeat: NodeJS.Timeout | undefined
  #wasReady = false

  constructor(options: TopicSubscriptionsOptions) {
    this.#options = options
    const { host, timeoutMs, logger, onMessage } = options
    this.#connection = new RedisConnection({
      title: host.title,
      timeoutMs,
      logger,
      errors: CONNECTION_ERRORS,
      open: (signal, onLost) => openClient(host, { timeoutMs, signal, onLost, onMessage }),
      prepare: (client) =>
        Promise.all([
          client.subscribe('pattern', [options.pattern]),
          client.subscribe('topic', [options.topic]),
        ]),
      onReady: () => this.#restore(),
    })
  }

  get ready(): boolean {
    return this.#connection.ready
  }

  /** Wanted topics, without those of the options. */
  get size(): number {
    return this.#topics.size
  }

  /** Begins to listen, if it has not; resolves when published messages are heard. */
  start(): Promise<void> {
    return this.#connection.call(async () => undefined)
  }

  /**
   * Resolves when messages to the topic are heard. A topic whose subscription failed stays wanted until
   * `unsubscribe`, and is tried again with the next connection.
   */
  async subscribe(topic: string): Promise<void> {
    if (!this.#topics.has(topic)) {
      this.#topics.set(topic, this.ready ? this.#ask([topic]) : Promise.resolve())
    }
    if (!this.ready) await this.start()
    await this.#topics.get(topic)
  }

  /** Resolves when no more messages of the topic come. */
  async unsubscribe(topic: string): Promise<void> {
    if (!this.#topics.delete(topic) || !this.ready) return
    this.#leaving.set(topic, (this.#leaving.get(topic) ?? 0) + 1)
    try {
      await this.#connection.call((client) => client.unsubscribe('topic', [topic]))
    } catch (error) {
      // When the connection is lost, so is the subscription.
      this.#options.logger.debug({ err: error }, 'unsubscribe failed')
    } finally {
      const left = (this.#leaving.get(topic) ?? 1) - 1
      if (left > 0) this.#leaving.set(topic, left)
      else this.#leaving.delete(topic)
    }
  }

  /** Whether Redis may count this process among the receivers of a topic. */
  has(topic: string): boolean {
    return this.#topics.has(topic) || this.#leaving.has(topic)
  }

  /** Resolves when everything that Redis published here before the call has been heard, or was lost. */
  async barrier(): Promise<void> {
    if (!this.ready) return
    // All callers in one turn share a ping. A ping that was sent earlier may be too early for a later caller.
    const barrier = (this.#barrier ??= this.#ping())
    queueMicrotask(() => {
      if (this.#barrier === barrier) this.#barrier = undefined
    })
    await barrier
  }

  async close(): Promise<void> {
    clearInterval(this.#heartbeat)
    this.#topics.clear()
    await this.#connection.close()
  }

  #restore(): void {
    this.#heartbeat ??= setInterval(() => {
      if (this.ready) void this.#ping()
    }, HEARTBEAT).unref()
    const topics = [...this.#topics.keys()]
    for (let start = 0; start < topics.length; start += BATCH) {
      const batch = topics.slice(start, start + BATCH)
      const asked = this.#ask(batch)
      for (const topic of batch) this.#topics.set(topic, asked)
    }
    if (this.#wasReady) this.#options.onGap()
    this.#wasReady = true
  }

  #ask(topics: readonly string[]): Promise<void> {
    const asked = this.#connection.call((client) => client.subscribe('topic', topics))
    asked.catch((error: unknown) => {
      const { logger } = this.#options
      const fields = { err: error, topics: topics.length }
      // The connection logs that Redis is away, but not that Redis refuses a command.
      const refused = error instanceof Error && error.cause instanceof RedisRefusedError
      if (refused) logger.error(fields, 'subscription refused by Redis')
      else logger.debug(fields, 'subscription failed')
    })
    return asked
  }

  async #ping(): Promise<void> {
    try {
      await this.#connection.request(['PING'])
    } catch (error) {
      this.#options.logger.debug({ err: error }, 'ping of a subscribed connection failed')
    }
  }
}
