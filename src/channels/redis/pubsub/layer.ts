/**
 * The channel layer on Redis's pub/sub, in the wire format of RedisPubSubChannelLayer.
 *
 * Redis keeps nothing: it passes each message at once to every process that listens, and each process keeps
 * what is for its channels in queues of its own. A group message goes through Redis to the members in its own
 * process, too, so that all members everywhere get the messages of a group in one order.
 *
 * Invariant: calls of one process for one channel reach Redis in the order they are made, on one
 * connection, and none is repeated.
 */
import { type ChannelError, invalidName } from '../../errors.ts'
import type { ChannelMessage, GroupSendResult } from '../../layer.ts'
import { isSpecific } from '../../names.ts'
import { type RedisChannelsUsage, RedisLayer } from '../layer.ts'
import type { PingedServer } from '../reachable.ts'
import type { RedisLayerSettings } from '../settings.ts'
import { processOf } from '../wire-names.ts'
import { Arrivals } from './arrivals.ts'
import { Control } from './control.ts'
import { Echoes, type ExpectedEcho } from './echoes.ts'
import { LocalGroups } from './local-groups.ts'
import { NamedChannels } from './named-channels.ts'
import { PubSubServers } from './servers.ts'
import { patternOf, Topics } from './topics.ts'

/** What a layer on pub/sub holds at this moment, and what it has lost since it was made. */
export interface RedisPubSubChannelsUsage extends RedisChannelsUsage {
  /** Topics that this process is subscribed to, or will be when Redis is back: groups and named channels. */
  readonly topics: number
  /** Messages sent from here, not to groups, while no process listened. */
  readonly unheard: number
  /** How often listening was interrupted. Each time messages of others may have been missed. */
  readonly gaps: number
}

/** Milliseconds that a flush waits for the other processes. */
const FLUSH_PATIENCE = 1000

export class RedisPubSubChannels extends RedisLayer {
  protected readonly groups: LocalGroups
  protected readonly servers: readonly PingedServer[]
  readonly #timeoutMs: number
  readonly #topics: Topics
  readonly #named: NamedChannels
  readonly #echoes = new Echoes()
  readonly #control: Control
  readonly #hosts: PubSubServers
  readonly #arrivals: Arrivals
  /** Pending while this process begins to listen. Its messages wait, because one may ask for an answer. */
  #starting: Promise<void> | undefined
  #started = false

  constructor(settings: RedisLayerSettings) {
    super(settings, 'pub/sub')
    const { codec, losses, local } = this
    const { logger, timeoutMs, expiry, groupExpiry, capacityOf } = settings
    this.#timeoutMs = timeoutMs
    const topics = new Topics(settings.prefix)
    this.#topics = topics
    this.#named = new NamedChannels({
      expiry,
      capacityOf,
      onExpired: (messages) => losses.countExpired(messages),
      // Receivers wait until it works. The connection logs that Redis is away.
      listen: (channel) =>
        void this.#hosts
          .at(channel)
          .subscribe(channel)
          .catch(() => undefined),
      leave: (channel) => void this.#leave(channel),
    })
    this.groups = new LocalGroups({
      groupExpiry,
      listen: (group) => this.#hosts.at(topics.group(group)).subscribe(topics.group(group)),
      leave: (group) => this.#leave(topics.group(group)),
    })
    this.#control = new Control({
      process: this.process,
      topics,
      publish: (topic, message, beside) => this.#hosts.publish(topic, this.#seal(message), beside),
      publishEverywhere: (topic, message) => this.#hosts.publishEverywhere(topic, this.#seal(message)),
      onAdd: async (group, channel) => {
        if (local.has(channel)) await this.groups.add(group, channel)
      },
      onDiscard: (group, channel) => this.groups.discard(group, channel),
      onFlush: () => this.#forget(),
    })
    this.#arrivals = new Arrivals({
      topics,
      codec,
      local,
      losses,
      logger,
      named: this.#named,
      groups: this.groups,
      control: this.#control,
      echoes: this.#echoes,
    })
    this.#hosts = new PubSubServers({
      ...settings,
      pattern: patternOf(this.process),
      topic: topics.everybody,
      onMessage: this.#arrivals.add,
      onGap: () => losses.countGap(),
    })
    this.servers = this.#hosts.publishers
  }

  async flush(): Promise<void> {
    await this.listen()
    await this.#control.askToFlush(FLUSH_PATIENCE)
  }

  /** Begins to listen, if it has not; resolves when what other processes send is heard here. */
  async listen(): Promise<void> {
    this.checkOpen()
    this.#start()
    await this.#hosts.start()
  }

  usage(): RedisPubSubChannelsUsage {
    const { unheard, gaps } = this.losses
    return { ...this.usageWith(this.#named.usage()), topics: this.#hosts.size, unheard, gaps }
  }

  protected async sendAway(channel: string, message: ChannelMessage): Promise<void> {
    const sealed = this.#seal(message)
    if (this.#starting) await this.#starting
    if ((await this.#hosts.publish(channel, sealed)) === 0) this.losses.countUnheard()
  }

  protected async receiveNamed(channel: string, signal?: AbortSignal): Promise<ChannelMessage> {
    return this.#named.receive(channel, signal)
  }

  protected opened(): void {
    this.#start()
  }

  protected async addOther(group: string, channel: string): Promise<void> {
    if (!isSpecific(channel)) {
      throw invalidName(
        `Members of a group on pub/sub are channels of newChannel; ${JSON.stringify(channel)} is none`,
      )
    }
    await this.#askProcessOf(channel, 'add', group)
  }

  /** Only its own process renews a channel. */
  protected async renewOther(): Promise<boolean> {
    return false
  }

  protected async discardOther(group: string, channel: string): Promise<void> {
    if (isSpecific(channel)) await this.#askProcessOf(channel, 'discard', group)
  }

  protected async sendToGroup(group: string, message: ChannelMessage): Promise<GroupSendResult> {
    const topic = this.#topics.group(group)
    const sealed = this.#seal(message)
    if (this.#starting) await this.#starting
    const echo = this.#hosts.at(topic).has(topic) ? this.#echoes.expect(topic, sealed) : undefined
    try {
      const receivers = await this.#hosts.publish(topic, sealed)
      const here = echo && (await this.#heard(topic, echo))
      // This process is one of the receivers; its channels are counted one by one.
      return here
        ? { sent: receivers - 1 + here.sent, dropped: here.dropped }
        : { sent: receivers, dropped: 0 }
    } finally {
      echo?.forget()
    }
  }

  protected async end(closed: ChannelError): Promise<void> {
    this.#named.end(closed)
    this.groups.close()
    this.#control.close(closed)
    this.#arrivals.close()
    await this.#hosts.close()
  }

  #start(): void {
    if (this.#started) return
    this.#started = true
    // When Redis is away the connections go on trying, and sends find out by themselves.
    const started = (): void => {
      this.#starting = undefined
    }
    this.#starting = this.#hosts.start().then(started, started)
  }

  /** Leaves a topic, unless something needs it still: a group's topic may be the name of a channel. */
  async #leave(topic: string): Promise<void> {
    const group = this.#topics.groupIn(topic)
    if (this.#named.has(topic) || (group !== undefined && this.groups.has(group))) return
    await this.#hosts.at(topic).unsubscribe(topic)
  }

  #seal(message: ChannelMessage): Buffer {
    return this.codec.seal(this.codec.members(message))
  }

  /** What became here of a message that was published; undefined when it got lost on its way back. */
  async #heard(topic: string, echo: ExpectedEcho): Promise<GroupSendResult | undefined> {
    if (!echo.isHeard) await Promise.race([echo.heard, this.#barrier(topic)])
    echo.forget()
    this.checkOpen()
    return echo.heard
  }

  /** Resolves when everything that Redis published before the call has been handled, or was lost. */
  async #barrier(topic: string): Promise<void> {
    await this.#hosts.at(topic).barrier()
    await this.#arrivals.handled()
  }

  async #askProcessOf(channel: string, what: 'add' | 'discard', group: string): Promise<void> {
    await this.listen()
    await this.#control.askProcess(processOf(channel), what, group, channel, this.#timeoutMs)
  }

  async #forget(): Promise<void> {
    this.local.clear()
    this.#named.clear()
    await this.groups.clear()
  }
}
