/**
 * The channel layer on Redis, in the wire format of channels_redis.
 *
 * What is for a channel of this process never leaves it. What is for another process goes into that
 * process's queue in Redis; each process empties its own queue all the time (process-inbox.ts), so
 * that capacity is counted per channel, where the channel lives. A channel without a `!` is a queue in
 * Redis, and its messages stay there until somebody waits for one (named-inbox.ts).
 *
 * Invariant: calls of one process for one channel reach Redis in the order they are made; each is one
 * script, on one connection, and none is repeated.
 */
import type { Logger } from '../../logging/logger.ts'
import { ChannelFull, ChannelLayerClosed, InvalidMessage } from '../errors.ts'
import type { ChannelLayer, ChannelMessage, GroupSendResult } from '../layer.ts'
import { checkChannelName, checkGroupName, isSpecific, processId } from '../names.ts'
import { WaitingReceivers } from '../receivers.ts'
import { type Envelope, MessageCodec } from './codec.ts'
import { ControlRoom } from './control-room.ts'
import { GroupRegistry, type GroupStore } from './group-registry.ts'
import { LocalChannels } from './local-channels.ts'
import { LossReport } from '../loss-report.ts'
import { NamedInbox } from './named-inbox.ts'
import { Outbox } from './outbox.ts'
import { allOf, restOf } from './partly-done.ts'
import { ProcessInbox } from './process-inbox.ts'
import { Shard, type Stored } from './shard.ts'
import { shardOf } from './shard-of.ts'
import { reachable } from './reachable.ts'
import type { RedisLayerSettings } from './settings.ts'
import type { RedisChannelsUsage } from './usage.ts'
import { turn } from '../turn.ts'
import { groupMember, inboxOf, isGroupMark, processOf, queueName, WireNames } from './wire-names.ts'

export interface RedisChannelsSettings extends RedisLayerSettings {
  /** Bytes before each message in a queue. */
  readonly prefixLength: number
  /** Channels of a group that this process lists by their names at most. */
  readonly namedMembers: number
}

/** Milliseconds of what it answered that a Redis may lose in a crash, and a failover in what it copies. */
const LOST_BY_A_CRASH = 10_000
/** Milliseconds for which closing waits for Redis. */
const CLOSE_GRACE = 1000

export class RedisChannels implements ChannelLayer {
  readonly expiry: number
  readonly groupExpiry: number
  readonly #process = processId()
  readonly #inboxName = inboxOf(this.#process)
  /** In the name of each channel of this process, and of no other. */
  readonly #ownPart = `.${this.#process}!`
  readonly #codec: MessageCodec
  readonly #prefixLength: number
  readonly #local: LocalChannels
  readonly #losses: LossReport
  readonly #named = new Map<string, WaitingReceivers<ChannelMessage>>()
  readonly #shards: readonly Shard[]
  readonly #processInboxes: readonly ProcessInbox[]
  readonly #namedInboxes: readonly NamedInbox[]
  readonly #groups: GroupRegistry
  readonly #logger: Logger
  readonly #outbox: Outbox
  readonly #control: ControlRoom
  #closing: Promise<void> | undefined

  constructor(settings: RedisChannelsSettings) {
    const { logger, hosts } = settings
    this.#logger = logger
    this.expiry = settings.expiry
    this.groupExpiry = settings.groupExpiry
    this.#codec = new MessageCodec(settings.fernet, settings.serializer)
    this.#prefixLength = settings.prefixLength
    this.#local = new LocalChannels(this.#process, settings, (messages) =>
      this.#losses.countExpired(messages),
    )
    this.#losses = new LossReport(logger)
    const names = new WireNames(settings.prefix)
    this.#shards = hosts.map((host, i) => new Shard(host, { ...settings, names }, () => this.#restore(i)))
    this.#outbox = new Outbox(this.#codec, settings, (queue) => this.#shard(queue))
    this.#groups = new GroupRegistry({
      process: this.#process,
      groupExpiry: settings.groupExpiry,
      namedMembers: settings.namedMembers,
      store: this.#groupStore(),
      logger,
    })
    const wakeKey = (i: number, what: string): string =>
      `${settings.prefix}:wake:${this.#process}.${what}.${i}`
    this.#processInboxes = this.#shards.map(
      (shard, i) =>
        new ProcessInbox({
          shard,
          logger,
          wakeKey: wakeKey(i, 'process'),
          inbox: this.#inboxName,
          queues: () => this.#queues(),
          deliver: (messages, maxAge) => this.#deliverAll(shard, messages, maxAge),
          onTick: () => {
            this.#groups.sweep()
            if (i === 0) this.#checkGroups()
          },
          onForgotten: () => this.#restore(i),
        }),
    )
    this.#namedInboxes = this.#shards.map(
      (shard, i) =>
        new NamedInbox({
          shard,
          logger,
          wakeKey: wakeKey(i, 'named'),
          receivers: this.#named,
          expiry: settings.expiry,
          read: (stored, maxAge) => this.#read(stored, ageOf(stored, shard, maxAge))?.message,
          onExpired: (messages) => this.#losses.countExpired(messages),
        }),
    )
    this.#control = new ControlRoom(this.#inboxName, {
      send: (inbox, message) => this.#outbox.sendControl(inbox, message),
      onDiscard: (group, channel) => this.#groups.discard(group, channel),
      onFlush: () => this.#forgetLocally(),
    })
  }

  check(signal?: AbortSignal): Promise<boolean> {
    return reachable(
      this.#shards.map((shard) => shard.ping()),
      signal,
    )
  }

  async send(channel: string, message: ChannelMessage): Promise<void> {
    this.#checkOpen()
    checkChannelName(channel)
    const copy = this.#codec.copy(message)
    if (this.#isOwn(channel)) {
      if (this.#local.put(channel, copy, false) === false)
        throw new ChannelFull(channel, this.#local.capacity(channel))
      if (this.#local.wantsTurn(channel)) await turn()
      return
    }
    await this.#outbox.send(channel, copy)
  }

  receive(channel: string, signal?: AbortSignal): Promise<ChannelMessage> {
    // The path of every connection: its name needs no check when it is here.
    const queue = this.#closing ? undefined : this.#local.get(channel)
    return queue?.receive(performance.now(), signal) ?? this.#receive(channel, signal)
  }

  async #receive(channel: string, signal?: AbortSignal): Promise<ChannelMessage> {
    this.#checkOpen()
    checkChannelName(channel)
    if (isSpecific(channel)) return this.#local.receive(channel, signal)
    signal?.throwIfAborted()
    const receivers = this.#named.get(channel) ?? new WaitingReceivers<ChannelMessage>()
    this.#named.set(channel, receivers)
    const waiting = receivers.wait(signal)
    for (const inbox of this.#namedInboxes) inbox.ask(channel)
    try {
      return await waiting
    } finally {
      if (receivers.size === 0 && this.#named.get(channel) === receivers) {
        this.#named.delete(channel)
        for (const inbox of this.#namedInboxes) inbox.leave(channel)
      }
    }
  }

  newChannel(prefix: string = 'specific'): string {
    this.#checkOpen()
    const channel = this.#local.open(prefix)
    for (const inbox of this.#processInboxes) inbox.add(queueName(channel))
    return channel
  }

  release(channel: string): void {
    if (this.#local.release(channel)) this.#groups.release(channel)
  }

  async groupAdd(group: string, channel: string): Promise<void> {
    this.#checkOpen()
    checkGroupName(group)
    checkChannelName(channel)
    if (!this.#isOwn(channel)) await this.#shard(group).groupAdd(group, '', [channel])
    else if (this.#local.has(channel)) await this.#groups.add(group, channel)
  }

  async groupRenew(group: string, channel: string): Promise<boolean> {
    this.#checkOpen()
    checkGroupName(group)
    checkChannelName(channel)
    if (this.#isOwn(channel)) return this.#groups.renew(group, channel)
    return (await this.#shard(group).groupRenew(group, '', channel)) === 'kept'
  }

  async groupDiscard(group: string, channel: string): Promise<void> {
    this.#checkOpen()
    checkGroupName(group)
    checkChannelName(channel)
    if (this.#isOwn(channel)) return this.#groups.discard(group, channel)
    const shard = this.#shard(group)
    if (!isSpecific(channel)) return shard.groupRemove(group, channel)
    // If it joined in its own process, only that process can take it out.
    const other = processOf(channel)
    const [isMember] = await allOf([
      shard.groupHas(group, groupMember(other, group)),
      shard.groupRemove(group, channel).then(() => false),
    ])
    if (isMember) await restOf(this.#control.askToDiscard(inboxOf(other), group, channel))
  }

  async groupSend(group: string, message: ChannelMessage): Promise<GroupSendResult> {
    this.#checkOpen()
    checkGroupName(group)
    const copy = this.#codec.copy(message)
    const members = await this.#shard(group).groupMembers(group)
    this.#checkOpen()
    const own: string[] = []
    const elsewhere: string[] = []
    for (const member of members) {
      if (this.#isOwn(member)) own.push(member)
      else if (!isGroupMark(member)) elsewhere.push(member)
    }
    const local = this.#groups.membersAmong(group, own)
    // Nobody has it yet when Redis refuses it: whoever tries again sends it once.
    const there = await this.#outbox.sendToAll(elsewhere, copy)
    this.#checkOpen()
    const here = this.#local.putInAll(local, copy)
    const dropped = here.dropped + there.dropped
    this.#losses.countFull(dropped)
    if (here.isTurnWanted) await turn()
    return { sent: here.sent + there.sent, dropped }
  }

  async flush(): Promise<void> {
    this.#checkOpen()
    await allOf(this.#shards.map((shard) => shard.flush()))
    this.#forgetLocally()
    // The answers of the others come there.
    for (const inbox of this.#processInboxes) inbox.start()
    const inboxes = await restOf(Promise.all(this.#shards.map((shard) => shard.processes())))
    await restOf(this.#control.askToFlush(new Set(inboxes.flat())))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  usage(): RedisChannelsUsage {
    const { channels, messages, receivers } = this.#local.usage()
    let named = 0
    for (const { size } of this.#named.values()) named += size
    const { groups, memberships } = this.#groups
    const { dropped, expired, unreadable } = this.#losses
    const held = { channels, messages, receivers: receivers + named, groups, memberships }
    return { ...held, dropped, expired, unreadable }
  }

  async #close(): Promise<void> {
    // One error for all: making a stack trace for each of 100,000 receivers would take a second.
    const closed = new ChannelLayerClosed()
    this.#local.end(closed)
    for (const receivers of this.#named.values()) receivers.rejectAll(closed)
    this.#named.clear()
    this.#control.close(closed)
    const grace = AbortSignal.timeout(CLOSE_GRACE)
    const left = Promise.withResolvers<void>()
    grace.addEventListener('abort', () => left.resolve())
    const leaving = this.#shards.some((shard) => shard.ready) ? this.#groups.close() : undefined
    await Promise.all([
      Promise.race([left.promise, leaving]),
      ...this.#namedInboxes.map((inbox) => inbox.close(CLOSE_GRACE)),
      ...this.#processInboxes.map((inbox) => inbox.close()),
      ...this.#shards.map((shard) => Promise.race([left.promise, shard.signOff(this.#inboxName)])),
    ])
    await Promise.all(this.#shards.map((shard) => shard.close()))
  }

  #checkOpen(): void {
    if (this.#closing) throw new ChannelLayerClosed()
  }

  #isOwn(channel: string): boolean {
    return channel.includes(this.#ownPart)
  }

  /** The Redis of a queue or a group. */
  #shard(name: string): Shard {
    return this.#shards[shardOf(name, this.#shards.length)] as Shard
  }

  #queues(): string[] {
    const queues = new Set([this.#inboxName])
    for (const prefix of this.#local.prefixes) queues.add(`${prefix}.${this.#process}!`)
    return [...queues]
  }

  async #deliverAll(shard: Shard, messages: readonly Stored[], maxAge: number): Promise<void> {
    for (const stored of messages) {
      const age = ageOf(stored, shard, maxAge)
      const envelope = this.#read(stored, age)
      if (envelope && this.#deliver(envelope, age)) await turn()
    }
  }

  /** Whether receivers need a turn before the next message. */
  #deliver({ receivers, message }: Envelope, age: number): boolean {
    if (!receivers) {
      this.#control.handle(message)
      return false
    }
    const channels = new Set<string>()
    for (const receiver of receivers) {
      if (receiver.endsWith('!')) this.#control.handleForeign(message)
      for (const channel of this.#groups.membersFor(receiver) ?? [receiver]) channels.add(channel)
    }
    const { dropped, isTurnWanted } = this.#local.putInAll(channels, message, age)
    this.#losses.countFull(dropped)
    return isTurnWanted
  }

  /** Nothing for a message that is too old or cannot be read. */
  #read({ member }: Stored, age: number): Envelope | undefined {
    if (age >= this.expiry) {
      this.#losses.countExpired(1)
      return undefined
    }
    try {
      return this.#codec.open(member.subarray(this.#prefixLength))
    } catch (error) {
      // The reasons of InvalidMessage name members of the message.
      this.#losses.countUnreadable(
        error instanceof InvalidMessage ? 'it is no message' : (error as Error).message,
      )
      return undefined
    }
  }

  #forgetLocally(): void {
    this.#groups.clear()
    this.#local.clear()
  }

  #groupStore(): GroupStore {
    const inbox = this.#inboxName
    return {
      add: async (group, members) => {
        const isNew = await this.#shard(group).groupAdd(group, inbox, members)
        // Redis had forgotten this process, and its other groups.
        if (isNew) this.#restore(shardOf(group, this.#shards.length))
      },
      remove: (group, members) => this.#shard(group).groupRemove(group, ...members),
      gather: (group, mark, member, channels) =>
        this.#shard(group).groupGather(group, inbox, mark, member, channels),
      spread: (group, member, names) => this.#shard(group).groupSpread(group, inbox, member, names),
      renew: (group, mark, channel) => this.#shard(group).groupRenew(group, mark, channel),
      restore: (group, mark, names) => this.#shard(group).groupRestore(group, inbox, mark, names),
      lost: async (marks) => {
        const shards = Map.groupBy(marks, ([group]) => this.#shard(group))
        const lost = await Promise.all(
          [...shards].filter(([{ ready }]) => ready).map(([shard, some]) => shard.groupsLost(new Map(some))),
        )
        return lost.flat()
      },
    }
  }

  #checkGroups(): void {
    this.#groups.check().then(
      (lost) => this.#losses.countForgotten(lost),
      (error: unknown) => this.#logger.debug({ err: error }, 'groups were not checked'),
    )
  }

  #restore(i: number): void {
    if (this.#closing) return
    const shard = this.#shards[i] as Shard
    this.#groups.restore((group) => this.#shard(group) === shard, shard.aliveAt - LOST_BY_A_CRASH)
  }
}

/** Seconds since a message was sent: by the sender's clock, but no longer than it can have waited in Redis. */
function ageOf({ score }: Stored, shard: Shard, maxAge: number): number {
  return Math.min(shard.clock.since(Number(score)), maxAge)
}
