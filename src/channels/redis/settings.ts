/** The options of both layers on Redis, checked and with their defaults. */
import { type Logger, libraryLogger } from '../../logging/logger.ts'
import type { OptionNames } from '../../protocol/known-options.ts'
import { type HostSettings, hostSettings, type RedisHost } from '../../redis/hosts.ts'
import {
  CHANNEL_LAYER_OPTIONS,
  type ChannelLayerOptions,
  type ChannelLayerSettings,
  channelLayerSettings,
} from '../options.ts'
import type { Serializer } from './codec/codec.ts'
import { Fernet } from './codec/fernet.ts'

export interface RedisLayerOptions extends ChannelLayerOptions {
  /** One Redis as a URL. Default: `redis://localhost:6379`. Give this or `hosts`. */
  readonly url?: string | undefined
  /**
   * One Redis, or several that share the load. Every process gives the same ones in the same order. The name
   * of a channel or group decides its host, so its messages wait or fail while that host is away.
   */
  readonly hosts?: RedisHost | readonly (string | RedisHost)[] | undefined
  /** What the layer's keys in Redis begin with. Default: `asgi`, as in channels_redis. */
  readonly prefix?: string | undefined
  /**
   * Secrets that encrypt messages, like channels_redis's `symmetric_encryption_keys`: the first encrypts,
   * any of them decrypts. Names of channels and groups are not encrypted. Default: none.
   */
  readonly encryptionKeys?: readonly (string | Uint8Array)[] | undefined
  /**
   * channels_redis's `serializer_format`. JSON is readable in Redis, and carries no bytes, NaN or
   * infinity: such a message is refused with `invalid_message`. Default: `msgpack`.
   */
  readonly serializer?: Serializer | undefined
  /** Seconds that a call waits for a connection to Redis, and then for the answer. Default: 5. */
  readonly timeout?: number | undefined
  /**
   * Default: the logger of `millrace serve` and `millrace worker`; in any other program nothing is logged.
   */
  readonly logger?: Logger | undefined
}

export const REDIS_LAYER_OPTIONS: OptionNames<RedisLayerOptions> = {
  ...CHANNEL_LAYER_OPTIONS,
  url: true,
  hosts: true,
  prefix: true,
  encryptionKeys: true,
  serializer: true,
  timeout: true,
  logger: true,
}

export interface RedisLayerSettings extends ChannelLayerSettings {
  readonly hosts: readonly HostSettings[]
  readonly prefix: string
  readonly fernet: Fernet | undefined
  readonly serializer: Serializer
  /** Milliseconds. */
  readonly timeoutMs: number
  readonly logger: Logger
}

export interface RedisChannelsSettings extends RedisLayerSettings {
  /** Bytes before each message in a queue. */
  readonly prefixLength: number
  /** Most channels of a group that this process lists by their names. */
  readonly namedMembers: number
}

/**
 * The options with their defaults.
 *
 * @param tokenLifetime seconds for which an encrypted message is read; undefined for any time.
 * @throws {RangeError} for an option out of its range, {TypeError} for a host that cannot be understood.
 */
export function redisLayerSettings(
  options: RedisLayerOptions,
  tokenLifetime: (expiry: number) => number | undefined,
): RedisLayerSettings {
  const { url, hosts, prefix = 'asgi', encryptionKeys, serializer = 'msgpack', timeout = 5 } = options
  if (url !== undefined && hosts !== undefined) throw new TypeError('Give either `url` or `hosts`')
  if (prefix === '') {
    throw new RangeError('prefix must not be empty: other names on the server would be taken for the layer’s')
  }
  if (serializer !== 'msgpack' && serializer !== 'json') {
    throw new RangeError(`serializer must be msgpack or json, not ${JSON.stringify(serializer)}`)
  }
  if (!Number.isFinite(timeout) || timeout <= 0) {
    throw new RangeError(`timeout must be a positive number of seconds, not ${String(timeout)}`)
  }
  if (encryptionKeys !== undefined && !isListOfKeys(encryptionKeys)) {
    throw new TypeError('encryptionKeys must be a list of secrets, each a text or bytes: [secret]')
  }
  const settings = channelLayerSettings(options)
  return {
    ...settings,
    hosts: hostSettings(url ?? hosts),
    prefix,
    fernet: encryptionKeys && new Fernet(encryptionKeys, tokenLifetime(settings.expiry)),
    serializer,
    timeoutMs: timeout * 1000,
    logger: options.logger ?? libraryLogger(),
  }
}

function isListOfKeys(value: unknown): boolean {
  return Array.isArray(value) && value.every((key) => typeof key === 'string' || key instanceof Uint8Array)
}
