/** Waits in one Redis for messages of several queues, on a connection of its own; can be woken. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../../../logging/logger.ts'
import { isChannelError } from '../../errors.ts'
import type { RedisConnection } from '../../../redis/connection.ts'
import { RedisRefusedError } from '../../../redis/open-client.ts'
import { Drained } from './drained.ts'
import type { Shard } from './shard.ts'
import type { Stored } from './stored.ts'

/** Milliseconds before another attempt after Redis refused one. */
const RETRY_DELAY = 500

export interface Popped {
  readonly queue: string
  readonly messages: readonly Stored[]
  /** The most seconds that they can have waited, by this process's clock. */
  readonly maxAge: number
}

export class BlockingPop {
  readonly drained: Drained = new Drained()
  readonly #shard: Shard
  readonly #connection: RedisConnection
  readonly #wakeKey: string
  readonly #logger: Logger
  readonly #closing = new AbortController()
  #waiting = false
  /** Whether the last pop was refused: it is said once. */
  #refused = false

  constructor(shard: Shard, wakeKey: string, logger: Logger) {
    this.#shard = shard
    this.#connection = shard.blockingConnection()
    this.#wakeKey = wakeKey
    this.#logger = logger
  }

  /** Whether a pop waits in Redis at this moment. */
  get waiting(): boolean {
    return this.#waiting
  }

  /**
   * The oldest messages of the first of the queues that has any, at most `count`. Nothing after a few
   * seconds, after `wake`, and after a failure, which is logged: messages that were on their way then
   * are lost.
   */
  async pop(queues: readonly string[], count: number): Promise<Popped | undefined> {
    this.#waiting = true
    try {
      const asked = performance.now()
      const popped = await this.#shard.pop(this.#connection, this.#wakeKey, queues, count)
      this.#refused = false
      if (popped === 'woken') return undefined
      return this.#learn(queues, count, asked, popped)
    } catch (error) {
      if (isChannelError(error, 'channel_layer_closed')) return undefined
      this.#report(error)
      await sleep(RETRY_DELAY, undefined, { signal: this.#closing.signal, ref: false }).catch(() => undefined)
      return undefined
    } finally {
      this.#waiting = false
    }
  }

  /** The queues before the one that was served were empty, and so is that one when it gave less than asked. */
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

  /** Ends a pop that waits, so that the next one can wait for something else. */
  wake(): void {
    if (!this.#waiting) return
    // When this fails, the pop ends by itself after a few seconds.
    this.#shard.wake(this.#wakeKey).catch((error: unknown) => {
      this.#logger.debug({ err: error }, 'a wake-up was not sent')
    })
  }

  /** The connection reports that Redis is away; that Redis says no, nobody else would. */
  #report(error: unknown): void {
    const refusal =
      isChannelError(error, 'channel_layer_unavailable') && error.cause instanceof RedisRefusedError
    const text = 'waiting for channel messages failed; trying again'
    if (refusal && !this.#refused) this.#logger.error({ err: error }, text)
    else this.#logger.debug({ err: error }, text)
    this.#refused = refusal
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#connection.close()
  }
}
