/**
 * The channel layer on Redis's pub/sub, in the wire format of RedisPubSubChannelLayer.
 *
 * Redis keeps nothing: what is published goes at once to every process that listens, and each keeps what
 * is for its channels in queues of its own. What a process sends to its own channels never leaves it. A
 * group message goes through Redis also to the members in its own process, so that all members
 * everywhere have the messages of a group in one order.
 *
 * Invariant: calls of one process for one channel reach Redis in the order they are made, on one
 * connection, and none is repeated.
 */
import { channelFull, invalidName, layerClosed } from '../../errors.ts'
import type { ChannelLayer, ChannelMessage, GroupSendResult } from '../../layer.ts'
import { checkChannelName, checkGroupName, isSpecific, processId } from '../../names.ts'
import { MessageCodec } from '../codec/codec.ts'
import { LocalChannels } from '../local-channels.ts'
import { LossReport } from '../../local/loss-report.ts'
import { openEnvelope } from '../open-envelope.ts'
import { reachable } from '../reachable.ts'
import type { RedisLayerSettings } from '../settings.ts'
import type { RedisPubSubChannelsUsage } from '../usage.ts'
import { turn } from '../../local/turn.ts'
import { processOf } from '../wire-names.ts'
import { Control } from './control.ts'
import { Echoes, type ExpectedEcho } from './echoes.ts'
import { PubSubServers } from './servers.ts'
import { BurstBuffer } from './burst-buffer.ts'
import { LocalGroups } from './local-groups.ts'
import { NamedChannels } from './named-channels.ts'
import { patternOf, Topics } from './topics.ts'

/** Milliseconds for which a flush waits for each process to have flushed. */
const FLUSH_PATIENCE = 1000

export class RedisPubSubChannels implements ChannelLayer {
  readonly expiry: number
  readonly groupExpiry: number
  readonly #process = processId()
  readonly #timeoutMs: number
  readonly #codec: MessageCodec
  readonly #topics: Topics
  readonly #local: LocalChannels
  readonly #named: NamedChannels
  readonly #groups: LocalGroups
  readonly #echoes = new Echoes()
  readonly #control: Control
  readonly #losses: LossReport
  readonly #servers: PubSubServers
  readonly #bursts: BurstBuffer
  /** While this process begins to listen; what it sends waits, because a name in it may be answered to. */
  #starting: Promise<void> | undefined
  #started = false
  #closing: Promise<void> | undefined

  constructor(settings: RedisLayerSettings) {
    const { logger, timeoutMs, expiry, groupExpiry, capacityOf } = settings
    this.expiry = expiry
    this.groupExpiry = groupExpiry
    this.#timeoutMs = timeoutMs
    this.#codec = new MessageCodec(settings.fernet, settings.serializer)
    this.#topics = new Topics(settings.prefix)
    this.#losses = new LossReport(logger)
    const onExpired = (messages: number): void => this.#losses.countExpired(messages)
    this.#local = new LocalChannels(this.#process, settings, onExpired)
    this.#named = new NamedChannels({
      expiry,
      capacityOf,
      onExpired,
      // Receivers wait until it works; Redis being away is logged by the connection.
      listen: (channel) =>
        void this.#servers
          .at(channel)
          .subscribe(channel)
          .catch(() => undefined),
      leave: (channel) => void this.#leave(channel),
    })
    this.#groups = new LocalGroups({
      groupExpiry,
      listen: (group) => this.#servers.at(this.#topics.group(group)).subscribe(this.#topics.group(group)),
      leave: (group) => this.#leave(this.#topics.group(group)),
    })
    this.#control = new Control({
      process: this.#process,
      topics: this.#topics,
      publish: (topic, message, beside) => this.#servers.publish(topic, this.#seal(message), beside),
      publishEverywhere: (topic, message) => this.#servers.publishEverywhere(topic, this.#seal(message)),
      onAdd: (group, channel) => this.#addOwn(group, channel),
      onDiscard: (group, channel) => this.#groups.discard(group, channel),
      onFlush: () => this.#forget(),
    })
    this.#bursts = new BurstBuffer({
      handle: (topic, message) => this.#hear(topic, message),
      logger,
      onOverflow: () => this.#losses.countFull(1),
    })
    this.#servers = new PubSubServers({
      ...settings,
      pattern: patternOf(this.#process),
      topic: this.#topics.everybody,
      onMessage: (topic, message) => this.#bursts.add(topic, message),
      onGap: () => this.#losses.countGap(),
    })
  }

  check(signal?: AbortSignal): Promise<boolean> {
    return reachable(this.#servers.servers, signal)
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
    const sealed = this.#seal(copy)
    if (this.#starting) await this.#starting
    if ((await this.#servers.publish(channel, sealed)) === 0) this.#losses.countUnheard()
  }

  async receive(channel: string, signal?: AbortSignal): Promise<ChannelMessage> {
    this.#checkOpen()
    checkChannelName(channel)
    return isSpecific(channel) ? this.#local.receive(channel, signal) : this.#named.receive(channel, signal)
  }

  newChannel(prefix: string = 'specific'): string {
    this.#checkOpen()
    const channel = this.#local.open(prefix)
    this.#start()
    return channel
  }

  release(channel: string): void {
    if (this.#local.release(channel)) this.#groups.release(channel)
  }

  async groupAdd(group: string, channel: string): Promise<void> {
    this.#checkOpen()
    checkGroupName(group)
    checkChannelName(channel)
    if (this.#isOwn(channel)) return this.#addOwn(group, channel)
    if (!isSpecific(channel)) {
      throw invalidName(
        `Members of a group on pub/sub are channels of newChannel; ${JSON.stringify(channel)} is none`,
      )
    }
    await this.#askProcessOf(channel, 'add', group)
  }

  async groupRenew(group: string, channel: string): Promise<boolean> {
    this.#checkOpen()
    checkGroupName(group)
    checkChannelName(channel)
    return this.#isOwn(channel) && this.#groups.renew(group, channel)
  }

  async groupDiscard(group: string, channel: string): Promise<void> {
    this.#checkOpen()
    checkGroupName(group)
    checkChannelName(channel)
    if (this.#isOwn(channel)) await this.#groups.discard(group, channel)
    else if (isSpecific(channel)) await this.#askProcessOf(channel, 'discard', group)
  }

  async groupSend(group: string, message: ChannelMessage): Promise<GroupSendResult> {
    this.#checkOpen()
    checkGroupName(group)
    const topic = this.#topics.group(group)
    const sealed = this.#seal(this.#codec.copy(message))
    if (this.#starting) await this.#starting
    const echo = this.#servers.at(topic).has(topic) ? this.#echoes.expect(topic, sealed) : undefined
    try {
      const receivers = await this.#servers.publish(topic, sealed)
      const here = echo && (await this.#heard(topic, echo))
      // This process is one of the receivers; its channels are counted one by one.
      return here
        ? { sent: receivers - 1 + here.sent, dropped: here.dropped }
        : { sent: receivers, dropped: 0 }
    } finally {
      echo?.forget()
    }
  }

  async flush(): Promise<void> {
    await this.listen()
    await this.#control.askToFlush(FLUSH_PATIENCE)
  }

  /** Begins to listen, if it does not yet; resolves when what other processes send is heard here. */
  async listen(): Promise<void> {
    this.#checkOpen()
    this.#start()
    await this.#servers.start()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  usage(): RedisPubSubChannelsUsage {
    const local = this.#local.usage()
    const named = this.#named.usage()
    const { groups, memberships } = this.#groups
    const { dropped, expired, unreadable, unheard, gaps } = this.#losses
    return {
      channels: local.channels,
      messages: local.messages + named.messages,
      receivers: local.receivers + named.receivers,
      groups,
      memberships,
      topics: this.#servers.size,
      dropped,
      expired,
      unreadable,
      unheard,
      gaps,
    }
  }

  async #close(): Promise<void> {
    // One error for all: making a stack trace for each of 100,000 receivers would take a second.
    const closed = layerClosed()
    this.#local.end(closed)
    this.#named.end(closed)
    this.#groups.close()
    this.#control.close(closed)
    this.#bursts.close()
    await this.#servers.close()
  }

  #checkOpen(): void {
    if (this.#closing) throw layerClosed()
  }

  #isOwn(channel: string): boolean {
    return isSpecific(channel) && processOf(channel) === this.#process
  }

  #start(): void {
    if (this.#started) return
    this.#started = true
    // Where Redis is away the connections go on trying, and sends find out by themselves.
    const started = (): void => {
      this.#starting = undefined
    }
    this.#starting = this.#servers.start().then(started, started)
  }

  /** A group's topic may be the name of a channel. */
  async #leave(topic: string): Promise<void> {
    const group = this.#topics.groupIn(topic)
    if (this.#named.has(topic) || (group !== undefined && this.#groups.has(group))) return
    await this.#servers.at(topic).unsubscribe(topic)
  }

  #seal(message: ChannelMessage): Buffer {
    return this.#codec.seal(this.#codec.members(message))
  }

  /** What became here of a message that was published; undefined when it got lost on its way back. */
  async #heard(topic: string, echo: ExpectedEcho): Promise<GroupSendResult | undefined> {
    if (!echo.isHeard) await Promise.race([echo.heard, this.#barrier(topic)])
    echo.forget()
    this.#checkOpen()
    return echo.heard
  }

  /** Resolves when everything that Redis published before the call has been handled, or was lost. */
  async #barrier(topic: string): Promise<void> {
    await this.#servers.at(topic).barrier()
    await this.#bursts.handled()
  }

  async #addOwn(group: string, channel: string): Promise<void> {
    if (this.#local.has(channel)) await this.#groups.add(group, channel)
  }

  async #askProcessOf(channel: string, what: 'add' | 'discard', group: string): Promise<void> {
    await this.listen()
    await this.#control.askProcess(processOf(channel), what, group, channel, this.#timeoutMs)
  }

  async #forget(): Promise<void> {
    this.#local.clear()
    this.#named.clear()
    await this.#groups.clear()
  }

  /** Whether receivers need a turn before the next message. */
  #hear(topic: string, sealed: Buffer): boolean {
    if (this.#closing) return false
    if (this.#topics.isControl(topic)) {
      const message = this.#read(sealed)
      if (message) this.#control.handle(message)
      return false
    }
    if (topic.endsWith('!')) {
      const message = this.#read(sealed)
      if (message) this.#control.handleForeign(message)
      return false
    }
    const group = this.#topics.groupIn(topic)
    const isTurnWanted = group !== undefined && this.#hearGroup(group, topic, sealed)
    if (!this.#local.has(topic) && !this.#named.has(topic)) return isTurnWanted
    const message = this.#read(sealed)
    if (!message) return isTurnWanted
    const accepted = this.#local.put(topic, message, false) ?? this.#named.put(topic, message)
    if (!accepted) this.#losses.countFull(1)
    return this.#local.wantsTurn(topic) || this.#named.wantsTurn(topic) || isTurnWanted
  }

  #hearGroup(group: string, topic: string, sealed: Buffer): boolean {
    const members = this.#groups.members(group)
    const message = members.length > 0 ? this.#read(sealed) : undefined
    const result = message && this.#local.putInAll(new Set(members), message)
    const { sent, dropped, isTurnWanted } = result ?? { sent: 0, dropped: 0, isTurnWanted: false }
    this.#losses.countFull(dropped)
    this.#echoes.hear(topic, sealed, { sent, dropped })
    return isTurnWanted
  }

  #read(sealed: Buffer): ChannelMessage | undefined {
    return openEnvelope(this.#codec, sealed, this.#losses)?.message
  }
}
