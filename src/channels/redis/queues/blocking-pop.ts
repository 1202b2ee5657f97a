/** Waits in one Redis for messages of several queues, on a connection of its own. A wait can be ended. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../../../logging/logger.ts'
import type { RedisConnection } from '../../../redis/connection.ts'
import { RedisRefusedError } from '../../../redis/open-client.ts'
import { isChannelError } from '../../errors.ts'
import { Drained } from './drained.ts'
import type { Stored } from './queue-reader.ts'
import type { Shard } from './shard.ts'

export interface BlockingPopOptions {
  readonly shard: Shard
  /** What the keys of queues begin with. */
  readonly prefix: string
  /** A key of its own, which ends a wait when something is put there. */
  readonly wakeKey: string
  /** Seconds for which a message is kept. */
  readonly expiry: number
  readonly logger: Logger
}

export interface Popped {
  readonly queue: string
  readonly messages: readonly Stored[]
  /** The most seconds that they can have waited, by this process's clock. */
  readonly maxAge: number
}

/**
 * Seconds that a pop blocks. A connection that died unnoticed is found out soon after. A message may be
 * thought to have waited for as long as two pops, so they are shorter where expiry is short.
 */
const BLOCK = 5
/** Milliseconds before the next attempt after Redis refused one. */
const RETRY_DELAY = 500

export class BlockingPop {
  readonly drained: Drained = new Drained()
  readonly #options: BlockingPopOptions
  readonly #connection: RedisConnection
  readonly #block: string
  readonly #closing = new AbortController()
  #waiting = false
  /** Whether Redis refused the last pop; it is logged once. */
  #refused = false

  constructor(options: BlockingPopOptions) {
    this.#options = options
    this.#connection = options.shard.blockingConnection(BLOCK)
    this.#block = String(Math.min(BLOCK, options.expiry / 3))
  }

  /**
   * Takes the oldest messages, at most `count`, of the first of the queues that has any. Returns nothing
   * after a few seconds, after `wake`, and after a failure, which is logged; messages that were under way
   * then are lost.
   */
  async pop(queues: readonly string[], count: number): Promise<Popped | undefined> {
    this.#waiting = true
    try {
      const asked = performance.now()
      const popped = await this.#ask(queues, count)
      this.#refused = false
      return popped === 'woken' ? undefined : this.#learn(queues, count, asked, popped)
    } catch (error) {
      if (isChannelError(error, 'channel_layer_closed')) return undefined
      this.#report(error)
      await sleep(RETRY_DELAY, undefined, { signal: this.#closing.signal, ref: false }).catch(() => undefined)
      return undefined
    } finally {
      this.#waiting = false
    }
  }

  /** Ends a pop that waits, so that the next one can wait for something else. */
  wake(): void {
    if (!this.#waiting) return
    const { shard, wakeKey, logger } = this.#options
    // When this fails, the pop ends by itself after a few seconds.
    shard.wake(wakeKey).catch((error: unknown) => {
      logger.debug({ err: error }, 'wake-up not sent')
    })
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#connection.close()
  }

  async #ask(
    queues: readonly string[],
    count: number,
  ): Promise<{ queue: string; messages: Stored[] } | 'woken' | undefined> {
    const { prefix, wakeKey } = this.#options
    const keys = [wakeKey, ...queues.map((queue) => prefix + queue)]
    const args = ['BZMPOP', this.#block, String(keys.length), ...keys, 'MIN', 'COUNT', String(count)]
    const reply = (await this.#connection.request(args)) as [Buffer, (readonly [Buffer, Buffer])[]] | null
    if (!reply) return undefined
    const [key, popped] = reply
    if (String(key) === wakeKey) return 'woken'
    const messages = popped.map(([member, score]) => ({ member, score: String(score) }))
    return { queue: String(key).slice(prefix.length), messages }
  }

  /** The queues before the one that was served were empty. So is that one, when it gave less than asked. */
  #learn(
    queues: readonly string[],
    count: number,
    asked: number,
    popped: Omit<Popped, 'maxAge'> | undefined,
  ): Popped | undefined {
    const maxAge = popped && this.drained.maxAge(popped.queue)
    for (const queue of queues) {
      if (queue !== popped?.queue) this.drained.note(queue, asked)
      else {
        if (popped.messages.length < count) this.drained.note(queue, asked)
        break
      }
    }
    return popped && { ...popped, maxAge: maxAge ?? Number.POSITIVE_INFINITY }
  }

  /** The connection logs that Redis is away, but not that Redis refuses a command. */
  #report(error: unknown): void {
    const { logger } = this.#options
    const refusal =
      isChannelError(error, 'channel_layer_unavailable') && error.cause instanceof RedisRefusedError
    const text = 'channel messages could not be received; trying again'
    if (refusal && !this.#refused) logger.error({ err: error }, text)
    else logger.debug({ err: error }, text)
    this.#refused = refusal
  }
}
