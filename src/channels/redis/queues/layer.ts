/**
 * The channel layer on Redis, in the wire format of channels_redis.
 *
 * What is for a channel of this process never leaves it. What is for another process goes into that
 * process's queue in Redis; each process empties its own queue all the time (process-inbox.ts), so
 * that capacity is counted per channel, where the channel lives. A channel without a `!` is a queue in
 * Redis, and its messages stay there until somebody waits for one (named-inbox.ts).
 *
 * Invariant: calls for one channel reach Redis in the order they are made, each once, on one connection.
 */
import { channelFull, layerClosed } from '../../errors.ts'
import type { ChannelLayer, ChannelMessage, GroupSendResult } from '../../layer.ts'
import { checkChannelName, checkGroupName, isSpecific, processId } from '../../names.ts'
import { WaitingReceivers } from '../../local/receivers.ts'
import { type Envelope, MessageCodec } from '../codec/codec.ts'
import { ControlRoom } from './control-room.ts'
import { GroupRegistry } from './group-registry.ts'
import { groupStore } from './group-store.ts'
import { LocalChannels } from '../local-channels.ts'
import { LossReport } from '../../local/loss-report.ts'
import { NamedInbox } from './named-inbox.ts'
import { openEnvelope } from '../open-envelope.ts'
import { QueueWriter } from './queue-writer.ts'
import { allOf, restOf } from '../partly-done.ts'
import { ProcessInbox } from './process-inbox.ts'
import { Shard } from './shard.ts'
import type { Stored } from './stored.ts'
import { shardOf } from '../shard-of.ts'
import { reachable } from '../reachable.ts'
import type { RedisChannelsSettings } from '../settings.ts'
import type { RedisChannelsUsage } from '../usage.ts'
import { turn } from '../../local/turn.ts'
import { groupMember, inboxOf, isGroupMark, processOf, queueName, WireNames } from '../wire-names.ts'

/** Milliseconds for which closing waits for Redis. */
const CLOSE_GRACE = 1000

export class RedisChannels implements ChannelLayer {
  readonly expiry: number
  readonly groupExpiry: number
  readonly #process = processId()
  readonly #inboxName = inboxOf(this.#process)
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
  readonly #writer: QueueWriter
  readonly #control: ControlRoom
  #closing: Promise<void> | undefined

  constructor(settings: RedisChannelsSettings) {
    const { logger, hosts } = settings
    this.expiry = settings.expiry
    this.groupExpiry = settings.groupExpiry
    this.#codec = new MessageCodec(settings.fernet, settings.serializer)
    this.#prefixLength = settings.prefixLength
    this.#local = new LocalChannels(this.#process, settings, (messages) =>
      this.#losses.countExpired(messages),
    )
    this.#losses = new LossReport(logger)
    const names = new WireNames(settings.prefix)
    this.#shards = hosts.map(
      (host, i) => new Shard(host, { ...settings, names }, () => this.#restore(this.#shards[i], true)),
    )
    this.#writer = new QueueWriter(this.#codec, settings, (queue) => this.#shard(queue))
    this.#groups = new GroupRegistry({
      process: this.#process,
      groupExpiry: settings.groupExpiry,
      namedMembers: settings.namedMembers,
      store: groupStore({
        inbox: this.#inboxName,
        of: (group) => this.#shard(group),
        onForgotten: (shard) => this.#restore(shard),
      }),
      onLost: (groups) => this.#losses.countForgotten(groups),
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
          onTick: () => this.#groups.tick(i === 0),
          onForgotten: () => this.#restore(shard),
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
          read: (stored, maxAge) => this.#read(stored, shard.ageOf(stored, maxAge))?.message,
          onExpired: (messages) => this.#losses.countExpired(messages),
        }),
    )
    this.#control = new ControlRoom(this.#inboxName, {
      send: (inbox, message) => this.#writer.sendControl(inbox, message),
      onDiscard: (group, channel) => this.#groups.discard(group, channel),
      onFlush: () => this.#forgetLocally(),
    })
  }

  check(signal?: AbortSignal): Promise<boolean> {
    return reachable(this.#shards, signal)
  }

  async send(channel: string, message: ChannelMessage): Promise<void> {
    this.#checkOpen()
    checkChannelName(channel)
    const copy = this.#codec.copy(message)
    if (this.#isOwn(channel)) {
      if (this.#local.put(channel, copy, false) === false)
        throw channelFull(channel, this.#local.capacity(channel))
      if (this.#local.wantsTurn(channel)) await turn()
      return
    }
    await this.#writer.send(channel, copy)
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
    const there = await this.#writer.sendToAll(elsewhere, copy)
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
    const local = this.#local.usage()
    let { receivers } = local
    for (const { size } of this.#named.values()) receivers += size
    const { dropped, expired, unreadable } = this.#losses
    return { ...local, receivers, ...this.#groups.usage(), dropped, expired, unreadable }
  }

  async #close(): Promise<void> {
    // One error for all: making a stack trace for each of 100,000 receivers would take a second.
    const closed = layerClosed()
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
    if (this.#closing) throw layerClosed()
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
      const age = shard.ageOf(stored, maxAge)
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
    if (age < this.expiry) return openEnvelope(this.#codec, member.subarray(this.#prefixLength), this.#losses)
    this.#losses.countExpired(1)
    return undefined
  }

  #forgetLocally(): void {
    this.#groups.clear()
    this.#local.clear()
  }

  #restore(shard: Shard | undefined, isReconnect = false): void {
    if (this.#closing || !shard) return
    const since = isReconnect ? shard.kept.overReconnect : shard.kept.until
    this.#groups.restore((group) => this.#shard(group) === shard, since)
  }
}
