/** One Redis of the layer, and what is asked of it. */
import type { Logger } from '../../logging/logger.ts'
import type { HostSettings } from '../../redis/hosts.ts'
import { RedisClock } from './clock.ts'
import { CONNECTION_ERRORS } from './connection-errors.ts'
import { RedisConnection } from '../../redis/connection.ts'
import { restOf } from './partly-done.ts'
import { type Argument, openClient, RedisRefusal, type Reply } from '../../redis/open-client.ts'
import {
  GIVE_BACK,
  GROUP_ADD,
  GROUP_MEMBERS,
  type Script,
  SCRIPTS,
  SEND,
  SIGN_OF_LIFE,
  TAKE,
  WAKE,
} from './scripts.ts'
import type { WireNames } from './wire-names.ts'

export interface ShardSettings {
  readonly names: WireNames
  readonly expiry: number
  readonly groupExpiry: number
  /** Milliseconds; see `ConnectionOptions`. */
  readonly timeoutMs: number
  readonly logger: Logger
}

/** A message as it is in a queue, and since when, in seconds by Redis. */
export interface Stored {
  readonly member: Buffer
  readonly score: string
}

export interface Delivery {
  /** A full name for a channel without `!`, and otherwise any channel of the process. */
  readonly channel: string
  readonly member: Buffer
  readonly capacity: number
}

/** Seconds between the signs of life of a process, and after which a silent one is dead. */
export const LIFE_INTERVAL = 5
const DEAD_AFTER = 30
/** Milliseconds for which a wake-up waits for the pop it is for. */
const WAKE_TIME = 10_000
/** Seconds that a pop blocks; a connection that died unnoticed is found out soon after. */
const BLOCK = 5
const FLUSH_BATCH = 1000

export class Shard {
  readonly clock: RedisClock = new RedisClock()
  readonly #host: HostSettings
  readonly #settings: ShardSettings
  readonly #connection: RedisConnection
  readonly #expiryMs: string
  readonly #groupExpiryMs: string

  constructor(host: HostSettings, settings: ShardSettings, onReady: () => void) {
    this.#host = host
    this.#settings = settings
    this.#expiryMs = String(Math.ceil(settings.expiry * 1000))
    this.#groupExpiryMs = String(Math.ceil(settings.groupExpiry * 1000))
    this.#connection = this.#connect(settings.timeoutMs, onReady)
  }

  get ready(): boolean {
    return this.#connection.ready
  }

  /** Asks what takes no right that the layer does not need anyway, and is refused by a server that loads. */
  async ping(): Promise<void> {
    await this.#connection.request(['ZCARD', this.#settings.names.processes])
  }

  /** A connection for pops that block. */
  blockingConnection(): RedisConnection {
    return this.#connect(this.#settings.timeoutMs + BLOCK * 1000)
  }

  /** Puts messages in queues. Gives those of the deliveries that found a full one. */
  async send(deliveries: readonly Delivery[]): Promise<Delivery[]> {
    const keys = deliveries.map(({ channel }) => this.#settings.names.queue(channel))
    const args = deliveries.flatMap(({ member, capacity }) => [member, String(capacity)])
    const full = (await this.#run(SEND, keys, [this.#expiryMs, ...args])) as number[]
    return full.map((place) => deliveries[place - 1] as Delivery)
  }

  async take(channel: string, count: number): Promise<Stored[]> {
    const keys = [this.#settings.names.queue(channel)]
    return pairs(await this.#run(TAKE, keys, [this.#expiryMs, String(count)]))
  }

  async giveBack(channel: string, messages: readonly Stored[]): Promise<void> {
    const args = messages.flatMap(({ score, member }) => [score, member])
    await this.#run(GIVE_BACK, [this.#settings.names.queue(channel)], [this.#expiryMs, ...args])
  }

  /**
   * @param inbox of this process, when the member stands for its channels. True when that process was
   * not known.
   */
  async groupAdd(group: string, member: string, inbox = ''): Promise<boolean> {
    const { names } = this.#settings
    const args = [member, this.#groupExpiryMs, inbox, String(DEAD_AFTER)]
    return (await this.#run(GROUP_ADD, [names.group(group), names.processes], args)) === 1
  }

  async groupRemove(group: string, ...members: string[]): Promise<void> {
    await this.#connection.request(['ZREM', this.#settings.names.group(group), ...members])
  }

  async groupHas(group: string, member: string): Promise<boolean> {
    const score = await this.#connection.request(['ZSCORE', this.#settings.names.group(group), member])
    return score !== null
  }

  async groupMembers(group: string): Promise<string[]> {
    const { names } = this.#settings
    const args = [this.#groupExpiryMs, String(DEAD_AFTER)]
    const members = await this.#run(GROUP_MEMBERS, [names.group(group), names.processes], args)
    return (members as Buffer[]).map(String)
  }

  /** Says that this process lives. True when that was news. */
  async signOfLife(inbox: string): Promise<boolean> {
    const keys = [this.#settings.names.processes]
    const [isNew, time] = (await this.#run(SIGN_OF_LIFE, keys, [inbox, String(DEAD_AFTER)])) as [
      number,
      Buffer,
    ]
    this.clock.read(Number(time))
    return isNew === 1
  }

  /** Says, if it can, that this process ends. */
  async signOff(inbox: string): Promise<void> {
    if (!this.ready) return
    await this.#connection.request(['ZREM', this.#settings.names.processes, inbox]).catch(() => undefined)
  }

  /** The inboxes of the processes that live. */
  async processes(): Promise<string[]> {
    const members = await this.#connection.request(['ZRANGE', this.#settings.names.processes, '0', '-1'])
    return (members as Buffer[]).map(String)
  }

  async wake(key: string): Promise<void> {
    await this.#run(WAKE, [key], [String(WAKE_TIME)])
  }

  /** Waits for messages in any of the queues; nothing comes when the time is over or it was woken. */
  async pop(
    connection: RedisConnection,
    wakeKey: string,
    queues: readonly string[],
    count: number,
  ): Promise<{ queue: string; messages: Stored[] } | undefined> {
    const { prefix } = this.#settings.names
    const keys = [wakeKey, ...queues.map((queue) => prefix + queue)]
    const args = ['BZMPOP', String(BLOCK), String(keys.length), ...keys, 'MIN', 'COUNT', String(count)]
    const reply = (await connection.request(args)) as [Buffer, (readonly [Buffer, Buffer])[]] | null
    if (!reply) return undefined
    const [key, popped] = reply
    if (String(key) === wakeKey) return undefined
    const messages = popped.map(([member, score]) => ({ member, score: String(score) }))
    return { queue: String(key).slice(prefix.length), messages }
  }

  /** Deletes everything of the layer but the list of its processes, and nothing else. */
  async flush(): Promise<void> {
    const { names } = this.#settings
    const pattern = `${names.prefix.replace(/[\\*?[\]^-]/g, String.raw`\$&`)}*`
    const flushFrom = async (cursor: string): Promise<string> => {
      const scan = ['SCAN', cursor, 'MATCH', pattern, 'COUNT', String(FLUSH_BATCH), 'TYPE', 'zset']
      const [next, found] = (await this.#connection.request(scan)) as [Buffer, Buffer[]]
      const keys = found.map(String).filter((key) => key !== names.processes && names.isKey(key))
      if (keys.length > 0) await this.#connection.request(['UNLINK', ...keys])
      return String(next)
    }
    let cursor = await flushFrom('0')
    while (cursor !== '0') cursor = await restOf(flushFrom(cursor))
  }

  async close(): Promise<void> {
    await this.#connection.close()
  }

  #connect(timeoutMs: number, onReady?: () => void): RedisConnection {
    const host = this.#host
    return new RedisConnection({
      title: host.title,
      timeoutMs,
      logger: this.#settings.logger,
      errors: CONNECTION_ERRORS,
      open: (signal, onLost) => openClient(host, { timeoutMs: this.#settings.timeoutMs, signal, onLost }),
      ...(onReady && {
        onReady,
        // Loaded beforehand, a script never has to be sent a second time, behind what came after it.
        prepare: (client) =>
          Promise.all(SCRIPTS.map(({ source }) => client.send(['SCRIPT', 'LOAD', source]))),
      }),
    })
  }

  async #run(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<Reply> {
    const rest = [String(keys.length), ...keys, ...args]
    try {
      return await this.#connection.request(['EVALSHA', script.sha, ...rest])
    } catch (error) {
      // Somebody emptied Redis's cache of scripts; nothing was done.
      if (!(error instanceof RedisRefusal)) throw error
      return this.#connection.request(['EVAL', script.source, ...rest])
    }
  }
}

function pairs(reply: Reply): Stored[] {
  const flat = reply as Buffer[]
  const stored: Stored[] = []
  for (let i = 0; i + 1 < flat.length; i += 2) {
    stored.push({ member: flat[i] as Buffer, score: String(flat[i + 1]) })
  }
  return stored
}
