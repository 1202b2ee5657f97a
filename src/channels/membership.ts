/**
 * Renews group memberships for as long as they are held, so that a long-lived connection stays in its
 * groups after `groupExpiry`.
 *
 * One timer serves every membership. Each is renewed when it is between a quarter and a half of
 * `groupExpiry` old, a small share of them at a time: 100,000 connections that came in one second are not
 * renewed in one second. When the layer is away, half of `groupExpiry` is left for it to come back.
 *
 * A channel that another process discarded, in any language, is not renewed and stays out of the group.
 *
 * Invariant: `#renewals` is in the order of the last renewal, so those that are due come first.
 */
import { type Logger, silentLogger } from '../logging/logger.ts'
import { LONGEST_TIMER_MS } from '../time/duration.ts'
import { isChannelError, layerClosed } from './errors.ts'
import type { ChannelLayer } from './layer.ts'

/** Turns in the quarter of `groupExpiry` in which a membership is renewed. */
const TURNS = 256
/** Shortest time between two turns, in milliseconds. */
const MIN_TURN = 10
/** Renewals at one time, and failures after which a turn leaves the rest to the next turn. */
const CONCURRENCY = 16

export class Membership {
  readonly #layer: Pick<ChannelLayer, 'groupAdd' | 'groupRenew' | 'groupDiscard'>
  readonly #logger: Logger
  readonly #early: number
  readonly #late: number
  readonly #interval: number
  /** Every membership that is held or has a pending call, by channel and group. */
  readonly #byChannel = new Map<string, Map<string, Member>>()
  readonly #renewals = new Set<Member>()
  /** Memberships whose last renewal failed. They are tried again after those that are due. */
  readonly #failed = new Set<Member>()
  #timer: NodeJS.Timeout | undefined
  #turn: Promise<void> | undefined
  #closed = false

  /** @param logger gets one line a turn about memberships that could not be renewed. */
  constructor(
    layer: Pick<ChannelLayer, 'groupAdd' | 'groupRenew' | 'groupDiscard' | 'groupExpiry'>,
    logger: Logger = silentLogger,
  ) {
    this.#layer = layer
    this.#logger = logger
    this.#early = layer.groupExpiry * 250
    this.#late = layer.groupExpiry * 500
    this.#interval = Math.min(Math.max((this.#late - this.#early) / TURNS, MIN_TURN), LONGEST_TIMER_MS)
  }

  /** Channels with memberships that are held or have a pending call. */
  get channels(): number {
    return this.#byChannel.size
  }

  /** Memberships that are being kept. */
  get size(): number {
    return this.#renewals.size + this.#failed.size
  }

  /**
   * Adds a channel to a group and keeps it there until `drop`. Rejects as `groupAdd` does; a membership
   * that was not held before is then not held. After two calls of `hold` one `drop` is enough.
   */
  async hold(group: string, channel: string): Promise<void> {
    if (this.#closed) throw layerClosed()
    const member = this.#member(group, channel)
    member.wanted = true
    await this.#call(member, async () => {
      await this.#layer.groupAdd(group, channel)
      if (!member.wanted || this.#closed) return
      this.#renewed(member)
      this.#armTurn()
    })
  }

  /** Ends a membership, held or not. Calls for one pair take effect in the order they are made. */
  async drop(group: string, channel: string): Promise<void> {
    const member = this.#member(group, channel)
    this.#leaveOut(member)
    await this.#call(member, () => this.#layer.groupDiscard(group, channel))
  }

  /**
   * Ends every membership of a channel.
   *
   * @throws {AggregateError} of the calls that failed. Their memberships are not renewed and expire.
   */
  async dropAll(channel: string): Promise<void> {
    const groups = [...(this.#byChannel.get(channel)?.keys() ?? [])]
    const results = await Promise.allSettled(groups.map((group) => this.drop(group, channel)))
    const failures = results
      .filter((result) => result.status === 'rejected')
      .map((result): unknown => result.reason)
    if (failures.length > 0) {
      throw new AggregateError(
        failures,
        `A channel could not leave ${failures.length} of its ${groups.length} groups`,
      )
    }
  }

  /**
   * Stops renewing, and resolves when pending renewals have ended. Memberships stay in the layer until they
   * are discarded, released or expire.
   */
  async close(): Promise<void> {
    this.#stop()
    await this.#turn
  }

  #stop(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#renewals.clear()
    this.#failed.clear()
  }

  #member(group: string, channel: string): Member {
    let groups = this.#byChannel.get(channel)
    if (!groups) this.#byChannel.set(channel, (groups = new Map<string, Member>()))
    let member = groups.get(group)
    if (!member) groups.set(group, (member = new Member(group, channel)))
    return member
  }

  /** Makes one call to the layer after the earlier ones for the same pair. */
  async #call(member: Member, call: () => Promise<void>): Promise<void> {
    try {
      await member.afterOthers(call)
    } finally {
      this.#forgetUnused(member)
    }
  }

  #renewed(member: Member): void {
    this.#failed.delete(member)
    this.#renewals.delete(member)
    member.renewedAt = performance.now()
    this.#renewals.add(member)
  }

  #leaveOut(member: Member): void {
    member.wanted = false
    this.#renewals.delete(member)
    this.#failed.delete(member)
  }

  #forgetUnused(member: Member): void {
    if (member.busy || this.#renewals.has(member) || this.#failed.has(member)) return
    const groups = this.#byChannel.get(member.channel)
    if (groups?.get(member.group) !== member) return
    groups.delete(member.group)
    if (groups.size === 0) this.#byChannel.delete(member.channel)
  }

  #armTurn(): void {
    if (this.#timer || this.#turn || this.#closed || this.size === 0) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#turn = this.#renewDue().finally(() => {
        this.#turn = undefined
        this.#armTurn()
      })
    }, this.#interval).unref()
  }

  async #renewDue(): Promise<void> {
    const due = this.#due().values()
    const failures: unknown[] = []
    const work = async (): Promise<void> => {
      for (const member of due) {
        // A layer that is away is not called 100,000 times.
        if (this.#closed || failures.length >= CONCURRENCY) return
        try {
          await this.#renew(member)
        } catch (error) {
          failures.push(error)
        }
      }
    }
    await Promise.all(Array.from({ length: CONCURRENCY }, work))
    if (failures.length === 0 || this.#closed) return
    if (failures.some((error) => isChannelError(error, 'channel_layer_closed'))) this.#stop()
    else {
      const fields = { err: failures[0], failed: failures.length, held: this.size }
      this.#logger.warn(fields, 'group memberships not renewed; trying again in the next turn')
    }
  }

  /** The share of this turn, and those that cannot wait for the next one. */
  #due(): Member[] {
    const now = performance.now()
    const share = Math.ceil((this.#renewals.size * this.#interval) / (this.#late - this.#early))
    const due: Member[] = []
    for (const member of this.#renewals) {
      const age = now - member.renewedAt
      if (age < this.#early || (due.length >= share && age < this.#late)) break
      due.push(member)
    }
    for (const member of this.#failed) due.push(member)
    return due
  }

  async #renewIn({ group, channel, renewedAt }: Member): Promise<boolean> {
    if (performance.now() - renewedAt < this.#late * 2) return this.#layer.groupRenew(group, channel)
    // The membership expired, because the layer was away for so long.
    await this.#layer.groupAdd(group, channel)
    return true
  }

  async #renew(member: Member): Promise<void> {
    try {
      await this.#call(member, async () => {
        if (!member.wanted) return
        const isHeld = await this.#renewIn(member)
        if (!member.wanted || this.#closed) return
        if (isHeld) this.#renewed(member)
        // Another process took the channel out of the group, and this one must not put it back.
        else this.#leaveOut(member)
      })
    } catch (error) {
      if (member.wanted && !this.#closed) {
        this.#renewals.delete(member)
        this.#failed.add(member)
      }
      throw error
    }
  }
}

/** One channel in one group, and the calls for the pair. */
class Member {
  readonly group: string
  readonly channel: string
  /** Whether the last call for the pair was a `hold`. */
  wanted = false
  renewedAt = 0
  #calls = 0
  #last: Promise<void> = Promise.resolve()

  constructor(group: string, channel: string) {
    this.group = group
    this.channel = channel
  }

  get busy(): boolean {
    return this.#calls > 0
  }

  /** If a drop overtook a renewal, the channel would stay in the group. */
  async afterOthers(call: () => Promise<void>): Promise<void> {
    const earlier = this.#last
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#last = promise
    this.#calls++
    try {
      await earlier
      await call()
    } finally {
      this.#calls--
      resolve()
    }
  }
}
