/**
 * The channel layer of many processes, on Redis or Valkey 7 and later, in the wire format of
 * channels_redis's RedisChannelLayer: docs/redis.md.
 */
import { type OptionNames, checkOptions } from '../../../protocol/known-options.ts'
import { needPackage } from '../../../protocol/needed-package.ts'
import type { ChannelLayer } from '../../layer.ts'
import { RedisChannels } from './layer.ts'
import { PREFIX_LENGTH } from './sequence.ts'
import { REDIS_LAYER_OPTIONS, type RedisLayerOptions, redisLayerSettings } from '../settings.ts'
import type { RedisChannelsUsage } from '../layer.ts'

export type { RedisAddress, RedisHost } from '../../../redis/hosts.ts'
export type { RedisChannelsUsage } from '../layer.ts'

export interface RedisChannelsOptions extends RedisLayerOptions {
  /**
   * channels_redis's `random_prefix_length`: bytes before each message in Redis, 0 to 255. The same in every
   * process. Fewer bytes save memory, but equal messages that wait in one queue may become one. Default: 12.
   */
  readonly randomPrefixLength?: number | undefined
  /**
   * Most channels of this process that a group lists by their names, where Python's `group_discard` finds
   * them. A group with more has one entry for all of them, which is faster to send to. 0 lists none by name.
   * Default: 1,000.
   */
  readonly namedMembers?: number | undefined
}

export interface RedisChannelLayer extends ChannelLayer {
  /** Counts what is held in this process; takes a step per channel. */
  usage(): RedisChannelsUsage
}

const OPTIONS: OptionNames<RedisChannelsOptions> = {
  ...REDIS_LAYER_OPTIONS,
  randomPrefixLength: true,
  namedMembers: true,
}

/** Measured in docs/decisions/0006-members-that-python-can-discard.md. */
const NAMED_MEMBERS = 1000
/** Seconds added to the expiry for clocks that differ, as in channels_redis. */
const TOKEN_GRACE = 10

/**
 * A channel layer that processes share through Redis. It connects when it is first used, and reconnects
 * whenever the connection is lost. Calls that cannot reach Redis reject with `channel_layer_unavailable`
 * after `timeout`; `receive` waits.
 *
 * @throws {RangeError} for an option out of its range, {TypeError} for one that does not exist, and
 * for a host that cannot be understood.
 */
export function redisChannels(options: RedisChannelsOptions = {}): RedisChannelLayer {
  checkOptions('redisChannels()', options, OPTIONS)
  needPackage('millrace/redis', 'redis')
  const { randomPrefixLength: prefixLength = PREFIX_LENGTH } = options
  if (!Number.isInteger(prefixLength) || prefixLength < 0 || prefixLength > 255) {
    throw new RangeError(`randomPrefixLength must be an integer from 0 to 255, not ${String(prefixLength)}`)
  }
  const { namedMembers = NAMED_MEMBERS } = options
  if (!Number.isSafeInteger(namedMembers) || namedMembers < 0) {
    throw new RangeError(`namedMembers must be a whole number of channels, not ${String(namedMembers)}`)
  }
  const settings = redisLayerSettings(options, (expiry) => expiry + TOKEN_GRACE)
  return new RedisChannels({ ...settings, prefixLength, namedMembers })
}
