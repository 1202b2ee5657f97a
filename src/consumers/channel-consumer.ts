/**
 * The code behind a named channel, which `millrace worker` runs apart from the servers: what takes
 * long, or must not be done by each of them.
 */
import type { ChannelLayer, ChannelMessage, GroupSendResult } from '../channels/layer.ts'
import type { Logger } from '../logging/logger.ts'

export interface ChannelConsumerContext {
  readonly channel: string
  readonly channels: ChannelLayer
  readonly logger: Logger
  readonly signal: AbortSignal
}

/** A class that `channel(name, …)` accepts: a subclass with the inherited constructor. */
export type ChannelConsumerClass = new (context: ChannelConsumerContext) => ChannelConsumer

/**
 * Subclass it and write a method for each type of message: `thumbnail.make` calls
 * `thumbnail_make(message)`. One instance serves its channel for as long as the worker lives, and its
 * methods are called one at a time, in the order in which it receives; a worker with a `concurrency`
 * of 4 has four instances. What a method throws is logged, and the next message is served.
 *
 * Delivery is at most once: a message whose worker dies is gone. What must not be lost belongs in a run.
 */
export class ChannelConsumer {
  /** The channel that this instance serves. */
  readonly channel: string
  /** The layer it came over: `this.channels.send(reply, …)`. */
  readonly channels: ChannelLayer
  readonly logger: Logger
  /** Aborts when the worker shuts down and its time for the message in hand is over. */
  readonly signal: AbortSignal

  constructor(context: ChannelConsumerContext) {
    this.channel = context.channel
    this.channels = context.channels
    this.logger = context.logger
    this.signal = context.signal
  }

  /** Sends to every member of a group, in whichever process it is. */
  groupSend(group: string, message: ChannelMessage): Promise<GroupSendResult> {
    return this.channels.groupSend(group, message)
  }
}
