/**
 * The Redis servers of a layer: what is published on each, and listened to. Which of them has a topic is
 * computed from its name, as channels_redis does, so that both sides meet.
 */
import { RedisConnection } from '../../../redis/connection.ts'
import { openClient } from '../../../redis/open-client.ts'
import { CONNECTION_ERRORS } from '../connection-errors.ts'
import { allOf } from '../partly-done.ts'
import type { RedisLayerSettings } from '../settings.ts'
import { shardOf } from '../shard-of.ts'
import { TopicSubscriptions, type TopicSubscriptionsOptions } from './topic-subscriptions.ts'

export type PubSubServersOptions = Pick<RedisLayerSettings, 'hosts' | 'timeoutMs' | 'logger'> &
  Pick<TopicSubscriptionsOptions, 'pattern' | 'topic' | 'onMessage' | 'onGap'>

export class PubSubServers {
  readonly #publishers: readonly RedisConnection[]
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
    this.#subscriptions = hosts.map((host) => new TopicSubscriptions({ ...options, host }))
  }

  /** Topics that are wanted. */
  get size(): number {
    return this.#subscriptions.reduce((sum, { size }) => sum + size, 0)
  }

  /** Begins to listen; resolves when what is published anywhere is heard. */
  async start(): Promise<void> {
    await Promise.all(this.#subscriptions.map((subscriptions) => subscriptions.start()))
  }

  /** Asks every server; what is listened to is heard on connections that watch themselves. */
  get servers(): { ping(): Promise<unknown> }[] {
    return this.#publishers.map((publisher) => ({ ping: () => publisher.request(['PING']) }))
  }

  /** The subscriptions of which this topic is one, or would be. */
  at(topic: string): TopicSubscriptions {
    return this.#subscriptions[shardOf(topic, this.#subscriptions.length)] as TopicSubscriptions
  }

  /**
   * Gives how many processes heard it.
   *
   * @param beside a topic on whose server it is published, for those who listen on all of them: so it
   * comes after what was published there before.
   */
  async publish(topic: string, message: Buffer, beside: string = topic): Promise<number> {
    const publisher = this.#publishers[shardOf(beside, this.#publishers.length)] as RedisConnection
    return await publishOn(publisher, topic, message)
  }

  /** Publishes on every server. Gives how often it was heard: once on each by those who listen on all. */
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
