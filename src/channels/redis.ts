/**
 * The channel layer of many processes, on Redis or Valkey 7 and later, in the wire format of Django's
 * channels_redis: docs/redis.md.
 */
import { type Logger, silentLogger } from '../logging/logger.ts'
import type { ChannelLayer } from './layer.ts'
import { type ChannelLayerOptions, channelLayerSettings } from './options.ts'
import { Fernet } from './redis/fernet.ts'
import { hostSettings, type RedisHost } from './redis/hosts.ts'
import { RedisChannels } from './redis/layer.ts'
import type { RedisChannelsUsage } from './redis/usage.ts'

export type { RedisAddress, RedisHost } from './redis/hosts.ts'
export type { RedisChannelsUsage } from './redis/usage.ts'

export interface RedisChannelsOptions extends ChannelLayerOptions {
  /** One Redis as a URL. Default: `redis://localhost:6379`. Give this or `hosts`. */
  readonly url?: string | undefined
  /**
   * One Redis, or several that share the load: every process names the same ones in the same order.
   * What a host is for is computed from names, so that one that is away takes its share with it.
   */
  readonly hosts?: RedisHost | readonly (string | RedisHost)[] | undefined
  /** What all keys of the layer begin with. Default: `asgi`, as in channels_redis. */
  readonly prefix?: string | undefined
  /**
   * Secrets to encrypt messages with, as channels_redis's `symmetric_encryption_keys`: the first
   * encrypts, any of them decrypts. Names of channels and groups are not encrypted. Default: none.
   */
  readonly encryptionKeys?: readonly (string | Uint8Array)[] | undefined
  /** Seconds that a call waits for Redis to be there, and then for its answer. Default: 5. */
  readonly timeout?: number | undefined
  /** Default: silent. */
  readonly logger?: Logger | undefined
}

export interface RedisChannelLayer extends ChannelLayer {
  /** Counts what is held in this process; takes a step per channel. */
  usage(): RedisChannelsUsage
}

/** Beside the expiry, as in channels_redis: clocks of hosts differ. */
const TOKEN_GRACE = 10

/**
 * A channel layer that processes share through Redis. It connects when it is first used, and connects
 * again whenever the connection is lost. Calls that cannot reach Redis reject with
 * `ChannelLayerUnavailable` after `timeout`; `receive` waits.
 *
 * @throws {RangeError} for an option out of its range, {TypeError} for a host that makes no sense.
 */
export function redisChannels(options: RedisChannelsOptions = {}): RedisChannelLayer {
  const { url, hosts, prefix = 'asgi', encryptionKeys, timeout = 5, logger = silentLogger } = options
  if (url !== undefined && hosts !== undefined) throw new TypeError('Give either `url` or `hosts`')
  if (prefix === '')
    throw new RangeError('prefix must not be empty: other keys of the server would be taken for the layer’s')
  if (!Number.isFinite(timeout) || timeout <= 0) {
    throw new RangeError(`timeout must be a positive number of seconds, not ${String(timeout)}`)
  }
  const settings = channelLayerSettings(options)
  return new RedisChannels({
    ...settings,
    hosts: hostSettings(url ?? hosts),
    prefix,
    fernet: encryptionKeys && new Fernet(encryptionKeys, settings.expiry + TOKEN_GRACE),
    timeoutMs: timeout * 1000,
    logger,
  })
}
