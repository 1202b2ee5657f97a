/**
 * The channel layer on Redis, in the wire format of channels_redis.
 *
 * A message to a channel of another process goes into that process's queue in Redis. Each process empties
 * its own queue all the time (process-inbox.ts), so that capacity is counted per channel, where the channel
 * lives. A channel without a `!` is a queue in Redis, and its messages stay there until somebody waits for
 * one (named-inbox.ts).
 *
 * Invariant: calls for one channel reach Redis in the order they are made, each once, on one connection.
 */
import type { ChannelError } from '../../errors.ts'
import type { ChannelMessage, GroupSendResult } from '../../layer.ts'
import { WaitingReceivers } from '../../local/receivers.ts'
import { turn } from '../../local/turn.ts'
import { isSpecific } from '../../names.ts'
import { allOf, restOf } from '../failures.ts'
import { type RedisChannelsUsage, RedisLayer } from '../layer.ts'
import type { RedisChannelsSettings } from '../settings.ts'
import { groupMember, inboxOf, isGroupMark, processOf, queueName, shardOf, WireNames } from '../wire-names.ts'
import { ControlRoom } from './control-room.ts'
import { GroupRegistry } from './group-registry.ts'
import { GroupStore } from './group-store.ts'
import { NamedInbox } from './named-inbox.ts'
import { ProcessInbox } from './process-inbox.ts'
import { QueueReader } from './queue-reader.ts'
import { QueueWriter } from './queue-writer.ts'
import { Shard } from './shard.ts'

/** Milliseconds that closing waits for Redis. */
const CLOSE_GRACE = 1000

export class RedisChannels extends RedisLayer {
  protected readonly groups: GroupRegistry
  protected readonly servers: readonly Shard[]
  readonly #inboxName = inboxOf(this.process)
  readonly #named = new Map<string, WaitingReceivers<ChannelMessage>>()
  readonly #processInboxes: readonly ProcessInbox[]
  readonly #namedInboxes: readonly NamedInbox[]
  readonly #store: GroupStore
  readonly #writer: QueueWriter
  readonly #control: ControlRoom

  constructor(settings: RedisChannelsSettings) {
    super(settings, 'queues')
    const { logger, hosts, expiry, groupExpiry, prefix, prefixLength, namedMembers } = settings
    const names = new WireNames(prefix)
    this.servers = hosts.map(
      (host, i) => new Shard(host, { ...settings, names }, () => this.#restore(this.servers[i], true)),
    )
    this.#writer = new QueueWriter(this.codec, settings, (queue) => this.#shardOf(queue))
    this.#store = new GroupStore({
      names,
      groupExpiry,
      inbox: this.#inboxName,
      shardOf: (group) => this.#shardOf(group),
      onForgotten: (shard) => this.#restore(shard),
    })
    this.groups = new GroupRegistry({
      process: this.process,
      groupExpiry,
      namedMembers,
      store: this.#store,
      onLost: (groups) => this.losses.countForgotten(groups),
      logger,
    })
    this.#control = new ControlRoom(this.#inboxName, {
      send: (inbox, message) => this.#writer.sendControl(inbox, message),
      onDiscard: (group, channel) => this.groups.discard(group, channel),
      onFlush: () => this.#forgetLocally(),
    })
    const readers = this.servers.map(
      () => new QueueReader({ codec: this.codec, losses: this.losses, expiry, prefixLength }),
    )
    const options = (i: number, what: string) => ({
      shard: this.servers[i] as Shard,
      reader: readers[i] as QueueReader,
      prefix,
      wakeKey: `${prefix}:wake:${this.process}.${what}.${i}`,
      expiry,
      losses: this.losses,
      logger,
    })
    this.#processInboxes = this.servers.map(
      (shard, i) =>
        new ProcessInbox({
          ...options(i, 'process'),
          inbox: this.#inboxName,
          local: this.local,
          groups: this.groups,
          control: this.#control,
          checksGroups: i === 0,
          onForgotten: () => this.#restore(shard),
        }),
    )
    this.#namedInboxes = this.servers.map(
      (_shard, i) => new NamedInbox({ ...options(i, 'named'), receivers: this.#named }),
    )
  }

  async flush(): Promise<void> {
    this.checkOpen()
    await allOf(this.servers.map((shard) => shard.flush()))
    this.#forgetLocally()
    // The other processes answer there.
    for (const inbox of this.#processInboxes) inbox.start()
    const inboxes = await restOf(Promise.all(this.servers.map((shard) => shard.processes())))
    await restOf(this.#control.askToFlush(new Set(inboxes.flat())))
  }

  usage(): RedisChannelsUsage {
    let receivers = 0
    for (const { size } of this.#named.values()) receivers += size
    return this.usageWith({ messages: 0, receivers })
  }

  protected async sendAway(channel: string, message: ChannelMessage): Promise<void> {
    await this.#writer.send(channel, message)
  }

  protected async receiveNamed(channel: string, signal?: AbortSignal): Promise<ChannelMessage> {
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

  protected opened(channel: string): void {
    for (const inbox of this.#processInboxes) inbox.add(queueName(channel))
  }

  protected async addOther(group: string, channel: string): Promise<void> {
    await this.#store.addOther(group, channel)
  }

  protected async renewOther(group: string, channel: string): Promise<boolean> {
    return (await this.#store.renew(group, '', channel)) === 'kept'
  }

  protected async discardOther(group: string, channel: string): Promise<void> {
    if (!isSpecific(channel)) return this.#store.remove(group, [channel])
    // When the channel joined in its own process, only that process can take it out.
    const other = processOf(channel)
    const [isMember] = await allOf([
      this.#store.has(group, groupMember(other, group)),
      this.#store.remove(group, [channel]).then(() => false),
    ])
    if (isMember) await restOf(this.#control.askToDiscard(inboxOf(other), group, channel))
  }

  protected async sendToGroup(group: string, message: ChannelMessage): Promise<GroupSendResult> {
    const members = await this.#store.members(group)
    this.checkOpen()
    const own: string[] = []
    const elsewhere: string[] = []
    for (const member of members) {
      if (this.isOwn(member)) own.push(member)
      else if (!isGroupMark(member)) elsewhere.push(member)
    }
    const local = this.groups.membersAmong(group, own)
    // When Redis refuses the message, no channel has it yet, and a second attempt sends it once.
    const there = await this.#writer.sendToAll(elsewhere, message)
    this.checkOpen()
    const here = this.local.putInAll(local, message)
    const dropped = here.dropped + there.dropped
    this.losses.countFull(dropped)
    if (here.isTurnWanted) await turn()
    return { sent: here.sent + there.sent, dropped }
  }

  protected async end(closed: ChannelError): Promise<void> {
    for (const receivers of this.#named.values()) receivers.rejectAll(closed)
    this.#named.clear()
    this.#control.close(closed)
    const grace = AbortSignal.timeout(CLOSE_GRACE)
    const late = Promise.withResolvers<void>()
    grace.addEventListener('abort', () => late.resolve())
    const leaving = this.servers.some((shard) => shard.ready) ? this.groups.close() : undefined
    await Promise.all([
      Promise.race([late.promise, leaving]),
      ...this.#namedInboxes.map((inbox) => inbox.close(CLOSE_GRACE)),
      ...this.#processInboxes.map((inbox) => inbox.close()),
      ...this.servers.map((shard) => Promise.race([late.promise, shard.signOff(this.#inboxName)])),
    ])
    await Promise.all(this.servers.map((shard) => shard.close()))
  }

  /** The Redis of a queue or a group. */
  #shardOf(name: string): Shard {
    return this.servers[shardOf(name, this.servers.length)] as Shard
  }

  #forgetLocally(): void {
    this.groups.clear()
    this.local.clear()
  }

  #restore(shard: Shard | undefined, isReconnect = false): void {
    if (this.isClosed || !shard) return
    const since = isReconnect ? shard.kept.overReconnect : shard.kept.until
    this.groups.restore((group) => this.#shardOf(group) === shard, since)
  }
}
