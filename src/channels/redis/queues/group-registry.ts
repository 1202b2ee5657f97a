/**
 * Which channels of this process are in which groups, here and in Redis. A group with few channels of this
 * process lists their names in Redis, and a mark; one with many has one member for all of them
 * (wire-names.ts).
 *
 * Invariant: while a group has a channel here, or one is being added, its mark or that member is in Redis,
 * unless Redis lost it; `restore` and `check` put it back. While it is there, a missing name was taken out by
 * another process, and stays out.
 */
import type { Logger } from '../../../logging/logger.ts'
import { GroupTable } from '../../local/group-table.ts'
import type { OwnGroups } from '../layer.ts'
import type { GroupStore } from './group-store.ts'
import { digestIn, groupDigest, groupMark, groupMember, isGroupMark } from '../wire-names.ts'

export interface GroupRegistryOptions {
  readonly process: string
  /** Seconds. */
  readonly groupExpiry: number
  /** Most channels of a group that are listed by their names. */
  readonly namedMembers: number
  readonly store: GroupStore
  /** Called with the number of groups that Redis had lost, and that were joined again. */
  onLost(groups: number): void
  readonly logger: Logger
}

/** Shortest time between two looks at all memberships, in milliseconds. */
const MIN_SWEEP = 1000
const CHECKED_AT_ONCE = 1000

export class GroupRegistry implements OwnGroups {
  readonly #options: GroupRegistryOptions
  readonly #groupExpiryMs: number
  readonly #store: GroupStore
  readonly #table = new GroupTable()
  readonly #byDigest = new Map<string, string>()
  /** Channels that are being added, by group. A later discard takes them out. */
  readonly #adding = new Map<string, Map<string, symbol>>()
  /** Groups that have one member for all of their channels here. */
  readonly #gathered = new Set<string>()
  /** Calls in the background. */
  readonly #background = new Set<Promise<void>>()
  #unchecked: Iterator<string, undefined> | undefined
  #sweptAt = performance.now()

  constructor(options: GroupRegistryOptions) {
    this.#options = options
    this.#groupExpiryMs = options.groupExpiry * 1000
    this.#store = options.store
  }

  usage(): { readonly groups: number; readonly memberships: number } {
    return { groups: this.#table.size, memberships: this.#table.memberships }
  }

  async add(group: string, channel: string): Promise<void> {
    const adding = this.#adding.get(group) ?? new Map<string, symbol>()
    this.#adding.set(group, adding)
    const mark = Symbol(channel)
    adding.set(channel, mark)
    this.#byDigest.set(groupDigest(group), group)
    try {
      await Promise.all([this.#gatherMany(group), this.#addMember(group, channel)])
      // A later discard or release wins.
      if (adding.get(channel) === mark)
        this.#table.add(group, channel, performance.now() + this.#groupExpiryMs)
    } finally {
      if (adding.get(channel) === mark) adding.delete(channel)
      if (adding.size === 0 && this.#adding.get(group) === adding) this.#adding.delete(group)
      if (this.#forgetEmpty(group)) this.#inBackground(this.#store.remove(group, this.#marksOf(group)))
    }
  }

  /** False when the channel is not in the group any more. */
  async renew(group: string, channel: string): Promise<boolean> {
    if (!this.#has(group, channel)) return false
    const isGathered = this.#gathered.has(group)
    switch (await this.#store.renew(group, this.#markOf(group), isGathered ? '' : channel)) {
      case 'lost':
        await this.#rejoin([group])
        break
      case 'gone':
        if (this.#take(group, channel)) await this.#store.remove(group, this.#marksOf(group))
        return false
      case 'kept':
    }
    if (!this.#has(group, channel)) return false
    this.#table.add(group, channel, performance.now() + this.#groupExpiryMs)
    return true
  }

  async discard(group: string, channel: string): Promise<void> {
    // Even when it is not in the table: another process may have added the channel.
    const isLast = this.#take(group, channel)
    await this.#store.remove(group, isLast ? [channel, ...this.#marksOf(group)] : [channel])
  }

  /** Takes a channel out of its groups here, at once, and in Redis in the background. */
  release(channel: string): void {
    const groups = new Set(this.#table.groupsOf(channel))
    for (const [group, adding] of this.#adding) if (adding.has(channel)) groups.add(group)
    for (const group of groups) this.#inBackground(this.discard(group, channel))
  }

  members(group: string): Iterable<string> {
    return this.#table.members(group, performance.now())
  }

  /** The channels here that a member of a group stands for; undefined when it is the name of a channel. */
  membersFor(member: string): Iterable<string> | undefined {
    if (isGroupMark(member)) return []
    const digest = digestIn(member)
    if (digest === undefined) return undefined
    const group = this.#byDigest.get(digest)
    return group === undefined ? [] : this.members(group)
  }

  /**
   * The channels here that are in a group according to Redis. When Redis lost the group, returns the channels
   * of the table and joins the group again.
   *
   * @param own the members in Redis whose names are of this process.
   */
  membersAmong(group: string, own: Iterable<string>): Set<string> {
    const channels = new Set<string>()
    let isKept = false
    for (const member of own) {
      if (member === groupMark(this.#options.process, group)) isKept = true
      else if (digestIn(member) === undefined) channels.add(member)
      else {
        isKept = true
        for (const channel of this.members(group)) channels.add(channel)
      }
    }
    if (isKept || !this.#table.has(group)) return channels
    this.#inBackground(this.#rejoin([group]))
    for (const channel of this.members(group)) channels.add(channel)
    return channels
  }

  /**
   * Joins every group again of a Redis that lost its data, or took this process for dead.
   *
   * @param since in milliseconds of `performance.now()`. Channels added later may be lost even though Redis
   * kept the rest of their group, because Redis answers before it has written or replicated.
   */
  restore(isThere: (group: string) => boolean, since: number): void {
    const groups = [...this.#table.names()].filter(isThere)
    if (groups.length > 0) this.#inBackground(this.#rejoin(groups, since))
  }

  /** Looks for groups that Redis lost, a thousand at a time, and joins them again. Never rejects. */
  async #check(): Promise<void> {
    try {
      await this.#rejoin(await this.#store.lost(this.#nextMarks()))
    } catch (error) {
      this.#options.logger.debug({ err: error }, 'groups not checked')
    }
  }

  /** To be called every few seconds. */
  tick(isTimeToCheck: boolean): void {
    this.#sweep()
    if (isTimeToCheck) void this.#check()
  }

  /** Drops what expired. Looks at all memberships once in their lifetime. */
  #sweep(): void {
    const now = performance.now()
    if (now - this.#sweptAt < Math.max(this.#groupExpiryMs, MIN_SWEEP)) return
    this.#sweptAt = now
    this.#table.dropExpired(now)
    // Redis forgets these memberships by itself: they are no younger there.
    for (const group of this.#byDigest.values()) this.#forgetEmpty(group)
  }

  /** Forgets all memberships here. */
  clear(): void {
    this.#table.clear()
    this.#adding.clear()
    this.#byDigest.clear()
    this.#gathered.clear()
  }

  /** Leaves every group. */
  async close(): Promise<void> {
    for (const group of this.#table.names()) {
      const members = [...this.members(group), ...this.#marksOf(group)]
      this.#inBackground(this.#store.remove(group, members))
    }
    this.clear()
    await Promise.all(this.#background)
  }

  #nextMarks(): Map<string, string> {
    const marks = new Map<string, string>()
    this.#unchecked ??= this.#table.names()
    while (marks.size < CHECKED_AT_ONCE) {
      const next = this.#unchecked.next()
      if (next.done) {
        this.#unchecked = undefined
        break
      }
      marks.set(next.value, this.#markOf(next.value))
    }
    return marks
  }

  #has(group: string, channel: string): boolean {
    return (this.#table.endOf(group, channel) ?? 0) > performance.now()
  }

  async #addMember(group: string, channel: string): Promise<void> {
    const mark = this.#markOf(group)
    await this.#store.add(group, this.#gathered.has(group) ? [mark] : [channel, mark])
  }

  /** Puts one member in the place of many names. */
  async #gatherMany(group: string): Promise<void> {
    const { process, namedMembers, logger } = this.#options
    const adding = this.#adding.get(group)
    if (this.#gathered.has(group) || this.#table.sizeOf(group) + (adding?.size ?? 0) <= namedMembers) return
    const names = new Set([...this.members(group), ...(adding?.keys() ?? [])])
    this.#gathered.add(group)
    const fields = { group, channels: names.size }
    logger.info(fields, 'group has too many channels to list each in Redis: Python cannot discard them')
    try {
      const gone = await this.#store.gather(group, groupMark(process, group), groupMember(process, group), [
        ...names,
      ])
      for (const channel of gone) this.#dropGone(group, channel)
    } catch (error) {
      this.#gathered.delete(group)
      throw error
    }
  }

  /** A channel that is being added was not in Redis yet, so it was not taken out. */
  #dropGone(group: string, channel: string): void {
    if (!this.#adding.get(group)?.has(channel)) this.#table.discard(group, channel)
  }

  /** Puts the names back in the place of the one member, once they are few. */
  #spreadFew(group: string): void {
    const { namedMembers, process } = this.#options
    if (!this.#gathered.has(group) || this.#table.sizeOf(group) * 2 > namedMembers) return
    const names = new Set([...this.members(group), ...(this.#adding.get(group)?.keys() ?? [])])
    this.#gathered.delete(group)
    const spreading = this.#store.spread(group, groupMember(process, group), [
      groupMark(process, group),
      ...names,
    ])
    this.#inBackground(
      spreading.catch((error: unknown) => {
        if (this.#table.has(group)) this.#gathered.add(group)
        throw error
      }),
    )
  }

  /** Joins groups again that Redis may have lost, and reports how many it had lost. */
  async #rejoin(groups: readonly string[], since?: number): Promise<void> {
    const joining = groups.map((group) => this.#restoreGroup(group, since))
    const joined = await Promise.allSettled(joining)
    this.#options.onLost(joined.filter((one) => one.status === 'fulfilled' && one.value).length)
    await Promise.all(joining)
  }

  /** True when Redis had lost the group. */
  async #restoreGroup(group: string, since = Number.POSITIVE_INFINITY): Promise<boolean> {
    const lately: string[] = []
    const others: string[] = []
    if (!this.#gathered.has(group)) {
      for (const channel of this.members(group)) {
        const addedAt = (this.#table.endOf(group, channel) ?? 0) - this.#groupExpiryMs
        if (addedAt >= since) lately.push(channel)
        else others.push(channel)
      }
    }
    if (!this.#table.has(group)) return false
    return this.#store.restore(group, this.#markOf(group), { lately, others })
  }

  /** The member that is in Redis for as long as Redis keeps the group. */
  #markOf(group: string): string {
    return this.#marksOf(group)[this.#gathered.has(group) ? 1 : 0]
  }

  /** The members that may be in Redis for this process in addition to names. */
  #marksOf(group: string): readonly [mark: string, member: string] {
    const { process } = this.#options
    return [groupMark(process, group), groupMember(process, group)]
  }

  /** Takes a channel out of a group; true when it was the last one here. */
  #take(group: string, channel: string): boolean {
    this.#table.discard(group, channel)
    this.#adding.get(group)?.delete(channel)
    const isEmpty = this.#forgetEmpty(group)
    if (!isEmpty) this.#spreadFew(group)
    return isEmpty
  }

  #forgetEmpty(group: string): boolean {
    if (this.#table.has(group) || (this.#adding.get(group)?.size ?? 0) > 0) return false
    this.#byDigest.delete(groupDigest(group))
    this.#gathered.delete(group)
    return true
  }

  #inBackground(call: Promise<unknown>): void {
    const settled: Promise<void> = call
      .then(
        () => undefined,
        (error: unknown) => {
          this.#options.logger.debug({ err: error }, 'group membership not updated')
        },
      )
      .finally(() => this.#background.delete(settled))
    this.#background.add(settled)
  }
}
