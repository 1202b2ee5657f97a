/**
 * Which channels of this process are in which groups. A group is one topic, however many channels of
 * this process are in it.
 *
 * Invariant: the topic of a group is listened to exactly while the group has a channel here.
 */
import { GroupTable } from '../../local/group-table.ts'

export interface LocalGroupsOptions {
  /** Seconds after which a channel that was not added again is forgotten. */
  readonly groupExpiry: number
  /** Resolves when what is sent to the group is heard. */
  listen(group: string): Promise<void>
  /** Resolves when nothing of it comes any more. Never rejects. */
  leave(group: string): Promise<void>
}

/** Bounds of the time between two looks at all memberships, in milliseconds. */
const MIN_SWEEP = 1000
const MAX_SWEEP = 2 ** 31 - 1

export class LocalGroups {
  readonly #options: LocalGroupsOptions
  readonly #groupExpiryMs: number
  readonly #table = new GroupTable()
  /** The last call that adds a pair: one that fails undoes what itself did, and not what a later one does. */
  readonly #adding = new Map<string, symbol>()
  #sweep: NodeJS.Timeout | undefined

  constructor(options: LocalGroupsOptions) {
    this.#options = options
    this.#groupExpiryMs = options.groupExpiry * 1000
  }

  get groups(): number {
    return this.#table.size
  }

  get memberships(): number {
    return this.#table.memberships
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
    this.#armSweep()
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

  /** Forgets everything. */
  async clear(): Promise<void> {
    const groups = [...this.#table.names()]
    this.#table.clear()
    await Promise.all(groups.map((group) => this.#leaveEmpty(group)))
  }

  close(): void {
    clearTimeout(this.#sweep)
    this.#table.clear()
  }

  async #leaveEmpty(group: string): Promise<void> {
    if (!this.#table.has(group)) await this.#options.leave(group)
  }

  #armSweep(): void {
    const period = Math.min(Math.max(this.#groupExpiryMs, MIN_SWEEP), MAX_SWEEP)
    this.#sweep ??= setTimeout(() => this.#dropExpired(), period).unref()
  }

  #dropExpired(): void {
    this.#sweep = undefined
    const groups = [...this.#table.names()]
    this.#table.dropExpired(performance.now())
    for (const group of groups) void this.#leaveEmpty(group)
    if (this.#table.size > 0) this.#armSweep()
  }
}
