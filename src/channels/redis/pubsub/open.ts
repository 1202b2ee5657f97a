/**
 * The channel layer of many processes on the pub/sub of Redis or Valkey 7 and later, in the wire format
 * of channels_redis's RedisPubSubChannelLayer: docs/redis.md.
 */
import { checkOptions } from '../../../protocol/known-options.ts'
import type { ChannelLayer } from '../../layer.ts'
import { RedisPubSubChannels } from './layer.ts'
import { REDIS_LAYER_OPTIONS, type RedisLayerOptions, redisLayerSettings } from '../settings.ts'
import type { RedisPubSubChannelsUsage } from '../usage.ts'

export type { RedisPubSubChannelsUsage } from '../usage.ts'

export type RedisPubSubChannelsOptions = RedisLayerOptions

export interface RedisPubSubChannelLayer extends ChannelLayer {
  /**
   * Resolves when what other processes send is heard here, and rejects as other calls do when Redis is
   * away. A layer begins to listen with its first `newChannel`, `groupAdd` or `receive`; what others
   * send to a new channel before it does is lost.
   */
  listen(): Promise<void>
  /** Counts what is held in this process; takes a step per channel. */
  usage(): RedisPubSubChannelsUsage
}

/**
 * A channel layer that processes share through Redis's pub/sub, which keeps nothing: a message reaches
 * the processes that listen at that moment. It connects when it is first used, and connects again
 * whenever the connection is lost; what is sent meanwhile is missed, counted and logged. Calls that
 * cannot reach Redis reject with `channel_layer_unavailable` after `timeout`; `receive` waits. With several
 * hosts, what reaches another process by two of them has no order: that of a channel, and those of groups.
 *
 * @throws {RangeError} for an option out of its range, {TypeError} for one that does not exist, and
 * for a host that makes no sense.
 */
export function redisPubSubChannels(options: RedisPubSubChannelsOptions = {}): RedisPubSubChannelLayer {
  checkOptions('redisPubSubChannels()', options, REDIS_LAYER_OPTIONS)
  // channels_redis looks at no time in a token here, and clocks of hosts differ.
  return new RedisPubSubChannels(redisLayerSettings(options, () => undefined))
}
