/** One Redis of the layer: its connection, the queues in it, and the processes that it knows. */
import type { Logger } from '../../../logging/logger.ts'
import { RedisConnection } from '../../../redis/connection.ts'
import type { HostSettings } from '../../../redis/hosts.ts'
import {
  type Argument,
  openClient,
  type RedisClient,
  RedisRefusedError,
  type Reply,
} from '../../../redis/open-client.ts'
import type { UnfitRedisError } from '../../../redis/unfit.ts'
import { CONNECTION_ERRORS, restOf } from '../failures.ts'
import type { WireNames } from '../wire-names.ts'
import { KeptAnswers } from './kept-answers.ts'
import { type Stored, storedIn } from './queue-reader.ts'
import { GIVE_BACK, type Script, SCRIPTS, SEND, SIGN_OF_LIFE, TAKE, WAKE } from './scripts.ts'
import { checkCommands, warnOfEviction } from './server-checks.ts'

export interface ShardSettings {
  readonly names: WireNames
  /** Seconds. */
  readonly expiry: number
  /** Milliseconds; see `RedisConnectionOptions`. */
  readonly timeoutMs: number
  readonly logger: Logger
}

/** A message to be put in a queue. */
export interface QueueEntry {
  /** The full name of a channel without `!`, or of any channel of the process whose queue it is. */
  readonly channel: string
  readonly member: Buffer
  readonly capacity: number
}

/** Seconds without a sign of life after which a process is dead. */
export const DEAD_AFTER = 30
/** Milliseconds for which an unused wake-up is kept. */
const WAKE_TIME = 10_000
const FLUSH_BATCH = 1000

export class Shard {
  readonly kept: KeptAnswers = new KeptAnswers()
  readonly #host: HostSettings
  readonly #settings: ShardSettings
  readonly #connection: RedisConnection
  readonly #expiryMs: string
  #isPolicyKnown = false

  constructor(host: HostSettings, settings: ShardSettings, onReady: () => void) {
    this.#host = host
    this.#settings = settings
    this.#expiryMs = String(Math.ceil(settings.expiry * 1000))
    this.#connection = this.#connect(settings.timeoutMs, onReady)
  }

  get ready(): boolean {
    return this.#connection.ready
  }

  get unfit(): UnfitRedisError | undefined {
    return this.#connection.unfit
  }

  /**
   * Sends a command that needs no other permission than the layer does, and that a loading server refuses.
   */
  async ping(): Promise<void> {
    await this.#connection.request(['ZCARD', this.#settings.names.processes])
  }

  /** Makes another connection, for commands that block for so many seconds. */
  blockingConnection(seconds: number): RedisConnection {
    return this.#connect(this.#settings.timeoutMs + seconds * 1000)
  }

  /** Puts messages in queues. Returns the entries whose queue was full. */
  async send(entries: readonly QueueEntry[]): Promise<QueueEntry[]> {
    const keys = entries.map(({ channel }) => this.#settings.names.queue(channel))
    const args = entries.flatMap(({ member, capacity }) => [member, String(capacity)])
    const full = (await this.run(SEND, keys, [this.#expiryMs, ...args])) as number[]
    return full.map((place) => entries[place - 1] as QueueEntry)
  }

  /**
   * Takes the oldest messages of a queue, and drops those that are too old by their senders' clocks.
   *
   * @param isFresh says that none can be too old.
   * @returns also how many were dropped.
   */
  async take(
    channel: string,
    count: number,
    isFresh: boolean,
  ): Promise<{ readonly messages: Stored[]; readonly expired: number }> {
    const keys = [this.#settings.names.queue(channel)]
    const args = [this.#expiryMs, String(count), isFresh ? '1' : '0']
    const [expired, messages] = (await this.run(TAKE, keys, args)) as [number, Reply]
    return { messages: storedIn(messages), expired }
  }

  async giveBack(channel: string, messages: readonly Stored[]): Promise<void> {
    const args = messages.flatMap(({ score, member }) => [score, member])
    await this.run(GIVE_BACK, [this.#settings.names.queue(channel)], [this.#expiryMs, ...args])
  }

  /** Ends a pop that waits for this key, too. */
  async wake(key: string): Promise<void> {
    await this.run(WAKE, [key], [String(WAKE_TIME)])
  }

  /** Says that this process lives. Returns Redis's time, and whether Redis did not know the process. */
  async signOfLife(inbox: string): Promise<{ readonly isNew: boolean; readonly time: number }> {
    const keys = [this.#settings.names.processes]
    const [isNew, time] = (await this.run(SIGN_OF_LIFE, keys, [inbox, String(DEAD_AFTER)])) as [
      number,
      Buffer,
    ]
    this.kept.answered()
    return { isNew: isNew === 1, time: Number(time) }
  }

  /** Says that this process ends, if Redis is there. */
  async signOff(inbox: string): Promise<void> {
    if (!this.ready) return
    await this.#connection.request(['ZREM', this.#settings.names.processes, inbox]).catch(() => undefined)
  }

  /** The inboxes of the processes that live. */
  async processes(): Promise<string[]> {
    const members = await this.#connection.request(['ZRANGE', this.#settings.names.processes, '0', '-1'])
    return (members as Buffer[]).map(String)
  }

  /** Deletes every key of the layer except the list of its processes. */
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

  request(args: readonly Argument[]): Promise<Reply> {
    return this.#connection.request(args)
  }

  async run(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<Reply> {
    const rest = [String(keys.length), ...keys, ...args]
    try {
      return await this.#connection.request(['EVALSHA', script.sha, ...rest])
    } catch (error) {
      // Somebody emptied Redis's cache of scripts. The call did nothing.
      if (!(error instanceof RedisRefusedError)) throw error
      return this.#connection.request(['EVAL', script.source, ...rest])
    }
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
        // A script that is loaded beforehand is never sent a second time, behind later requests.
        prepare: (client) =>
          Promise.all([
            ...SCRIPTS.map(({ source }) => client.send(['SCRIPT', 'LOAD', source])),
            checkCommands(client),
            this.#checkPolicy(client),
            this.kept.connected(client),
          ]),
      }),
    })
  }

  /** Asks until the server has told once. */
  async #checkPolicy(client: RedisClient): Promise<void> {
    if (this.#isPolicyKnown) return
    this.#isPolicyKnown = await warnOfEviction(client, this.#host.title, this.#settings.logger)
  }
}
