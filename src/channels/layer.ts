/**
 * The channel layer: messages between connections and processes.
 *
 * At most once, bounded and short-lived. What must not be lost belongs in a stream; the layer
 * carries signals ("a run began in this chat", presence, a stop request). The whole contract, with
 * numbered rules, is docs/channel-layer.md; `millrace/conformance` exports the cases that hold it.
 */

/**
 * What a message can carry. Every implementation delivers it as it was sent, up to what
 * `copyMessage` (message.ts) does on the way in: text becomes well-formed, a bigint that a number
 * can hold becomes that number, and members that are `undefined` are left out.
 */
export type ChannelValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly ChannelValue[]
  | { readonly [key: string]: ChannelValue | undefined }

/** A message. `type` names the handler that receives it: `chat.message` calls `chat_message`. */
export interface ChannelMessage {
  readonly type: string
  readonly [key: string]: ChannelValue | undefined
}

/** What became of a group send, as far as the sender can see. */
export interface GroupSendResult {
  /** Queues the message was put in, or receivers it was handed to. */
  readonly sent: number
  /** Queues that were at capacity and did not get it. */
  readonly dropped: number
}

/**
 * Every method that returns a promise rejects with `channel_layer_closed` once the layer is closed,
 * with `invalid_name` for a name outside the rules (names.ts) and with `invalid_message` for a message
 * no layer can carry (message.ts).
 */
export interface ChannelLayer {
  /** Seconds for which an undelivered message is kept. */
  readonly expiry: number
  /** Seconds after which a group forgets a channel that was not added again. */
  readonly groupExpiry: number
  /** Whether it reaches no other process. A layer that does not say is taken for one that does. */
  readonly isLocal?: boolean

  /**
   * Whether other processes can be reached at present, found out within a second or so: for `/readyz`. A
   * layer without it always can. Rejects with an `UnfitRedisError` where the server that is there can never do:
   * `/readyz` says what it lacks, and an application does not start.
   */
  check?(signal?: AbortSignal): Promise<boolean>

  /**
   * Puts a message in a channel's queue; never waits for a receiver. What is sent to a channel of
   * `newChannel` that was released, or whose process is gone, is dropped without an error.
   *
   * @throws {ChannelError} `channel_full` when the queue is at capacity; nothing was queued.
   */
  send(channel: string, message: ChannelMessage): Promise<void>

  /**
   * Takes the next message of a channel, in the order they were sent by each sender (CL-13); waits for one.
   * Receivers that wait for the same channel are served in turn, each with a message of its own.
   * Rejects with the signal's reason when it aborts, and then no message has been taken.
   *
   * @throws {ChannelError} `channel_released` for a channel with a `!` that is not, or no longer, received here; also
   * to those who wait for it at that moment.
   */
  receive(channel: string, signal?: AbortSignal): Promise<ChannelMessage>

  /**
   * A name nobody else has, for a channel received by this process: `<prefix>.<random>!<random>`.
   * The prefix is `specific` unless given, follows the rules of a group name and is at most 33 long.
   *
   * @throws {ChannelError} `invalid_name` for another prefix, {ChannelError} `channel_layer_closed` once the layer is closed.
   */
  newChannel(prefix?: string): string

  /**
   * Says that a channel of `newChannel` will not be received again: what it holds is dropped, it
   * leaves its groups and those who wait for it get `channel_released`. Does nothing for other names.
   */
  release(channel: string): void

  /**
   * Adds a channel to a group, for `groupExpiry`. A channel of `newChannel` that was released is not
   * added, and that is no error.
   */
  groupAdd(group: string, channel: string): Promise<void>
  /**
   * Renews a membership of a channel of this process for another `groupExpiry`, and never adds one: false
   * when there is none, because somebody discarded the channel, in whichever process and language, or its
   * time is over.
   */
  groupRenew(group: string, channel: string): Promise<boolean>
  /**
   * Removes a channel from a group; a channel that is not in it is no error. What the same process sent to
   * the group before still reaches the channel.
   */
  groupDiscard(group: string, channel: string): Promise<void>
  /** Puts a message in the queue of every member. A full queue is skipped and counted. */
  groupSend(group: string, message: ChannelMessage): Promise<GroupSendResult>

  /**
   * Forgets every message and group of this layer, in every process that shares it. Channels of
   * `newChannel` stay valid, and those who wait go on waiting.
   */
  flush(): Promise<void>
  /** Ends the layer: pending and later calls reject with `channel_layer_closed`. May be repeated. */
  close(): Promise<void>
}
