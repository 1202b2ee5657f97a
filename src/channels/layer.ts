/**
 * The channel layer: messages between connections and processes.
 *
 * At most once, bounded and short-lived. What must not be lost belongs in a stream; the layer
 * carries signals ("a run began in this chat", presence, a stop request). The whole contract, with
 * numbered rules, is docs/channel-layer.md; `millrace/conformance` exports the cases that hold it.
 */

/**
 * What a message can carry. Every layer delivers it as it was sent, after `copyMessage` (message.ts): text
 * becomes well-formed, a bigint that a number can hold becomes that number, and members that are
 * `undefined` are left out.
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

/** The result of a group send, as far as the sender can see. */
export interface GroupSendResult {
  /** Queues that the message was put in, and receivers that got it. */
  readonly sent: number
  /** Queues that were full and did not get it. */
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
  /**
   * Where its messages go, without credentials: layers of one address reach each other. Tells whether the layer of an
   * application that is evaluated again is another one.
   */
  readonly address?: string
  /** Whether the layer serves this process alone. Default: false. */
  readonly isLocal?: boolean

  /**
   * Whether other processes can be reached now, found out within about a second; for `/readyz`. A layer
   * without this method always can. Rejects with an `UnfitRedisError` when the server can never be used:
   * `/readyz` then says what the server lacks, and an application does not start.
   */
  check?(signal?: AbortSignal): Promise<boolean>

  /**
   * Puts a message in a channel's queue; does not wait for a receiver. A message to a channel of
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
   * @throws {ChannelError} `channel_released` for a channel with a `!` that is not received here, or not any
   * more. Calls that wait when the channel is released reject, too.
   */
  receive(channel: string, signal?: AbortSignal): Promise<ChannelMessage>

  /**
   * Makes a channel with a unique name, received by this process: `<prefix>.<random>!<random>`. The prefix is
   * `specific` by default, follows the rules of a group name and has at most 33 characters.
   *
   * @throws {ChannelError} `invalid_name` for another prefix, `channel_layer_closed` once the layer is
   * closed.
   */
  newChannel(prefix?: string): string

  /**
   * Ends a channel of `newChannel`: drops its messages, takes it out of its groups, and rejects the calls
   * that wait for it with `channel_released`. Does nothing for other names.
   */
  release(channel: string): void

  /**
   * Adds a channel to a group, for `groupExpiry`. Does nothing for a channel of `newChannel` that was
   * released.
   */
  groupAdd(group: string, channel: string): Promise<void>
  /**
   * Renews a membership of a channel of this process for another `groupExpiry`. Never adds one: returns false
   * when the membership expired, or when any process, in any language, discarded the channel.
   */
  groupRenew(group: string, channel: string): Promise<boolean>
  /**
   * Removes a channel from a group; does nothing when it is not in the group. Messages that the same process
   * sent to the group before still reach the channel.
   */
  groupDiscard(group: string, channel: string): Promise<void>
  /** Puts a message in the queue of every member. Skips full queues, and counts them. */
  groupSend(group: string, message: ChannelMessage): Promise<GroupSendResult>

  /**
   * Deletes every message and group of this layer, in every process that shares it. Channels of
   * `newChannel` stay valid, and waiting receivers go on waiting.
   */
  flush(): Promise<void>
  /** Ends the layer: pending and later calls reject with `channel_layer_closed`. May be called again. */
  close(): Promise<void>
}
