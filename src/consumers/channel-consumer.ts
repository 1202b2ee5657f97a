/**
 * The code behind a named channel. `millrace worker` runs it apart from the servers: for work that takes
 * long, or that only one process should do.
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
 * Subclass it and write a method for each type of message: `thumbnail.make` calls `thumbnail_make(message)`.
 * One instance serves its channel for as long as the worker lives, and handles one message at a time, in the
 * order in which it receives them. A worker with a `concurrency` of 4 has four instances. When a method
 * throws, the error is logged and the next message is handled.
 *
 * Delivery is at most once: when a worker dies, its current message is lost. Work that must not be lost
 * belongs in a run.
 */
export class ChannelConsumer {
  /** The channel that this instance serves. */
  readonly channel: string
  /** The channel layer, for answers: `this.channels.send(reply, …)`. */
  readonly channels: ChannelLayer
  readonly logger: Logger
  /** Aborts when the worker shuts down and the time for the current message is over. */
  readonly signal: AbortSignal

  constructor(context: ChannelConsumerContext) {
    this.channel = context.channel
    this.channels = context.channels
    this.logger = context.logger
    this.signal = context.signal
  }

  /** Sends to every member of a group, in all processes. */
  groupSend(group: string, message: ChannelMessage): Promise<GroupSendResult> {
    return this.channels.groupSend(group, message)
  }
}
