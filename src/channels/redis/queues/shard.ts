/** One Redis of the layer, and what is asked of it. */
import type { Logger } from '../../../logging/logger.ts'
import type { HostSettings } from '../../../redis/hosts.ts'
import { checkAbilities } from './abilities.ts'
import { RedisClock } from './clock.ts'
import { CONNECTION_ERRORS } from '../connection-errors.ts'
import { RedisConnection } from '../../../redis/connection.ts'
import { warnOfEviction } from './eviction.ts'
import { Kept } from './kept.ts'
import { restOf } from '../partly-done.ts'
import {
  type Argument,
  openClient,
  type RedisClient,
  RedisRefusedError,
  type Reply,
} from '../../../redis/open-client.ts'
import {
  GIVE_BACK,
  GROUP_ADD,
  GROUP_CHECK,
  GROUP_GATHER,
  GROUP_MEMBERS,
  GROUP_RENEW,
  GROUP_RESTORE,
  GROUP_SPREAD,
  type Script,
  SCRIPTS,
  SEND,
  SIGN_OF_LIFE,
  TAKE,
  WAKE,
} from './scripts.ts'
import type { UnfitRedisError } from '../../../redis/unfit.ts'
import { pairs, type Stored } from './stored.ts'
import type { WireNames } from '../wire-names.ts'

export interface ShardSettings {
  readonly names: WireNames
  readonly expiry: number
  readonly groupExpiry: number
  /** Milliseconds; see `RedisConnectionOptions`. */
  readonly timeoutMs: number
  readonly logger: Logger
}

export interface QueueEntry {
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
/**
 * Seconds that a pop blocks; a connection that died unnoticed is found out soon after. Two of them in a row
 * are the longest that a message may be thought to have waited, so that it is less where expiry is short.
 */
const BLOCK = 5
const FLUSH_BATCH = 1000

export class Shard {
  readonly clock: RedisClock = new RedisClock()
  readonly kept: Kept = new Kept()
  readonly #host: HostSettings
  readonly #settings: ShardSettings
  readonly #connection: RedisConnection
  readonly #block: number
  readonly #expiryMs: string
  readonly #groupExpiryMs: string
  #isPolicySaid = false

  constructor(host: HostSettings, settings: ShardSettings, onReady: () => void) {
    this.#host = host
    this.#settings = settings
    this.#block = Math.min(BLOCK, settings.expiry / 3)
    this.#expiryMs = String(Math.ceil(settings.expiry * 1000))
    this.#groupExpiryMs = String(Math.ceil(settings.groupExpiry * 1000))
    this.#connection = this.#connect(settings.timeoutMs, onReady)
  }

  /** Seconds since a message was sent: by the sender's clock, but no longer than it can have waited here. */
  ageOf({ score }: Stored, maxAge: number): number {
    return Math.min(this.clock.since(Number(score)), maxAge)
  }

  get ready(): boolean {
    return this.#connection.ready
  }

  get unfit(): UnfitRedisError | undefined {
    return this.#connection.unfit
  }

  /** Asks what takes no right that the layer does not need anyway, and is refused by a server that loads. */
  async ping(): Promise<void> {
    await this.#connection.request(['ZCARD', this.#settings.names.processes])
  }

  /** A connection for pops that block. */
  blockingConnection(): RedisConnection {
    return this.#connect(this.#settings.timeoutMs + BLOCK * 1000)
  }

  /** Puts messages in queues. Gives those of the entries that found a full one. */
  async send(entries: readonly QueueEntry[]): Promise<QueueEntry[]> {
    const keys = entries.map(({ channel }) => this.#settings.names.queue(channel))
    const args = entries.flatMap(({ member, capacity }) => [member, String(capacity)])
    const full = (await this.#run(SEND, keys, [this.#expiryMs, ...args])) as number[]
    return full.map((place) => entries[place - 1] as QueueEntry)
  }

  /**
   * Takes what waits, oldest first, and says how many messages it dropped because they were too old by their
   * senders' clocks: none when the caller knows that none can be.
   */
  async take(
    channel: string,
    count: number,
    isFresh: boolean,
  ): Promise<{ readonly messages: Stored[]; readonly expired: number }> {
    const keys = [this.#settings.names.queue(channel)]
    const args = [this.#expiryMs, String(count), isFresh ? '1' : '0']
    const [expired, messages] = (await this.#run(TAKE, keys, args)) as [number, Reply]
    return { messages: pairs(messages), expired }
  }

  async giveBack(channel: string, messages: readonly Stored[]): Promise<void> {
    const args = messages.flatMap(({ score, member }) => [score, member])
    await this.#run(GIVE_BACK, [this.#settings.names.queue(channel)], [this.#expiryMs, ...args])
  }

  /**
   * @param inbox of this process, when the members are its own channels; or nothing. True when that process
   * was not known.
   */
  async groupAdd(group: string, inbox: string, members: readonly string[]): Promise<boolean> {
    return (await this.#join(GROUP_ADD, group, inbox, members)) === 1
  }

  /** True when Redis had lost the group; see GROUP_RESTORE for the rest. */
  async groupRestore(
    group: string,
    inbox: string,
    mark: string,
    { lately, others }: { readonly lately: readonly string[]; readonly others: readonly string[] },
  ): Promise<boolean> {
    const rest = [mark, String(lately.length), ...lately, ...others]
    return (await this.#join(GROUP_RESTORE, group, inbox, rest)) === 1
  }

  /** Replaces channels by what stands for all of them; gives those that somebody had taken out. */
  async groupGather(
    group: string,
    inbox: string,
    mark: string,
    member: string,
    channels: readonly string[],
  ): Promise<string[]> {
    const gone = (await this.#join(GROUP_GATHER, group, inbox, [mark, member, ...channels])) as number[]
    return gone.map((place) => channels[place - 1] as string)
  }

  /** Replaces what stands for all channels by their names and the mark. */
  async groupSpread(group: string, inbox: string, member: string, names: readonly string[]): Promise<void> {
    await this.#join(GROUP_SPREAD, group, inbox, [member, ...names])
  }

  /** @param mark and member may be empty; see GROUP_RENEW. */
  async groupRenew(group: string, mark: string, member: string): Promise<'kept' | 'gone' | 'lost'> {
    const keys = [this.#settings.names.group(group)]
    return String(await this.#run(GROUP_RENEW, keys, [this.#groupExpiryMs, mark, member])) as 'kept'
  }

  /** Those of the groups that Redis lost: the mark that belongs to each is not there. */
  async groupsLost(marks: ReadonlyMap<string, string>): Promise<string[]> {
    const groups = [...marks.keys()]
    const keys = groups.map((group) => this.#settings.names.group(group))
    const lost = (await this.#run(GROUP_CHECK, keys, [...marks.values()])) as number[]
    return lost.map((place) => groups[place - 1] as string)
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
    const members = String(await this.#run(GROUP_MEMBERS, [names.group(group), names.processes], args))
    return members === '' ? [] : members.split(' ')
  }

  /** Says that this process lives. True when that was news. */
  async signOfLife(inbox: string): Promise<boolean> {
    const keys = [this.#settings.names.processes]
    const [isNew, time] = (await this.#run(SIGN_OF_LIFE, keys, [inbox, String(DEAD_AFTER)])) as [
      number,
      Buffer,
    ]
    this.clock.read(Number(time))
    this.kept.answered()
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

  /** Waits for messages in any of the queues; nothing comes when all were empty until the time was over. */
  async pop(
    connection: RedisConnection,
    wakeKey: string,
    queues: readonly string[],
    count: number,
  ): Promise<{ queue: string; messages: Stored[] } | 'woken' | undefined> {
    const { prefix } = this.#settings.names
    const keys = [wakeKey, ...queues.map((queue) => prefix + queue)]
    const args = ['BZMPOP', String(this.#block), String(keys.length), ...keys, 'MIN', 'COUNT', String(count)]
    const reply = (await connection.request(args)) as [Buffer, (readonly [Buffer, Buffer])[]] | null
    if (!reply) return undefined
    const [key, popped] = reply
    if (String(key) === wakeKey) return 'woken'
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
          Promise.all([
            ...SCRIPTS.map(({ source }) => client.send(['SCRIPT', 'LOAD', source])),
            checkAbilities(client),
            this.#sayPolicy(client),
            this.kept.connected(client),
          ]),
      }),
    })
  }

  /** Once. */
  async #sayPolicy(client: RedisClient): Promise<void> {
    if (this.#isPolicySaid) return
    this.#isPolicySaid = await warnOfEviction(client, this.#host.title, this.#settings.logger)
  }

  #join(script: Script, group: string, inbox: string, rest: readonly string[]): Promise<Reply> {
    const { names } = this.#settings
    const args = [this.#groupExpiryMs, inbox, String(DEAD_AFTER), ...rest]
    return this.#run(script, [names.group(group), names.processes], args)
  }

  async #run(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<Reply> {
    const rest = [String(keys.length), ...keys, ...args]
    try {
      return await this.#connection.request(['EVALSHA', script.sha, ...rest])
    } catch (error) {
      // Somebody emptied Redis's cache of scripts; nothing was done.
      if (!(error instanceof RedisRefusedError)) throw error
      return this.#connection.request(['EVAL', script.source, ...rest])
    }
  }
}
