/** The routes of named channels, which workers serve. */
import { checkChannelName, isSpecific } from '../channels/names.ts'
import { ChannelConsumer, type ChannelConsumerClass } from '../consumers/channel-consumer.ts'

export interface ChannelRoute {
  readonly kind: 'channel'
  readonly channel: string
  readonly consumer: ChannelConsumerClass
}

/**
 * Connects a named channel to a consumer: `channel('thumbnails', ThumbnailConsumer)`. Servers pass it
 * over; `millrace worker app.ts thumbnails` runs it.
 *
 * @throws {ChannelError} `invalid_name` for what is no name of a channel, {TypeError} for one that its maker alone
 * receives, and for what is not a consumer class.
 */
export function channel(name: string, consumer: ChannelConsumerClass): ChannelRoute {
  checkChannelName(name)
  if (isSpecific(name))
    throw new TypeError(
      `channel(${name}): the process that made a channel with a ! receives it, and no worker`,
    )
  if (!isChannelConsumer(consumer))
    throw new TypeError(
      `channel(${name}): ${shown(consumer)} is no class that extends ChannelConsumer, which a channel takes`,
    )
  return { kind: 'channel', channel: name, consumer }
}

function isChannelConsumer(value: unknown): boolean {
  if (typeof value !== 'function') return false
  const { prototype } = value as { prototype?: unknown }
  return prototype instanceof ChannelConsumer
}

function shown(value: unknown): string {
  return typeof value === 'function' && value.name !== '' ? value.name : `a ${typeof value}`
}
