/**
 * What a channel layer refuses, each with a stable `code` to switch on. The messages are written for
 * a log: they name channels and say what is allowed, and quote nothing of what a message holds.
 */

/** A channel holds as many messages as it may; the one that was sent is not among them. */
export class ChannelFull extends Error {
  override readonly name = 'ChannelFull'
  readonly code = 'channel_full'
  readonly channel: string
  /** Messages that the channel may hold. */
  readonly capacity: number

  constructor(channel: string, capacity: number) {
    super(`The channel "${channel}" is full: ${capacity} messages wait in it`)
    this.channel = channel
    this.capacity = capacity
  }
}

/** A name that is not a channel's or group's; the message says what one is. */
export class InvalidName extends Error {
  override readonly name = 'InvalidName'
  readonly code = 'invalid_name'
}

/** A message that a layer cannot carry. */
export class InvalidMessage extends Error {
  override readonly name = 'InvalidMessage'
  readonly code = 'invalid_message'
  /** Where in the message the fault is, as one would write it in code: `message.users[2].name`. */
  readonly path: string

  constructor(path: string, fault: string) {
    super(`${path} ${fault}`)
    this.path = path
  }
}

/** A receive from a channel that was released, or that another process receives. */
export class ChannelReleased extends Error {
  override readonly name = 'ChannelReleased'
  readonly code = 'channel_released'
  readonly channel: string

  constructor(channel: string) {
    super(
      `The channel "${channel}" is not received here: it was released, or never made by this layer's newChannel`,
    )
    this.channel = channel
  }
}

/** The layer was closed before the call, or while the call waited. */
export class ChannelLayerClosed extends Error {
  override readonly name = 'ChannelLayerClosed'
  readonly code = 'channel_layer_closed'

  constructor() {
    super('The channel layer is closed')
  }
}

/**
 * The layer's server is away, or refused the call. The layer goes on trying to reach it; the call is
 * not repeated. `cause` is what the server or the connection said.
 */
export class ChannelLayerUnavailable extends Error {
  override readonly name = 'ChannelLayerUnavailable'
  readonly code = 'channel_layer_unavailable'
  /** Whether the call may have taken effect: its request was sent and its answer did not come. */
  readonly uncertain: boolean

  constructor(what: string, uncertain: boolean, cause?: unknown) {
    super(`${what}; ${uncertain ? 'the call may have taken effect' : 'nothing was done'}`, { cause })
    this.uncertain = uncertain
  }
}

type ChannelError =
  | ChannelFull
  | ChannelLayerClosed
  | ChannelLayerUnavailable
  | ChannelReleased
  | InvalidMessage
  | InvalidName
export type ChannelErrorCode = ChannelError['code']
