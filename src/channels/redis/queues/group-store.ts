/** What the registry of groups asks, asked of the Redis that has each group. */
import type { Shard } from './shard.ts'

/** What the registry asks of the Redis that holds a group; see the scripts of the same names. */
export interface GroupStore {
  add(group: string, members: readonly string[]): Promise<void>
  remove(group: string, members: readonly string[]): Promise<void>
  gather(group: string, mark: string, member: string, channels: readonly string[]): Promise<readonly string[]>
  spread(group: string, member: string, names: readonly string[]): Promise<void>
  renew(group: string, mark: string, channel: string): Promise<'kept' | 'gone' | 'lost'>
  restore(
    group: string,
    mark: string,
    names: { readonly lately: readonly string[]; readonly others: readonly string[] },
  ): Promise<boolean>
  /** Those of the groups whose marks are not there. */
  lost(marks: ReadonlyMap<string, string>): Promise<readonly string[]>
}

export interface GroupShards {
  /** The own inbox, by which processes know each other. */
  readonly inbox: string
  /** The Redis that has a group. */
  readonly of: (group: string) => Shard
  /** Redis had forgotten this process, and with it its other groups. */
  readonly onForgotten: (shard: Shard) => void
}

export function groupStore({ inbox, of, onForgotten }: GroupShards): GroupStore {
  return {
    add: async (group, members) => {
      if (await of(group).groupAdd(group, inbox, members)) onForgotten(of(group))
    },
    remove: (group, members) => of(group).groupRemove(group, ...members),
    gather: (group, mark, member, channels) => of(group).groupGather(group, inbox, mark, member, channels),
    spread: (group, member, names) => of(group).groupSpread(group, inbox, member, names),
    renew: (group, mark, channel) => of(group).groupRenew(group, mark, channel),
    restore: (group, mark, names) => of(group).groupRestore(group, inbox, mark, names),
    lost: async (marks) => {
      const shards = [...Map.groupBy(marks, ([group]) => of(group))].filter(([{ ready }]) => ready)
      const lost = await Promise.all(shards.map(([shard, some]) => shard.groupsLost(new Map(some))))
      return lost.flat()
    },
  }
}
