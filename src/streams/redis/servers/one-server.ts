/** One Redis, possibly behind Sentinel: a connection for requests and one for subscriptions. */
import { RedisConnection } from '../../../redis/connection.ts'
import type { HostSettings } from '../../../redis/hosts.ts'
import type { Logger } from '../../../logging/logger.ts'
import { type Argument, openClient, type RedisClient, type Reply } from '../../../redis/open-client.ts'
import type { UnfitRedisError } from '../../../redis/unfit.ts'
import { Subscriber } from '../../../redis/subscriber.ts'
import { greet } from './greeting.ts'
import type { Greeting } from './greeting.ts'
import type { RedisScript } from '../scripts/script.ts'
import type { Ask, ServerEvents, Servers } from './servers.ts'
import { CONNECTION_ERRORS } from '../store-error.ts'

export interface OneServerOptions extends ServerEvents {
  readonly host: HostSettings
  readonly timeoutMs: number
  readonly logger: Logger
  readonly scripts: readonly RedisScript[]
  /** One of the store's. */
  readonly channel: string
  readonly onGreeting: (title: string, greeting: Greeting) => void
  /** Another server has the channel. */
  readonly onMoved: (channel: string) => void
}

export class OneServer implements Servers {
  readonly ordered = true
  readonly #connection: RedisConnection
  readonly #subscriber: Subscriber
  readonly #runs = new WeakMap<RedisClient, string>()

  constructor(options: OneServerOptions) {
    const { host, timeoutMs, logger } = options
    const { title } = host
    this.#connection = new RedisConnection({
      title,
      timeoutMs,
      logger,
      errors: CONNECTION_ERRORS,
      open: (signal, onLost) => openClient(host, { timeoutMs, signal, onLost }),
      prepare: async (client) => {
        // Scripts are loaded beforehand, so that none has to be sent again after later requests. The greeting comes
        // first, because a server that is too old explains itself better there.
        const greeting = await greet(client, options.channel)
        await Promise.all(options.scripts.map(({ source }) => client.send(['SCRIPT', 'LOAD', source])))
        this.#runs.set(client, greeting.run)
        options.onGreeting(title, greeting)
      },
      onReady: () => options.onReady(),
    })
    this.#subscriber = new Subscriber({
      title,
      timeoutMs,
      logger,
      open: (signal, { onLost, onMoved }) =>
        openClient(host, { timeoutMs, signal, onLost, onMoved, onMessage: options.onMessage }),
      onSubscribed: options.onSubscribed,
      onMoved: options.onMoved,
    })
  }

  get ready(): boolean {
    return this.#connection.ready
  }

  get unfit(): UnfitRedisError | undefined {
    return this.#connection.unfit
  }

  /** @param before sent directly before the request; its answer is ignored. */
  request(_key: string, ask: Ask, before?: readonly Argument[]): Promise<Reply> {
    return this.#connection.call((client) => {
      if (before) client.send(before).catch(() => undefined)
      return client.send(ask(this.#runs.get(client) ?? ''))
    })
  }

  async ping(): Promise<void> {
    await this.#connection.request(['PING'])
  }

  subscribe(channel: string): void {
    this.#subscriber.add(channel)
  }

  unsubscribe(channel: string): void {
    this.#subscriber.remove(channel)
  }

  async close(): Promise<void> {
    await Promise.all([this.#connection.close(), this.#subscriber.close()])
  }
}
