/**
 * Which channels are in which groups, and until when. Times are milliseconds of the caller's clock.
 *
 * Invariants: both directions agree, so that a channel leaves all its groups in as many steps as it has
 * groups. A group without members and a channel without groups take no memory.
 */
export class GroupTable {
  readonly #members = new Map<string, Map<string, number>>()
  readonly #groups = new Map<string, Set<string>>()
  #memberships = 0

  /** Groups that have members. */
  get size(): number {
    return this.#members.size
  }

  /** Channels that are in a group. */
  get channels(): number {
    return this.#groups.size
  }

  get memberships(): number {
    return this.#memberships
  }

  /** Whether a group has members, including expired ones that were not removed yet. */
  has(group: string): boolean {
    return this.#members.has(group)
  }

  /** How many channels a group has, including expired ones. */
  sizeOf(group: string): number {
    return this.#members.get(group)?.size ?? 0
  }

  /** Until when a channel is in a group; undefined when it is not. */
  endOf(group: string, channel: string): number | undefined {
    return this.#members.get(group)?.get(channel)
  }

  names(): IterableIterator<string> {
    return this.#members.keys()
  }

  groupsOf(channel: string): Iterable<string> {
    return this.#groups.get(channel) ?? []
  }

  /** Adds a channel, or moves the end of its membership. */
  add(group: string, channel: string, expiresAt: number): void {
    let members = this.#members.get(group)
    if (!members) this.#members.set(group, (members = new Map<string, number>()))
    if (!members.has(channel)) {
      this.#memberships++
      const groups = this.#groups.get(channel)
      if (groups) groups.add(group)
      else this.#groups.set(channel, new Set([group]))
    }
    members.set(channel, expiresAt)
  }

  discard(group: string, channel: string): void {
    const members = this.#members.get(group)
    if (!members?.delete(channel)) return
    this.#memberships--
    if (members.size === 0) this.#members.delete(group)
    const groups = this.#groups.get(channel)
    groups?.delete(group)
    if (groups?.size === 0) this.#groups.delete(channel)
  }

  /** The channels of a group, in the order they joined. Removes those that expired. */
  *members(group: string, now: number): Generator<string, void, undefined> {
    for (const [channel, expiresAt] of this.#members.get(group) ?? []) {
      if (expiresAt > now) yield channel
      else this.discard(group, channel)
    }
  }

  /** Takes a channel out of all its groups. */
  leaveAll(channel: string): void {
    for (const group of this.#groups.get(channel) ?? []) this.discard(group, channel)
  }

  /** Removes every membership that expired; looks at each one. */
  dropExpired(now: number): void {
    for (const [group, members] of this.#members) {
      for (const [channel, expiresAt] of members) {
        if (expiresAt <= now) this.discard(group, channel)
      }
    }
  }

  clear(): void {
    this.#members.clear()
    this.#groups.clear()
    this.#memberships = 0
  }
}
