/**
 * Groups as they are stored in Redis: sorted sets of members, each on the host that the group's name
 * decides. A member is the name of a channel, or one of the names that stand for a process (wire-names.ts).
 */
import type { WireNames } from '../wire-names.ts'
import {
  GROUP_ADD,
  GROUP_CHECK,
  GROUP_GATHER,
  GROUP_MEMBERS,
  GROUP_RENEW,
  GROUP_RESTORE,
  GROUP_SPREAD,
  type Script,
} from './scripts.ts'
import { DEAD_AFTER, type Shard } from './shard.ts'
import type { Reply } from '../../../redis/open-client.ts'

export interface GroupStoreOptions {
  readonly names: WireNames
  /** Seconds. */
  readonly groupExpiry: number
  /** The inbox of this process, by which processes know each other. */
  readonly inbox: string
  /** The Redis that has a group. */
  readonly shardOf: (group: string) => Shard
  /** Called when Redis did not know this process any more: its other groups are lost too. */
  readonly onForgotten: (shard: Shard) => void
}

export class GroupStore {
  readonly #options: GroupStoreOptions
  readonly #groupExpiryMs: string

  constructor(options: GroupStoreOptions) {
    this.#options = options
    this.#groupExpiryMs = String(Math.ceil(options.groupExpiry * 1000))
  }

  /** Adds channels of this process, or its marks. */
  async add(group: string, members: readonly string[]): Promise<void> {
    const { shardOf, inbox, onForgotten } = this.#options
    if ((await this.#join(GROUP_ADD, group, inbox, members)) === 1) onForgotten(shardOf(group))
  }

  /** Adds a channel of another process. */
  async addOther(group: string, channel: string): Promise<void> {
    await this.#join(GROUP_ADD, group, '', [channel])
  }

  /**
   * Renews a membership; see GROUP_RENEW.
   *
   * @param mark may be empty, and then `lost` is not told.
   * @param channel may be empty, to renew the mark alone.
   */
  async renew(group: string, mark: string, channel: string): Promise<'kept' | 'gone' | 'lost'> {
    const args = [this.#groupExpiryMs, mark, channel]
    return String(await this.#shard(group).run(GROUP_RENEW, [this.#key(group)], args)) as 'kept'
  }

  async remove(group: string, members: readonly string[]): Promise<void> {
    await this.#shard(group).request(['ZREM', this.#key(group), ...members])
  }

  async has(group: string, member: string): Promise<boolean> {
    return (await this.#shard(group).request(['ZSCORE', this.#key(group), member])) !== null
  }

  async members(group: string): Promise<string[]> {
    const keys = [this.#key(group), this.#options.names.processes]
    const args = [this.#groupExpiryMs, String(DEAD_AFTER)]
    const members = String(await this.#shard(group).run(GROUP_MEMBERS, keys, args))
    return members === '' ? [] : members.split(' ')
  }

  /** Replaces channels by one member that stands for all of them. Returns those that others had taken out. */
  async gather(
    group: string,
    mark: string,
    member: string,
    channels: readonly string[],
  ): Promise<readonly string[]> {
    const rest = [mark, member, ...channels]
    const gone = (await this.#join(GROUP_GATHER, group, this.#options.inbox, rest)) as number[]
    return gone.map((place) => channels[place - 1] as string)
  }

  /** Replaces the member that stands for all channels by their names and the mark. */
  async spread(group: string, member: string, names: readonly string[]): Promise<void> {
    await this.#join(GROUP_SPREAD, group, this.#options.inbox, [member, ...names])
  }

  /** Puts a group back that Redis may have lost; see GROUP_RESTORE. True when Redis had lost it. */
  async restore(
    group: string,
    mark: string,
    { lately, others }: { readonly lately: readonly string[]; readonly others: readonly string[] },
  ): Promise<boolean> {
    const rest = [mark, String(lately.length), ...lately, ...others]
    return (await this.#join(GROUP_RESTORE, group, this.#options.inbox, rest)) === 1
  }

  /** The groups whose marks are missing. Groups of a Redis that is away are not checked. */
  async lost(marks: ReadonlyMap<string, string>): Promise<readonly string[]> {
    const byShard = Map.groupBy(marks.keys(), (group) => this.#shard(group))
    const lost = [...byShard].map(async ([shard, groups]) => {
      if (!shard.ready) return []
      const keys = groups.map((group) => this.#key(group))
      const args = groups.map((group) => marks.get(group) as string)
      const places = (await shard.run(GROUP_CHECK, keys, args)) as number[]
      return places.map((place) => groups[place - 1] as string)
    })
    return (await Promise.all(lost)).flat()
  }

  #join(script: Script, group: string, inbox: string, rest: readonly string[]): Promise<Reply> {
    const keys = [this.#key(group), this.#options.names.processes]
    return this.#shard(group).run(script, keys, [this.#groupExpiryMs, inbox, String(DEAD_AFTER), ...rest])
  }

  #shard(group: string): Shard {
    return this.#options.shardOf(group)
  }

  #key(group: string): string {
    return this.#options.names.group(group)
  }
}
