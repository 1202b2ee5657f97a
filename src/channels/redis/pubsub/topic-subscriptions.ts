/**
 * What this process listens to on one Redis, on a connection of its own that comes back.
 *
 * Invariants: a topic is subscribed to once, however often it is asked for; after the connection was
 * lost every topic is subscribed to again, before anything that waits for it goes on. What was
 * published meanwhile is lost: `onGap` says so.
 */
import type { Logger } from '../../../logging/logger.ts'
import { RedisConnection } from '../../../redis/connection.ts'
import type { HostSettings } from '../../../redis/hosts.ts'
import { openClient, RedisRefusedError } from '../../../redis/open-client.ts'
import { CONNECTION_ERRORS } from '../connection-errors.ts'

export interface TopicSubscriptionsOptions {
  readonly host: HostSettings
  /** Milliseconds; see `RedisConnectionOptions`. */
  readonly timeoutMs: number
  readonly logger: Logger
  /** Listened to from before the connection is ready. */
  readonly pattern: string
  readonly topic: string
  readonly onMessage: (topic: string, message: Buffer) => void
  /** Called when the connection was lost and is back. */
  readonly onGap: () => void
}

/** Topics in one command, so that Redis serves others in between and no buffer grows with all of them. */
const BATCH = 1000
/** Milliseconds between two questions whether an idle connection still works. */
const HEARTBEAT = 5_000

export class TopicSubscriptions {
  readonly #connection: RedisConnection
  readonly #options: TopicSubscriptionsOptions
  /** Wanted topics, and when Redis has them on the connection of the moment. */
  readonly #topics = new Map<string, Promise<void>>()
  /** How many commands to leave a topic are under way. */
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

  /** Topics that are wanted, apart from those of the options. */
  get size(): number {
    return this.#topics.size
  }

  /** Begins to listen, if it does not; resolves when what is published is heard. */
  start(): Promise<void> {
    return this.#connection.call(async () => undefined)
  }

  /**
   * Resolves when what is published to the topic is heard. A topic whose subscription failed stays
   * wanted, and is tried again with the next connection, until `unsubscribe`.
   */
  async subscribe(topic: string): Promise<void> {
    if (!this.#topics.has(topic)) {
      this.#topics.set(topic, this.ready ? this.#ask([topic]) : Promise.resolve())
    }
    if (!this.ready) await this.start()
    await this.#topics.get(topic)
  }

  /** Resolves when nothing comes any more. */
  async unsubscribe(topic: string): Promise<void> {
    if (!this.#topics.delete(topic) || !this.ready) return
    this.#leaving.set(topic, (this.#leaving.get(topic) ?? 0) + 1)
    try {
      await this.#connection.call((client) => client.unsubscribe('topic', [topic]))
    } catch (error) {
      // With the connection the subscription is gone too.
      this.#options.logger.debug({ err: error }, 'a topic was not left')
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
    // All that ask in one turn share a question; one that is on its way may be too early for a later one.
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
      // The connection reports that Redis is away; that Redis says no, nobody else would.
      const refused = error instanceof Error && error.cause instanceof RedisRefusedError
      if (refused) logger.error(fields, 'Redis refuses a subscription')
      else logger.debug(fields, 'topics were not subscribed to')
    })
    return asked
  }

  async #ping(): Promise<void> {
    try {
      await this.#connection.request(['PING'])
    } catch (error) {
      this.#options.logger.debug({ err: error }, 'a subscribed connection gave no answer')
    }
  }
}
