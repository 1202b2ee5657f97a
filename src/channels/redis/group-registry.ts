/**
 * Which channels of this process are in which groups, and this process's one membership of each such
 * group in Redis.
 *
 * Invariant: while a group has a channel here, or one is being added, this process is a member in
 * Redis, unless Redis lost it; then `restore` makes it one again.
 */
import type { Logger } from '../../logging/logger.ts'
import { GroupTable } from '../groups.ts'
import { digestIn, groupDigest, groupMember } from './wire-names.ts'

/** What the registry asks of the Redis that holds a group. */
export interface GroupStore {
  join(group: string, member: string): Promise<void>
  leave(group: string, ...members: string[]): Promise<void>
}

/** Shortest time between two looks at all memberships, in milliseconds. */
const MIN_SWEEP = 1000

export class GroupRegistry {
  readonly #process: string
  readonly #groupExpiryMs: number
  readonly #store: GroupStore
  readonly #logger: Logger
  readonly #table = new GroupTable()
  readonly #byDigest = new Map<string, string>()
  /** Channels that are being added, by group; a later discard takes them out. */
  readonly #adding = new Map<string, Map<string, symbol>>()
  /** Calls that nobody awaits. */
  readonly #background = new Set<Promise<void>>()
  #sweptAt = performance.now()

  constructor(process: string, groupExpiry: number, store: GroupStore, logger: Logger) {
    this.#process = process
    this.#groupExpiryMs = groupExpiry * 1000
    this.#store = store
    this.#logger = logger
  }

  get groups(): number {
    return this.#table.size
  }

  get memberships(): number {
    return this.#table.memberships
  }

  async add(group: string, channel: string): Promise<void> {
    const adding = this.#adding.get(group) ?? new Map<string, symbol>()
    this.#adding.set(group, adding)
    const mark = Symbol(channel)
    adding.set(channel, mark)
    this.#byDigest.set(groupDigest(group), group)
    try {
      await this.#store.join(group, groupMember(this.#process, group))
      // A discard or a release that came later is what counts.
      if (adding.get(channel) === mark)
        this.#table.add(group, channel, performance.now() + this.#groupExpiryMs)
    } finally {
      if (adding.get(channel) === mark) adding.delete(channel)
      if (adding.size === 0 && this.#adding.get(group) === adding) this.#adding.delete(group)
      if (this.#forgetEmpty(group))
        this.#inBackground(this.#store.leave(group, groupMember(this.#process, group)))
    }
  }

  async discard(group: string, channel: string): Promise<void> {
    // Another process may have added the channel by its own name.
    const members = this.#take(group, channel) ? [channel, groupMember(this.#process, group)] : [channel]
    await this.#store.leave(group, ...members)
  }

  /** Takes a channel out of its groups here, at once; Redis is told in the background. */
  release(channel: string): void {
    const groups = new Set(this.#table.groupsOf(channel))
    for (const [group, adding] of this.#adding) if (adding.has(channel)) groups.add(group)
    for (const group of groups) {
      if (this.#take(group, channel)) {
        this.#inBackground(this.#store.leave(group, groupMember(this.#process, group)))
      }
    }
  }

  members(group: string): Iterable<string> {
    return this.#table.members(group, performance.now())
  }

  /** The channels here for which a member of a group stands; undefined when it stands for no group. */
  membersFor(member: string): Iterable<string> | undefined {
    const digest = digestIn(member)
    if (digest === undefined) return undefined
    const group = this.#byDigest.get(digest)
    return group === undefined ? [] : this.members(group)
  }

  /** Joins again every group of a Redis that lost its data, or took this process for dead. */
  restore(isThere: (group: string) => boolean): void {
    for (const group of this.#table.names()) {
      if (isThere(group)) this.#inBackground(this.#store.join(group, groupMember(this.#process, group)))
    }
  }

  /** Drops what expired; to be called now and then. Looks at all memberships once in their lifetime. */
  sweep(): void {
    const now = performance.now()
    if (now - this.#sweptAt < Math.max(this.#groupExpiryMs, MIN_SWEEP)) return
    this.#sweptAt = now
    this.#table.dropExpired(now)
    // Redis forgets the membership by itself: it is as old as the youngest was here.
    for (const group of this.#byDigest.values()) this.#forgetEmpty(group)
  }

  /** Forgets everything here. */
  clear(): void {
    this.#table.clear()
    this.#adding.clear()
    this.#byDigest.clear()
  }

  /** Leaves every group. */
  async close(): Promise<void> {
    for (const group of this.#table.names()) {
      this.#inBackground(this.#store.leave(group, groupMember(this.#process, group)))
    }
    this.clear()
    await Promise.all(this.#background)
  }

  /** Takes a channel out of a group; true when that was the last one here. */
  #take(group: string, channel: string): boolean {
    this.#table.discard(group, channel)
    this.#adding.get(group)?.delete(channel)
    return this.#forgetEmpty(group)
  }

  #forgetEmpty(group: string): boolean {
    if (this.#table.has(group) || (this.#adding.get(group)?.size ?? 0) > 0) return false
    this.#byDigest.delete(groupDigest(group))
    return true
  }

  #inBackground(call: Promise<void>): void {
    const settled: Promise<void> = call
      .catch((error: unknown) => this.#logger.debug({ err: error }, 'a group membership was not updated'))
      .finally(() => this.#background.delete(settled))
    this.#background.add(settled)
  }
}
