/**
 * What both channel layers on Redis have in common: they check each call, keep the channels of this
 * process, and count what is lost. A subclass says how a message reaches another process.
 *
 * Invariant: a message to a channel of this process does not leave the process.
 */
import { type ChannelError, channelFull, layerClosed } from '../errors.ts'
import type { ChannelLayer, ChannelMessage, GroupSendResult } from '../layer.ts'
import { LossReport } from '../local/loss-report.ts'
import { turn } from '../local/turn.ts'
import { checkChannelName, checkGroupName, isSpecific, processId } from '../names.ts'
import { textOfHosts } from '../../redis/hosts.ts'
import { MessageCodec } from './codec/codec.ts'
import { LocalChannels } from './local-channels.ts'
import { type PingedServer, reachable } from './reachable.ts'
import type { RedisLayerSettings } from './settings.ts'

/** What a layer holds at this moment, and what it has lost since it was made. */
export interface RedisChannelsUsage {
  /** Channels of `newChannel` that were not released. */
  readonly channels: number
  /** Messages waiting in those channels. */
  readonly messages: number
  /** Receivers waiting for a message, of channels without a `!` too. */
  readonly receivers: number
  /** Groups with channels of this process, and pairs of a group and a channel. */
  readonly groups: number
  readonly memberships: number
  /**
   * Messages dropped because their channel was full: those that arrived here, and those of group sends from
   * here that found no room in another process's queue.
   */
  readonly dropped: number
  /** Messages dropped here because nobody received them in time. */
  readonly expired: number
  /** Messages dropped here because they could not be read: another key, another format. */
  readonly unreadable: number
}

/** Which channels of this process are in which groups. */
export interface OwnGroups {
  add(group: string, channel: string): Promise<void>
  /** False when the channel is not in the group any more. */
  renew(group: string, channel: string): boolean | Promise<boolean>
  discard(group: string, channel: string): Promise<void>
  /** Takes a channel out of all its groups, at once. */
  release(channel: string): void
  usage(): { readonly groups: number; readonly memberships: number }
}

export abstract class RedisLayer implements ChannelLayer {
  readonly expiry: number
  readonly groupExpiry: number
  readonly address: string
  protected readonly process: string = processId()
  protected readonly codec: MessageCodec
  protected readonly losses: LossReport
  protected readonly local: LocalChannels
  protected abstract readonly groups: OwnGroups
  protected abstract readonly servers: readonly PingedServer[]
  readonly #ownPart = `.${this.process}!`
  #closing: Promise<void> | undefined

  /** @param format which of the layers on Redis it is: they do not reach each other. */
  constructor(settings: RedisLayerSettings, format: string) {
    this.address = `redis ${format}:${settings.prefix} ${textOfHosts(settings.hosts)}`
    this.expiry = settings.expiry
    this.groupExpiry = settings.groupExpiry
    this.codec = new MessageCodec(settings.fernet, settings.serializer)
    this.losses = new LossReport(settings.logger)
    this.local = new LocalChannels(this.process, settings, (messages) => this.losses.countExpired(messages))
  }

  abstract flush(): Promise<void>
  abstract usage(): RedisChannelsUsage

  check(signal?: AbortSignal): Promise<boolean> {
    return reachable(this.servers, signal)
  }

  // What a subclass does; names and messages were checked, and messages copied.

  /** Sends to a channel that is not of this process. */
  protected abstract sendAway(channel: string, message: ChannelMessage): Promise<void>
  /** Receives from a channel without a `!`. */
  protected abstract receiveNamed(channel: string, signal?: AbortSignal): Promise<ChannelMessage>
  /** Notices a new channel of this process. */
  protected abstract opened(channel: string): void
  protected abstract sendToGroup(group: string, message: ChannelMessage): Promise<GroupSendResult>
  // Memberships of channels that are not of this process.
  protected abstract addOther(group: string, channel: string): Promise<void>
  protected abstract renewOther(group: string, channel: string): Promise<boolean>
  protected abstract discardOther(group: string, channel: string): Promise<void>
  /** Ends what the subclass has; receivers get `closed`. */
  protected abstract end(closed: ChannelError): Promise<void>

  async send(channel: string, message: ChannelMessage): Promise<void> {
    this.checkOpen()
    checkChannelName(channel)
    const copy = this.codec.copy(message)
    if (!this.isOwn(channel)) return this.sendAway(channel, copy)
    if (this.local.put(channel, copy, false) === false)
      throw channelFull(channel, this.local.capacity(channel))
    if (this.local.wantsTurn(channel)) await turn()
  }

  receive(channel: string, signal?: AbortSignal): Promise<ChannelMessage> {
    // The path of every connection: the name of a channel that is here needs no check.
    const queue = this.#closing ? undefined : this.local.get(channel)
    return queue?.receive(performance.now(), signal) ?? this.#receive(channel, signal)
  }

  newChannel(prefix: string = 'specific'): string {
    this.checkOpen()
    const channel = this.local.open(prefix)
    this.opened(channel)
    return channel
  }

  release(channel: string): void {
    if (this.local.release(channel)) this.groups.release(channel)
  }

  async groupAdd(group: string, channel: string): Promise<void> {
    this.#checkMember(group, channel)
    if (!this.isOwn(channel)) await this.addOther(group, channel)
    else if (this.local.has(channel)) await this.groups.add(group, channel)
  }

  async groupRenew(group: string, channel: string): Promise<boolean> {
    this.#checkMember(group, channel)
    return this.isOwn(channel) ? this.groups.renew(group, channel) : this.renewOther(group, channel)
  }

  async groupDiscard(group: string, channel: string): Promise<void> {
    this.#checkMember(group, channel)
    await (this.isOwn(channel) ? this.groups.discard(group, channel) : this.discardOther(group, channel))
  }

  async groupSend(group: string, message: ChannelMessage): Promise<GroupSendResult> {
    this.checkOpen()
    checkGroupName(group)
    return this.sendToGroup(group, this.codec.copy(message))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  protected checkOpen(): void {
    if (this.#closing) throw layerClosed()
  }

  protected get isClosed(): boolean {
    return this.#closing !== undefined
  }

  protected isOwn(channel: string): boolean {
    return channel.includes(this.#ownPart)
  }

  /** @param named what waits in channels without a `!`. */
  protected usageWith(named: { readonly messages: number; readonly receivers: number }): RedisChannelsUsage {
    const { channels, messages, receivers } = this.local.usage()
    const { dropped, expired, unreadable } = this.losses
    return {
      channels,
      messages: messages + named.messages,
      receivers: receivers + named.receivers,
      ...this.groups.usage(),
      dropped,
      expired,
      unreadable,
    }
  }

  async #receive(channel: string, signal?: AbortSignal): Promise<ChannelMessage> {
    this.checkOpen()
    checkChannelName(channel)
    return isSpecific(channel) ? this.local.receive(channel, signal) : this.receiveNamed(channel, signal)
  }

  async #close(): Promise<void> {
    // One error for all: a stack trace for each of 100,000 receivers would take a second.
    const closed = layerClosed()
    this.local.end(closed)
    await this.end(closed)
  }

  #checkMember(group: string, channel: string): void {
    this.checkOpen()
    checkGroupName(group)
    checkChannelName(channel)
  }
}
