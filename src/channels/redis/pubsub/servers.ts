/**
 * The Redis servers of a layer, for publishing and for listening. The name of a topic decides its server, as
 * in channels_redis.
 */
import { RedisConnection } from '../../../redis/connection.ts'
import { openClient } from '../../../redis/open-client.ts'
import { CONNECTION_ERRORS, allOf } from '../failures.ts'
import type { PingedServer } from '../reachable.ts'
import type { RedisLayerSettings } from '../settings.ts'
import { shardOf } from '../wire-names.ts'
import { TopicSubscriptions, type TopicSubscriptionsOptions } from './topic-subscriptions.ts'

export type PubSubServersOptions = Pick<RedisLayerSettings, 'hosts' | 'timeoutMs' | 'logger'> &
  Pick<TopicSubscriptionsOptions, 'pattern' | 'topic' | 'onMessage' | 'onGap'>

export class PubSubServers {
  readonly #publishers: readonly RedisConnection[]
  /** For pings. Connections that listen watch themselves. */
  readonly publishers: readonly PingedServer[]
  readonly #subscriptions: readonly TopicSubscriptions[]

  constructor({ hosts, ...options }: PubSubServersOptions) {
    const { timeoutMs, logger } = options
    this.#publishers = hosts.map(
      (host) =>
        new RedisConnection({
          title: host.title,
          timeoutMs,
          logger,
          errors: CONNECTION_ERRORS,
          open: (signal, onLost) => openClient(host, { timeoutMs, signal, onLost }),
        }),
    )
    this.publishers = this.#publishers.map((publisher) => ({ ping: () => publisher.request(['PING']) }))
    this.#subscriptions = hosts.map((host) => new TopicSubscriptions({ ...options, host }))
  }

  /** How many topics are subscribed to, or will be. */
  get size(): number {
    return this.#subscriptions.reduce((sum, { size }) => sum + size, 0)
  }

  /** Begins to listen; resolves when messages of every server are heard. */
  async start(): Promise<void> {
    await Promise.all(this.#subscriptions.map((subscriptions) => subscriptions.start()))
  }

  /** The subscriptions on the server of a topic. */
  at(topic: string): TopicSubscriptions {
    return this.#subscriptions[shardOf(topic, this.#subscriptions.length)] as TopicSubscriptions
  }

  /**
   * Publishes a message; returns how many processes heard it.
   *
   * @param beside a topic whose server is used instead, for topics that are listened to on all servers. The
   * message then comes after those published on that server before.
   */
  async publish(topic: string, message: Buffer, beside: string = topic): Promise<number> {
    const publisher = this.#publishers[shardOf(beside, this.#publishers.length)] as RedisConnection
    return await publishOn(publisher, topic, message)
  }

  /**
   * Publishes on every server. Returns how often it was heard: once on each by a process that listens on all.
   */
  async publishEverywhere(topic: string, message: Buffer): Promise<number> {
    const heard = await allOf(this.#publishers.map((publisher) => publishOn(publisher, topic, message)))
    return heard.reduce((sum, count) => sum + count, 0)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#subscriptions, ...this.#publishers].map((connection) => connection.close()))
  }
}

async function publishOn(publisher: RedisConnection, topic: string, message: Buffer): Promise<number> {
  return (await publisher.request(['PUBLISH', topic, message])) as number
}
