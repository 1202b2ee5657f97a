/**
 * The channel layer of many processes on the pub/sub of Redis or Valkey 7 and later, in the wire format
 * of channels_redis's RedisPubSubChannelLayer: docs/redis.md.
 */
import { checkOptions } from '../../../protocol/known-options.ts'
import { needPackage } from '../../../protocol/needed-package.ts'
import type { ChannelLayer } from '../../layer.ts'
import { RedisPubSubChannels, type RedisPubSubChannelsUsage } from './layer.ts'
import { REDIS_LAYER_OPTIONS, type RedisLayerOptions, redisLayerSettings } from '../settings.ts'

export type { RedisPubSubChannelsUsage } from './layer.ts'

export type RedisPubSubChannelsOptions = RedisLayerOptions

export interface RedisPubSubChannelLayer extends ChannelLayer {
  /**
   * Resolves when messages of other processes are heard here. Rejects like other calls when Redis is away. A
   * layer begins to listen with its first `newChannel`, `groupAdd` or `receive`; messages that others send to
   * a new channel earlier are lost.
   */
  listen(): Promise<void>
  /** Counts what is held in this process; takes a step per channel. */
  usage(): RedisPubSubChannelsUsage
}

/**
 * A channel layer that processes share through Redis's pub/sub, which keeps nothing: a message reaches the
 * processes that listen at that moment. It connects when it is first used, and reconnects whenever the
 * connection is lost. Messages sent meanwhile are missed; each such gap is counted and logged. Calls that
 * cannot reach Redis reject with `channel_layer_unavailable` after `timeout`; `receive` waits. With several
 * hosts, messages to a channel and to its groups may arrive in another order than they were sent.
 *
 * @throws {RangeError} for an option out of its range, {TypeError} for one that does not exist, and
 * for a host that cannot be understood.
 */
export function redisPubSubChannels(options: RedisPubSubChannelsOptions = {}): RedisPubSubChannelLayer {
  checkOptions('redisPubSubChannels()', options, REDIS_LAYER_OPTIONS)
  needPackage('millrace/redis', 'redis')
  // As in channels_redis, the time in a token is not checked here, because clocks of hosts differ.
  return new RedisPubSubChannels(redisLayerSettings(options, () => undefined))
}
