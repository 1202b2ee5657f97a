/**
 * Which channels of this process are in which groups. A group is one topic, for all channels of this process
 * that are in it.
 *
 * Invariant: this process listens to a group's topic exactly while the group has a channel here.
 */
import { GroupTable } from '../../local/group-table.ts'
import type { OwnGroups } from '../layer.ts'
import { Sweep } from '../../../time/sweep.ts'

export interface LocalGroupsOptions {
  /** Seconds after which a channel that was not added again is forgotten. */
  readonly groupExpiry: number
  /** Resolves when messages to the group are heard. */
  listen(group: string): Promise<void>
  /** Resolves when no more messages of the group come. Never rejects. */
  leave(group: string): Promise<void>
}

/** The shortest time between two looks at all memberships, in milliseconds. */
const MIN_SWEEP = 1000

export class LocalGroups implements OwnGroups {
  readonly #options: LocalGroupsOptions
  readonly #groupExpiryMs: number
  readonly #table = new GroupTable()
  /** The last call that adds a pair. A call that fails undoes its own work, but not that of a later call. */
  readonly #adding = new Map<string, symbol>()
  readonly #sweep: Sweep

  constructor(options: LocalGroupsOptions) {
    this.#options = options
    this.#groupExpiryMs = options.groupExpiry * 1000
    this.#sweep = new Sweep(this.#groupExpiryMs, MIN_SWEEP, () => this.#dropExpired())
  }

  usage(): { readonly groups: number; readonly memberships: number } {
    return { groups: this.#table.size, memberships: this.#table.memberships }
  }

  has(group: string): boolean {
    return this.#table.has(group)
  }

  async add(group: string, channel: string): Promise<void> {
    const isMember = this.#table.endOf(group, channel) !== undefined
    const pair = `${group} ${channel}`
    const mark = Symbol(pair)
    this.#adding.set(pair, mark)
    this.#table.add(group, channel, performance.now() + this.#groupExpiryMs)
    this.#sweep.arm()
    try {
      await this.#options.listen(group)
    } catch (error) {
      if (!isMember && this.#adding.get(pair) === mark) void this.discard(group, channel)
      throw error
    } finally {
      if (this.#adding.get(pair) === mark) this.#adding.delete(pair)
    }
  }

  /** False when the channel is not in the group. */
  renew(group: string, channel: string): boolean {
    const now = performance.now()
    if ((this.#table.endOf(group, channel) ?? now) <= now) return false
    this.#table.add(group, channel, now + this.#groupExpiryMs)
    return true
  }

  async discard(group: string, channel: string): Promise<void> {
    this.#table.discard(group, channel)
    await this.#leaveEmpty(group)
  }

  /** Takes a channel out of its groups, at once. */
  release(channel: string): void {
    const groups = [...this.#table.groupsOf(channel)]
    this.#table.leaveAll(channel)
    for (const group of groups) void this.#leaveEmpty(group)
  }

  members(group: string): string[] {
    const had = this.#table.has(group)
    const members = [...this.#table.members(group, performance.now())]
    if (had) void this.#leaveEmpty(group)
    return members
  }

  /** Forgets all memberships. */
  async clear(): Promise<void> {
    const groups = [...this.#table.names()]
    this.#table.clear()
    await Promise.all(groups.map((group) => this.#leaveEmpty(group)))
  }

  close(): void {
    this.#sweep.stop()
    this.#table.clear()
  }

  async #leaveEmpty(group: string): Promise<void> {
    if (!this.#table.has(group)) await this.#options.leave(group)
  }

  /** Whether memberships are left. */
  #dropExpired(): boolean {
    const groups = [...this.#table.names()]
    this.#table.dropExpired(performance.now())
    for (const group of groups) void this.#leaveEmpty(group)
    return this.#table.size > 0
  }
}
