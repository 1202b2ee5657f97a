/**
 * The errors of channel layers. Their messages are written for a log: they name channels and say what is
 * allowed, but do not quote messages.
 */

/**
 * Why a channel layer refused a call.
 *
 * | code | what it means |
 * |---|---|
 * | `channel_full` | the channel is full; the message was not queued |
 * | `channel_released` | a receive from a channel that was released, or that belongs to another process |
 * | `invalid_name` | a bad name of a channel or group; the message gives the rule |
 * | `invalid_message` | a message that the layer cannot carry; `path` tells where the fault is |
 * | `channel_layer_closed` | the layer was closed before the call, or while the call waited |
 * | `channel_layer_unavailable` | the layer's server is away, or refused the call; see `uncertain` |
 */
export type ChannelErrorCode =
  | 'channel_full'
  | 'channel_released'
  | 'invalid_name'
  | 'invalid_message'
  | 'channel_layer_closed'
  | 'channel_layer_unavailable'

/** A channel layer refused a call, or could not do it. */
export class ChannelError extends Error {
  override readonly name = 'ChannelError'
  readonly code: ChannelErrorCode
  /** The channel that is full, or was released. */
  declare readonly channel?: string
  /** The capacity of the channel that is full. */
  declare readonly capacity?: number
  /** Where in a message the fault is, as an expression: `message.users[2].name`. */
  declare readonly path?: string
  /**
   * Of `channel_layer_unavailable`: whether the call may have taken effect, because its request was sent but
   * not answered. The layer goes on trying to reach its server, but does not repeat the call.
   */
  declare readonly uncertain?: boolean

  constructor(
    code: ChannelErrorCode,
    message: string,
    details: Pick<ChannelError, 'channel' | 'capacity' | 'path' | 'uncertain'> & ErrorOptions = {},
  ) {
    const { cause, ...others } = details
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    Object.assign(this, others)
  }
}

/** Whether something thrown is a `ChannelError` of this code. */
export function isChannelError(error: unknown, code: ChannelErrorCode): error is ChannelError {
  return error instanceof ChannelError && error.code === code
}

export function channelFull(channel: string, capacity: number): ChannelError {
  const message = `The channel "${channel}" is full: ${capacity} messages wait in it`
  return new ChannelError('channel_full', message, { channel, capacity })
}

export function channelReleased(channel: string): ChannelError {
  const message = `The channel "${channel}" is not received here: it was released, or never made by this layer's newChannel`
  return new ChannelError('channel_released', message, { channel })
}

export function invalidName(message: string): ChannelError {
  return new ChannelError('invalid_name', message)
}

/** @param path where in the message the fault is: `message.users[2].name`. */
export function invalidMessage(path: string, fault: string): ChannelError {
  return new ChannelError('invalid_message', `${path} ${fault}`, { path })
}

export function layerClosed(): ChannelError {
  return new ChannelError('channel_layer_closed', 'The channel layer is closed')
}

/** @param cause what the server or the connection said. */
export function layerUnavailable(what: string, uncertain: boolean, cause?: unknown): ChannelError {
  const effect = uncertain ? 'the call may have taken effect' : 'nothing was done'
  return new ChannelError('channel_layer_unavailable', `${what}; ${effect}`, { uncertain, cause })
}
