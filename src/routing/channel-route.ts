/** The routes of named channels, which workers serve. */
import { checkChannelName, isSpecific } from '../channels/names.ts'
import { ChannelConsumer, type ChannelConsumerClass } from '../consumers/channel-consumer.ts'

export interface ChannelRoute {
  readonly kind: 'channel'
  readonly channel: string
  readonly consumer: ChannelConsumerClass
}

/**
 * Connects a named channel to a consumer: `channel('thumbnails', ThumbnailConsumer)`. Servers ignore it;
 * `millrace worker app.ts thumbnails` runs it.
 *
 * @throws {ChannelError} `invalid_name` for a bad name, {TypeError} for a channel with a `!`, which only its
 * own process receives, and for a value that is not a consumer class.
 */
export function channel(name: string, consumer: ChannelConsumerClass): ChannelRoute {
  checkChannelName(name)
  if (isSpecific(name))
    throw new TypeError(
      `channel(${name}): a channel with a ! is received by the process that made it, not by a worker`,
    )
  if (!isChannelConsumer(consumer))
    throw new TypeError(`channel(${name}): ${shown(consumer)} is not a class that extends ChannelConsumer`)
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
