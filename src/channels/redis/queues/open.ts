/**
 * The channel layer of many processes, on Redis or Valkey 7 and later, in the wire format of
 * channels_redis's RedisChannelLayer: docs/redis.md.
 */
import { type OptionNames, checkOptions } from '../../../protocol/known-options.ts'
import type { ChannelLayer } from '../../layer.ts'
import { RedisChannels } from './layer.ts'
import { PREFIX_LENGTH } from './sequence.ts'
import { REDIS_LAYER_OPTIONS, type RedisLayerOptions, redisLayerSettings } from '../settings.ts'
import type { RedisChannelsUsage } from '../usage.ts'

export type { RedisAddress, RedisHost } from '../../../redis/hosts.ts'
export type { RedisChannelsUsage } from '../usage.ts'

export interface RedisChannelsOptions extends RedisLayerOptions {
  /**
   * channels_redis's `random_prefix_length`: bytes before each message in Redis, 0 to 255. Every
   * process has the same. Shorter ones save memory; with few of them equal messages that wait in one
   * queue become one. Default: 12.
   */
  readonly randomPrefixLength?: number | undefined
  /**
   * Channels of this process that are listed in a group by their names, where Python's `group_discard` finds
   * them. A group with more has one entry for all of them, which costs its senders less. 0 for never by name.
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
/** Beside the expiry, as in channels_redis: clocks of hosts differ. */
const TOKEN_GRACE = 10

/**
 * A channel layer that processes share through Redis. It connects when it is first used, and connects
 * again whenever the connection is lost. Calls that cannot reach Redis reject with
 * `channel_layer_unavailable` after `timeout`; `receive` waits.
 *
 * @throws {RangeError} for an option out of its range, {TypeError} for one that does not exist, and
 * for a host that makes no sense.
 */
export function redisChannels(options: RedisChannelsOptions = {}): RedisChannelLayer {
  checkOptions('redisChannels()', options, OPTIONS)
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
