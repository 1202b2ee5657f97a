/** Puts messages in queues in Redis: each in an envelope, with a number, on the host of the queue. */
import { channelFull } from '../../errors.ts'
import type { ChannelMessage, GroupSendResult } from '../../layer.ts'
import { isSpecific } from '../../names.ts'
import type { MessageCodec } from '../codec/codec.ts'
import type { EncodedMembers } from '../codec/message-format.ts'
import { allOf } from '../failures.ts'
import { Sequence } from './sequence.ts'
import type { QueueEntry, Shard } from './shard.ts'
import { queueName } from '../wire-names.ts'

/**
 * How many times a channel's capacity the queue of another process may hold. A living process empties its
 * queue all the time and counts capacity per channel, so this only bounds what is kept for a dead one.
 */
const PROCESS_CAPACITY = 100

export interface QueueWriterSettings {
  readonly capacityOf: (channel: string) => number
  readonly prefixLength: number
}

export class QueueWriter {
  readonly #codec: MessageCodec
  readonly #capacityOf: (channel: string) => number
  readonly #shard: (queue: string) => Shard
  readonly #sequence: Sequence

  /** @param shard the Redis that has a queue. */
  constructor(codec: MessageCodec, settings: QueueWriterSettings, shard: (queue: string) => Shard) {
    this.#codec = codec
    this.#capacityOf = settings.capacityOf
    this.#sequence = new Sequence(settings.prefixLength)
    this.#shard = shard
  }

  /** @throws {ChannelError} `channel_full` */
  async send(channel: string, message: ChannelMessage): Promise<void> {
    const receivers = isSpecific(channel) ? channel : undefined
    const entry = this.#entry(channel, this.#codec.members(message), receivers)
    const full = await this.#shard(queueName(channel)).send([entry])
    if (full.length > 0) throw channelFull(channel, entry.capacity)
  }

  /**
   * Sends to many channels: one message for each queue, with the names of its channels.
   *
   * @param message as it was when the group send was called.
   */
  async sendToAll(channels: Iterable<string>, message: ChannelMessage): Promise<GroupSendResult> {
    const queues = byQueue(channels)
    if (queues.size === 0) return { sent: 0, dropped: 0 }
    const members = this.#codec.members(message)
    const shards = Map.groupBy(queues, ([queue]) => this.#shard(queue))
    const full = await allOf(
      [...shards].map(([shard, some]) =>
        shard.send(some.map(([, receivers]) => this.#entry(receivers[0] as string, members, receivers))),
      ),
    )
    const dropped = full.reduce((sum, { length }) => sum + length, 0)
    return { sent: queues.size - dropped, dropped }
  }

  /** Sends a message to the layer of another process, not to a channel of the application. */
  async sendControl(inbox: string, message: ChannelMessage): Promise<void> {
    // Without receivers: a message that an application sends to a process's queue names some.
    const member = this.#sequence.stamp(this.#codec.seal(this.#codec.members(message)))
    await this.#shard(inbox).send([{ channel: inbox, capacity: Number.MAX_SAFE_INTEGER, member }])
  }

  #entry(channel: string, members: EncodedMembers, receivers?: string | readonly string[]): QueueEntry {
    const capacity = this.#capacityOf(channel) * (isSpecific(channel) ? PROCESS_CAPACITY : 1)
    return { channel, capacity, member: this.#sequence.stamp(this.#codec.seal(members, receivers)) }
  }
}

/** Groups channels by their queues. Those of one process mostly follow each other. */
function byQueue(channels: Iterable<string>): Map<string, string[]> {
  const queues = new Map<string, string[]>()
  let queue = ''
  let list: string[] = []
  for (const channel of channels) {
    if (!queue.endsWith('!') || !channel.startsWith(queue)) {
      queue = queueName(channel)
      list = queues.get(queue) ?? []
      queues.set(queue, list)
    }
    list.push(channel)
  }
  return queues
}
